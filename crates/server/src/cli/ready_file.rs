//! `--ready-file`: tells other programs that the server accepts requests, and where.

use super::failure::Failure;
use crate::config::Origin;
use roadstead_model::{RegistryAlias, RegistryId};
use rustix::fs::OFlags;
use serde_json::json;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Where a server is that accepts requests.
pub(super) struct Readiness<'a> {
    /// The base of its URLs.
    pub(super) url: Origin,
    pub(super) address: SocketAddr,
    pub(super) admin_address: Option<SocketAddr>,
    pub(super) registry_id: RegistryId,
    pub(super) alias: RegistryAlias,
    /// The directory with its data, unless all of it is in a database and a bucket.
    pub(super) data: Option<&'a Path>,
}

/// Where to write it.
pub(super) enum ReadyFile {
    /// A file, which appears with its whole content, and is removed when this is dropped.
    File(PathBuf),
    /// A pipe or a device, such as `/dev/fd/3`, to which a line is written.
    Stream(PathBuf),
}

impl ReadyFile {
    /// Removes the file of a server that was killed, so that nobody takes it for that of this server.
    pub(super) fn prepare(path: PathBuf) -> Result<Self, Failure> {
        match fs::symlink_metadata(&path).map(|metadata| metadata.is_file()) {
            Ok(true) => fs::remove_file(&path).map_err(cannot_write(&path))?,
            Ok(false) => return Ok(Self::Stream(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot_write(&path)(error)),
        }
        Ok(Self::File(path))
    }

    pub(super) fn write(&self, readiness: &Readiness<'_>) -> Result<(), Failure> {
        let line = format!("{}\n", readiness.to_json());
        match self {
            Self::File(path) => replace(path, &line).map_err(cannot_write(path)),
            Self::Stream(path) => write_to_stream(path, &line).map_err(cannot_write(path)),
        }
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        if let Self::File(path) = self {
            // Whoever has read it may have removed it.
            let _ = fs::remove_file(path);
        }
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Nothing in it is secret.
    let mut draft = tempfile::Builder::new().permissions(Permissions::from_mode(0o644)).tempfile_in(directory)?;
    draft.write_all(text.as_bytes())?;
    draft.persist(path)?;
    Ok(())
}

/// Does not wait for a reader of a named pipe: without one, this fails.
fn write_to_stream(path: &Path, text: &str) -> io::Result<()> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().append(true).custom_flags(nonblocking).open(path)?.write_all(text.as_bytes())
}

impl Readiness<'_> {
    fn to_json(&self) -> serde_json::Value {
        json!({
            "url": self.url.to_string(),
            "address": self.address,
            "adminAddress": self.admin_address,
            "registryId": self.registry_id.as_str(),
            "alias": self.alias.as_str(),
            "data": self.data.map(|data| data.display().to_string()),
            "pid": std::process::id(),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::Failed(format!("cannot write '{}', the file of --ready-file: {error}", path.display()))
}
