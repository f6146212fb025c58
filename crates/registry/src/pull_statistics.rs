//! Statistics of pulls: counted in memory, flushed every few seconds, and read by pages and commands.

pub(crate) mod counters;
pub(crate) mod flush;
pub(crate) mod reports;
pub(crate) mod resolved_tags;
pub(crate) mod store;
pub(crate) mod tidying;

use crate::installation::Installation;
use crate::stored_manifest::StoredManifest;
use counters::PullCount;
use roadstead_model::Reference;
use std::net::IpAddr;

impl Installation {
    /// Counts a response with the bytes of a manifest, if it is a pull. Something requested by digest counts for the tag that the same
    /// client has just resolved to it (see [`Self::note_resolved`]).
    pub fn count_pull(&self, manifest: &StoredManifest, reference: &Reference, client: IpAddr, is_robot: bool) {
        let resolved = match reference {
            Reference::Tag(_) => None,
            Reference::Digest(_) => self.0.pull_statistics.resolved_tags.recall(client, manifest.place, || self.now()),
        };
        if let Some(counter) = resolved.as_ref().or(manifest.counter.as_ref()) {
            counter.count(is_robot);
        }
    }

    /// Remembers that a client has resolved a tag to a digest, which is no pull yet.
    pub fn note_resolved(&self, manifest: &StoredManifest, reference: &Reference, client: IpAddr) {
        if let (Reference::Tag(_), Some(counter)) = (reference, &manifest.counter) {
            self.0.pull_statistics.resolved_tags.remember(client, manifest.place, counter.clone(), self.now());
        }
    }

    /// The pulls that this process has counted since it started.
    pub fn counted_pulls(&self) -> PullCount {
        self.0.pull_statistics.counters.total()
    }
}
