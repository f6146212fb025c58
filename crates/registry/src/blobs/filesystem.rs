//! Blobs on a filesystem.
//!
//! ```text
//! blobs/
//!   uploads/<upload>                       what an unfinished session has received
//!   sha256/<first two hex>/<hex>.<upload>  a stored blob
//!   sha512/…
//! ```

use super::StoredObject;
use super::opened::{LastOpened, Opened};
use crate::durable::sync_folder;
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::private;
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest, Timestamp};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The folder of unfinished uploads.
const UPLOADS: &str = "uploads";

pub(crate) struct Filesystem {
    root: PathBuf,
    last_opened: LastOpened,
}

/// An upload that is open for appending.
pub(crate) struct UploadFile {
    file: File,
    /// Where it was opened to append at.
    start: u64,
    /// The folder to make durable too, when this upload's file is new in it.
    folder: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub(super) struct Reader(Opened);

impl Filesystem {
    pub(super) fn open(root: &Path) -> Result<Self> {
        let store = Self { root: root.to_owned(), last_opened: LastOpened::default() };
        if !store.uploads().is_dir() {
            private::make_folder(&store.uploads())?;
            sync_folder(root)?;
        }
        Ok(store)
    }

    fn uploads(&self) -> PathBuf {
        self.root.join(UPLOADS)
    }

    fn upload_path(&self, upload: &str) -> PathBuf {
        self.uploads().join(upload)
    }

    pub(super) async fn check_ready(&self) -> Result<()> {
        let uploads = self.uploads();
        run(move || fs::metadata(uploads).map(drop)).await
    }

    pub(super) fn open_upload(&self, upload: &str, offset: u64, becoming: Option<&Digest>) -> Result<UploadFile> {
        let is_new = offset == 0;
        let path = self.upload_path(upload);
        if let (Some(digest), false) = (becoming, is_new || path.exists()) {
            fs::rename(self.root.join(key_of(upload, digest)), &path)?;
        }
        let mut file = private::making().create(is_new).truncate(false).write(true).open(path)?;
        if file.metadata()?.len() < offset {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "an upload's file is shorter than its session says").into());
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(UploadFile { file, start: offset, folder: is_new.then(|| self.uploads()) })
    }

    pub(super) fn digest_of_upload(&self, upload: &str, length: u64, expected: &Digest) -> Result<Digest> {
        let (from, kept) = (self.upload_path(upload), self.root.join(key_of(upload, expected)));
        let mut hash = Hash::new(expected.algorithm());
        let mut file = open_first(OpenOptions::new().read(true), &from, &kept)?.take(length);
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hash.finish()),
                read => hash.update(&buffer[..read]),
            }
        }
    }

    pub(super) fn keep(&self, upload: &str, written: Option<UploadFile>, length: u64, digest: &Digest) -> Result<String> {
        let key = key_of(upload, digest);
        let (from, to) = (self.upload_path(upload), self.root.join(&key));
        let file = match written {
            Some(written) => written.file,
            None => untouched(&from, &to, length)?,
        };
        // Until a row names it, only its time tells a collector that it is not forgotten.
        file.set_modified(SystemTime::now())?;
        let folder = to.parent().unwrap_or(&to);
        let is_new = !folder.is_dir();
        private::make_folder(folder)?;
        if from.exists() {
            fs::rename(&from, &to)?;
        }
        // The name first, then the bytes and the name made durable: filesystems with a journal write all of it at once.
        file.sync_all()?;
        sync_folder(folder)?;
        if is_new {
            folder.ancestors().skip(1).take(2).try_for_each(sync_folder)?;
        }
        Ok(key)
    }

    pub(super) async fn upload_grew_since(&self, upload: &str, time: Timestamp) -> Result<bool> {
        let path = self.upload_path(upload);
        run(move || match fs::metadata(path) {
            Ok(metadata) => Ok(metadata.modified()? >= system_time(time)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
        .await
    }

    pub(super) async fn open_blob(&self, key: &str, size: u64) -> Result<Reader> {
        if let Some(blob) = self.last_opened.get(key).filter(Opened::is_whole) {
            return Ok(Reader(blob));
        }
        self.last_opened.forget(key);
        let path = self.root.join(key);
        let blob = run(move || Opened::open(&path)).await?;
        if blob.size() != size {
            return Err(Error::Internal(format!(
                "the stored blob '{key}' has {} bytes, not {size}: something else changed it",
                blob.size()
            )));
        }
        self.last_opened.put(key, &blob);
        Ok(Reader(blob))
    }

    pub(super) async fn folders(&self) -> Result<Vec<String>> {
        let root = self.root.clone();
        run(move || {
            let mut folders = vec![UPLOADS.to_owned()];
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                for entry in entries(&root.join(algorithm.as_str()))? {
                    folders.push(format!("{}/{}", algorithm.as_str(), entry.file_name().to_string_lossy()));
                }
            }
            Ok(folders)
        })
        .await
    }

    pub(super) async fn objects_older_than(&self, folder: &str, time: Timestamp) -> Result<Vec<StoredObject>> {
        let (path, folder) = (self.root.join(folder), folder.to_owned());
        let limit = system_time(time);
        run(move || {
            let mut objects = Vec::new();
            for entry in entries(&path)? {
                // A file that vanishes meanwhile is somebody else's business.
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_file() && metadata.modified()? < limit {
                    objects.extend(stored_object(&folder, &entry.file_name().to_string_lossy(), metadata.len()));
                }
            }
            Ok(objects)
        })
        .await
    }

    pub(super) async fn discard_upload(&self, upload: &str) {
        remove(self.upload_path(upload)).await;
    }

    pub(super) async fn delete(&self, key: &str) {
        remove(self.root.join(key)).await;
        self.last_opened.forget(key);
    }
}

impl UploadFile {
    /// Writes a batch. It blocks. Nobody is told of what was written before a write that fails, so its disk is given back at once: on a
    /// full one nothing else could free it.
    pub(crate) fn write(&self, batch: &[Bytes]) -> Result<()> {
        self.write_all(batch).inspect_err(|_| {
            if let Err(error) = self.cut_to_start() {
                tracing::warn!(%error, "what was written of an upload that failed could not be taken back");
            }
        })
    }

    fn write_all(&self, batch: &[Bytes]) -> Result<()> {
        let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut left = slices.as_mut_slice();
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match (&self.file).write_vectored(left) {
                Ok(0) => return Err(io::Error::from(ErrorKind::WriteZero).into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Another handle on the same file.
    pub(crate) fn share(&self) -> Result<Self> {
        Ok(Self { file: self.file.try_clone()?, start: self.start, folder: None })
    }

    /// Gives the disk back that was written to since it was opened. It blocks.
    pub(crate) fn cut_to_start(&self) -> Result<()> {
        Ok(self.file.set_len(self.start)?)
    }

    /// Returns when the bytes written so far are on the disk. It blocks.
    pub(crate) fn sync_content(&self) -> Result<()> {
        Ok(self.file.sync_data()?)
    }

    /// Returns when everything that was written would survive a power cut. It blocks.
    pub(crate) fn make_durable(&self) -> Result<()> {
        self.file.sync_all()?;
        if let Some(folder) = &self.folder {
            sync_folder(folder)?;
        }
        Ok(())
    }
}

impl Reader {
    pub(super) fn of_bytes(bytes: Bytes) -> Self {
        Self(Opened::of_bytes(bytes))
    }

    pub(super) async fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let part = self.loaded(offset, length).await?;
        if self.0.is_whole() { Ok(part) } else { Err(io::Error::from(ErrorKind::UnexpectedEof).into()) }
    }

    pub(super) async fn copy(&self, offset: u64, length: usize) -> Result<Bytes> {
        let part = self.loaded(offset, length).await?;
        match self.0.mapping() {
            Some(mapping) => Ok(mapping.copy(offset, length)?.into()),
            None => Ok(part),
        }
    }

    async fn loaded(&self, offset: u64, length: usize) -> Result<Bytes> {
        let part = self.0.part(offset, length).ok_or_else(|| io::Error::from(ErrorKind::UnexpectedEof))?;
        // Only what may have to come from the disk goes by way of another thread.
        if let (Some(mapping), Ok(start)) = (self.0.not_loaded(offset, length).cloned(), usize::try_from(offset)) {
            run(move || mapping.load(start, length)).await?;
        }
        Ok(part)
    }
}

/// Runs something that blocks away from the threads that serve requests.
async fn run<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.to_string()))?;
    done.map_err(Error::from)
}

