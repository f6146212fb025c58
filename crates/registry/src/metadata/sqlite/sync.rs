//! The sync thread, which syncs the write-ahead log once for all commits since its last sync and then answers their callers.

use super::writer::Answer;
use crate::error::{Error, Result};
use crate::metadata::activity::Activity;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Instant;

/// Whether the log can be relied on. When a sync fails, the kernel may drop dirty pages without a trace, and every later commit builds
/// on them. After that, nothing is durable until the database is reopened.
#[derive(Default)]
pub(super) struct LogHealth {
    sync_failed: AtomicBool,
}

impl LogHealth {
    /// Fails if a sync has failed before.
    pub(super) fn check(&self) -> Result<()> {
        if self.sync_failed.load(Ordering::Acquire) {
            return Err(Error::Unavailable("the metadata could not be synced".to_owned()));
        }
        Ok(())
    }

    fn sync(&self, log: &File) -> Result<()> {
        self.check()?;
        log.sync_data().map_err(|error| {
            self.sync_failed.store(true, Ordering::Release);
            tracing::error!(%error, "cannot sync the metadata: writes are refused until the server is restarted");
            error.into()
        })
    }
}

/// Syncs the log for each batch of commits, while the writer runs the next one.
pub(super) fn sync_batches(log: &File, committed: &Receiver<Vec<Answer>>, health: &LogHealth, activity: &Activity) {
    while let Ok(mut answers) = committed.recv() {
        committed.try_iter().for_each(|more| answers.extend(more));
        let begun = Instant::now();
        let synced = health.sync(log);
        activity.sync_durations.observe_time(begun.elapsed());
        answers.into_iter().for_each(|answer| answer(synced.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// `/dev/null` cannot be synced.
    #[test]
    fn after_a_sync_that_failed_nothing_is_taken_for_durable() {
        let (to_sync, committed) = mpsc::channel();
        let (told, ends) = mpsc::channel();
        for _ in 0..2 {
            let told = told.clone();
            let answer: Answer = Box::new(move |synced| told.send(synced).expect("the test listens"));
            to_sync.send(vec![answer]).expect("a queue");
        }
        drop((to_sync, told));
        let health = LogHealth::default();
        assert!(health.check().is_ok());
        sync_batches(&File::open("/dev/null").expect("a device"), &committed, &health, &Activity::default());
        assert_eq!(ends.iter().filter(Result::is_err).count(), 2);
        assert!(health.check().is_err());
    }
}
