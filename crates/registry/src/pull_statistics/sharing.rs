//! Telling other replicas which pulls are expected: see [`super::told_pulls`].

use super::told_pulls::Waiting;
use crate::board::Board;
use crate::error::Result;
use crate::installation::Installation;
use crate::stored_manifest::{ManifestPlace, StoredManifest};
use roadstead_model::Tag;
use std::net::IpAddr;
use std::time::Duration;

/// The topic of these bulletins.
const TOPIC: &str = "expected pulls";
const INTERVAL: Duration = Duration::from_millis(500);

impl Installation {
    /// Exchanges expected pulls with the other replicas. Returns only if there can be none.
    pub async fn share_expected_pulls_regularly(&self) {
        while self.is_shared() {
            tokio::time::sleep(INTERVAL).await;
            if let Err(error) = self.share_expected_pulls().await {
                tracing::debug!(%error, "expected pulls cannot be shared with other replicas");
            }
            self.0.pull_statistics.told_pulls.settle(false, self.now());
        }
    }

    async fn share_expected_pulls(&self) -> Result<()> {
        let statistics = &self.0.pull_statistics;
        let mut board = statistics.board.lock().await;
        let board = board.get_or_insert_with(|| Board::new(TOPIC));
        self.post(board, || statistics.told_pulls.tell()).await?;
        for bulletin in self.read_board(board).await? {
            statistics.told_pulls.hear(&bulletin, &statistics.counters, self.now());
        }
        Ok(())
    }

    /// Tells what remains to be told, such as before a stop, and counts the requests that wait.
    pub async fn settle_expected_pulls(&self) {
        if !self.is_shared() {
            return;
        }
        // Whatever is not told or heard now counts for the image without its tag.
        let _ = self.share_expected_pulls().await;
        if self.0.pull_statistics.told_pulls.has_waiting() {
            tokio::time::sleep(2 * INTERVAL).await;
            let _ = self.share_expected_pulls().await;
        }
        self.0.pull_statistics.told_pulls.settle(true, self.now());
    }

    /// Expects a request that may come to another replica.
    pub(super) fn expect_anywhere(&self, client: IpAddr, place: ManifestPlace, tag: Option<&Tag>) {
        if self.is_shared() {
            self.0.pull_statistics.told_pulls.expect(self.hash(client, place), place, tag);
        }
    }

    /// Counts a request that is not expected here.
    pub(super) fn count_unexpected(&self, manifest: &StoredManifest, client: IpAddr, is_robot: bool) {
        let own = manifest.counter.clone();
        if self.is_shared() {
            let waiting = Waiting { hash: self.hash(client, manifest.place), own, is_robot, since: self.now() };
            self.0.pull_statistics.told_pulls.count_later(waiting);
        } else {
            super::count(own.as_ref(), is_robot);
        }
    }

    fn hash(&self, client: IpAddr, place: ManifestPlace) -> u64 {
        let ManifestPlace { repository, manifest } = place;
        let mut first = [0; 8];
        first.copy_from_slice(&self.derive_key(&format!("expected pull {client} {repository} {manifest}"))[..8]);
        u64::from_be_bytes(first)
    }
}
