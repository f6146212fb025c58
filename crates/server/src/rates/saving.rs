//! The monthly volume in the database: it survives restarts, and adds up what all replicas send.
//!
//! Every ten seconds, a replica adds what it has sent, and learns the sums of those addresses. So an address exceeds its volume by at
//! most what all replicas send it in that time, beside the responses that are on their way.

use super::caller::Caller;
use super::limiters::Limiters;
use super::volume::{Downloads, month};
use roadstead_registry::{DownloadVolume, Installation, Result};
use std::time::Duration;

/// A crash loses what was sent in this time.
const INTERVAL: Duration = Duration::from_secs(10);
/// The number of addresses that are saved at a time. Those that were sent most come first.
const MOST_SAVED: usize = 1_000;
/// The number of addresses per transaction.
const AT_ONCE: usize = 100;
/// How many intervals pass between two tidyings.
const TIDYING: u32 = 60;

impl Limiters {
    /// Takes over what was stored before a start.
    pub(crate) async fn restore(&self, installation: &Installation) -> Result<()> {
        let Some(downloads) = self.pulls.downloads() else { return Ok(()) };
        let month = month(installation.now());
        learn(downloads, month, installation.largest_download_volumes(month).await?);
        Ok(())
    }

    /// Saves the volumes at regular intervals. Returns only if they are not limited.
    pub(crate) async fn save_regularly(&self, installation: &Installation) {
        if self.pulls.downloads().is_none() {
            return;
        }
        loop {
            self.tidy(installation).await;
            for _ in 0..TIDYING {
                tokio::time::sleep(INTERVAL).await;
                self.save(installation, MOST_SAVED).await;
            }
        }
    }

    /// Saves all volumes before a stop.
    pub(crate) async fn save_all(&self, installation: &Installation) {
        self.save(installation, usize::MAX).await;
    }

    /// Saves the volumes of up to `most` addresses. What cannot be saved is kept for the next time.
    async fn save(&self, installation: &Installation, most: usize) {
        let Some(downloads) = self.pulls.downloads() else { return };
        let (month, mut unsaved) = downloads.take_unsaved(most);
        while !unsaved.is_empty() {
            let part = unsaved.split_off(unsaved.len().saturating_sub(AT_ONCE));
            let volumes = part.iter().map(|(Caller(caller), bytes)| DownloadVolume { caller: *caller, bytes: *bytes });
            match installation.add_download_volumes(month, volumes.collect()).await {
                Ok(sums) => learn(downloads, month, sums),
                Err(error) => {
                    tracing::error!(%error, "the volume of downloads cannot be saved: this is tried again");
                    return downloads.put_back(month, unsaved.into_iter().chain(part));
                }
            }
        }
    }

    async fn tidy(&self, installation: &Installation) {
        if let Err(error) = installation.tidy_download_volumes(month(installation.now())).await {
            tracing::error!(%error, "the volumes of past months cannot be deleted: this is tried again");
        }
    }
}

fn learn(downloads: &Downloads, month: i64, sums: Vec<DownloadVolume>) {
    for DownloadVolume { caller, bytes } in sums {
        downloads.learn(Caller(caller), month, bytes);
    }
}
