//! The destination of a log: stderr, or a file that can be reopened after rotation.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The pause between attempts to write to a full pipe in non-blocking mode.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Sink {
    out: Box<dyn Write + Send>,
    /// The path of the file, if it is one.
    path: Option<PathBuf>,
    /// Whether the last line is incomplete.
    is_torn: bool,
}

impl Sink {
    pub(super) fn new(out: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), path: None, is_torn: false }
    }

    /// Opens a file to append to, creating it if necessary.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        Ok(Self { path: Some(path.to_owned()), ..Self::new(open(path)?) })
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes as much as possible. Returns the number of bytes written, and the error if that is not all.
    pub(super) fn write(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        if self.is_torn && !bytes.is_empty() {
            match self.write_all(b"\n") {
                (_, None) => self.is_torn = false,
                failed => return (0, failed.1),
            }
        }
        let (length, failure) = self.write_all(bytes);
        self.is_torn |= bytes[..length].last().is_some_and(|last| *last != b'\n');
        (length, failure)
    }

    fn write_all(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut written = 0;
        while written < bytes.len() {
            match self.out.write(&bytes[written..]) {
                Ok(0) => return (written, Some(ErrorKind::WriteZero.into())),
                Ok(length) => written += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(RETRY_PAUSE),
                Err(error) => return (written, Some(error)),
            }
        }
        (written, None)
    }

    /// Opens the file again. If that fails, the old file stays in use.
    pub(super) fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match open(path) {
            Ok(file) => (self.out, self.is_torn) = (Box::new(file), false),
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "the audit log cannot be reopened: it continues in the old file")
            }
        }
    }
}

/// Opens a file to append to. A new file can be read by its owner only.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}
