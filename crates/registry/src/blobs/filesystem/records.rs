//! Records: small files beside the blobs.

use super::Filesystem;
use crate::disk::{blocking, permissions, sync_directory};
use crate::error::Result;
use std::fs;
use std::io::ErrorKind;

impl Filesystem {
    pub(in crate::blobs) async fn write_record(&self, name: &str, text: String) -> Result<()> {
        let (path, root) = (self.layout.object(name), self.layout.root());
        blocking(move || {
            if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
                permissions::create_directory(directory)?;
                sync_directory(&root)?;
            }
            permissions::write_file(&path, &text)
        })
        .await
    }

    pub(in crate::blobs) async fn read_record(&self, name: &str) -> Result<Option<String>> {
        let path = self.layout.object(name);
        blocking(move || match fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    pub(in crate::blobs) async fn records(&self, directory: &str) -> Result<Vec<String>> {
        let path = self.layout.object(directory);
        blocking(move || {
            let entries = match fs::read_dir(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
            let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
            names.sort();
            Ok::<_, std::io::Error>(names)
        })
        .await
    }

    pub(in crate::blobs) async fn delete_record(&self, name: &str) -> Result<()> {
        let path = self.layout.object(name);
        blocking(move || {
            fs::remove_file(&path)?;
            sync_directory(path.parent().unwrap_or(&path))
        })
        .await
    }
}
