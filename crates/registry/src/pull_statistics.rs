//! Statistics of pulls: counted in memory, flushed every few seconds, and read by pages and commands.

pub(crate) mod counters;
pub(crate) mod expected_pulls;
pub(crate) mod flush;
pub(crate) mod reports;
mod sharing;
pub(crate) mod store;
pub(crate) mod tidying;
pub(crate) mod told_pulls;

use crate::installation::Installation;
use crate::manifest_push::ManifestPut;
use crate::stored_manifest::StoredManifest;
use counters::{Counter, PullCount};
use roadstead_model::Reference;
use std::net::IpAddr;
use std::sync::Arc;

impl Installation {
    /// Counts a response with the bytes of a manifest, if it is a pull. Something requested by digest counts for the tag that the same
    /// client has just resolved to it (see [`Self::note_resolved`]).
    pub fn count_pull(&self, manifest: &StoredManifest, reference: &Reference, client: IpAddr, is_robot: bool) {
        let expected = match reference {
            Reference::Tag(_) => None,
            Reference::Digest(_) => self.0.pull_statistics.expected_pulls.recall(client, manifest.place, || self.now()),
        };
        match (expected, reference) {
            (Some(counter), _) => count(counter.as_ref(), is_robot),
            (None, Reference::Tag(_)) => count(manifest.counter.as_ref(), is_robot),
            (None, Reference::Digest(_)) => self.count_unexpected(manifest, client, is_robot),
        }
    }

    /// Remembers that a client has resolved a tag to a digest, which is no pull yet.
    pub fn note_resolved(&self, manifest: &StoredManifest, reference: &Reference, client: IpAddr) {
        if let Reference::Tag(tag) = reference {
            // What is attached to an image has no counter, and is not counted elsewhere either.
            self.expect_anywhere(client, manifest.place, manifest.counter.as_ref().map(|_| tag));
            self.0.pull_statistics.expected_pulls.remember(client, manifest.place, manifest.counter.clone(), self.now());
        }
    }

    /// Remembers that a client has just pushed a manifest: helm and others then request it by its digest, which is no pull.
    pub fn note_pushed(&self, pushed: &ManifestPut, client: IpAddr) {
        self.expect_anywhere(client, pushed.place, None);
        self.0.pull_statistics.expected_pulls.remember(client, pushed.place, None, self.now());
    }

    /// The pulls that this process has counted since it started.
    pub fn counted_pulls(&self) -> PullCount {
        self.0.pull_statistics.counters.total()
    }
}

fn count(counter: Option<&Arc<Counter>>, is_robot: bool) {
    if let Some(counter) = counter {
        counter.count(is_robot);
    }
}