async fn remove(path: PathBuf) {
    let shown = path.clone();
    match run(move || fs::remove_file(path).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })).await {
        Ok(()) => {}
        Err(error) => tracing::warn!(%error, path = %shown.display(), "a file could not be removed"),
    }
}

/// The key of what an upload becomes: no other upload's is the same.
fn key_of(upload: &str, digest: &Digest) -> String {
    let hex = digest.hex();
    format!("{}/{}/{hex}.{upload}", digest.algorithm().as_str(), &hex[..2])
}

/// Opens a file, or if it is not there another one.
fn open_first(options: &OpenOptions, path: &Path, other: &Path) -> io::Result<File> {
    match options.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => options.open(other),
        opened => opened,
    }
}

fn system_time(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(time.micros()).unwrap_or(0))
}

/// The entries of a folder; none of one that is not there.
fn entries(folder: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// What a file is by its name; none for a file that is not ours, which is left alone.
fn stored_object(folder: &str, name: &str, size: u64) -> Option<StoredObject> {
    if folder == UPLOADS {
        return uuid::Uuid::try_parse(name).ok().map(|id| StoredObject::Upload { id: id.to_string(), size });
    }
    let (algorithm, _) = folder.split_once('/')?;
    let (hex, _upload) = name.split_once('.')?;
    let digest = Digest::parse(&format!("{algorithm}:{hex}")).ok()?;
    Some(StoredObject::Blob { digest, key: format!("{folder}/{name}"), size })
}

/// The file of an upload that this request has not written to. One that was kept before, but not noted, has it at `kept`.
fn untouched(path: &Path, kept: &Path, length: u64) -> io::Result<File> {
    let file = open_first(OpenOptions::new().write(true), path, kept)?;
    if file.metadata()?.len() != length {
        // Something of a request that failed lies beyond what the session's row counts.
        file.set_len(length)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    #[test]
    fn a_write_that_fails_leaves_nothing_of_what_was_written_since_the_file_was_opened() {
        let mut file = File::from(memfd_create("upload", MemfdFlags::ALLOW_SEALING).unwrap());
        file.write_all(b"noted").unwrap();
        let upload = UploadFile { file, start: 5, folder: None };
        upload.write(&[Bytes::from_static(b" and more")]).unwrap();
        assert_eq!(upload.file.metadata().unwrap().len(), 14);
        // As on a full disk: what is there stays, and nothing comes to it.
        fcntl_add_seals(&upload.file, SealFlags::GROW).unwrap();
        assert!(upload.write(&[Bytes::from_static(b" and what has no room")]).is_err());
        assert_eq!(upload.file.metadata().unwrap().len(), 5);
    }
}
