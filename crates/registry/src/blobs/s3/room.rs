//! The room that all upload sessions of this process share for bytes that wait to be sent to S3.
//!
//! Bytes stay in memory while there is room, and otherwise go to files without a name in the directory for temporary files. So a session
//! whose client stalls holds what it received and no more, and never keeps another one from receiving. What is in files has to be read
//! before it is sent; that memory is held only as long as S3 takes, so every session gets its turn.

use crate::error::{Error, Result};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum number of bytes in files: about four hundred stalled uploads.
const FILES: usize = 4 << 30;

/// A number of bytes that is given back when it is dropped.
pub(super) type Held = OwnedSemaphorePermit;

#[derive(Debug)]
pub(super) struct Room {
    memory: Arc<Semaphore>,
    files: Arc<Semaphore>,
    /// For bytes read from files and objects to be sent.
    reading: Arc<Semaphore>,
    /// The limits of `memory` and `reading`.
    limits: (usize, usize),
}

impl Room {
    /// Divides `memory` bytes: three quarters for bytes received, and the rest for bytes that have to be read before they are sent.
    pub(super) fn new(memory: u64) -> Self {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let limits = (memory - memory / 4, memory / 4);
        let pool = |size: usize| Arc::new(Semaphore::new(size));
        Self { memory: pool(limits.0), files: pool(FILES.min(Semaphore::MAX_PERMITS)), reading: pool(limits.1), limits }
    }

    /// Takes room in memory, if there is any now.
    pub(super) fn try_memory(&self, bytes: usize) -> Option<Held> {
        self.memory.clone().try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }

    /// Takes room in files.
    pub(super) fn files(&self, bytes: usize) -> Result<Held> {
        let bytes = u32::try_from(bytes).map_err(|error| Error::Internal(error.to_string()))?;
        let crowded = |_| Error::Unavailable("too many uploads wait to be sent to S3".to_owned());
        self.files.clone().try_acquire_many_owned(bytes).map_err(crowded)
    }

    /// Waits for room to read bytes that are going to be sent.
    pub(super) async fn reading(&self, bytes: u64) -> Result<Held> {
        let bytes = u32::try_from(bytes.min(self.limits.1 as u64)).unwrap_or(u32::MAX);
        self.reading.clone().acquire_many_owned(bytes).await.map_err(|error| Error::Internal(error.to_string()))
    }

    /// The bytes received that are in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.limits.0 - self.memory.available_permits()
    }

    /// The bytes received that are in files.
    pub(super) fn in_files(&self) -> usize {
        FILES - self.files.available_permits()
    }
}
