//! Manifests as they are read and cached for pulls.

use crate::pull_statistics::counters::Counter;
use crate::pulls::Pull;
use bytes::Bytes;
use roadstead_model::Digest;
use std::sync::Arc;

/// A manifest as it was pushed, and what a request for it counts as.
#[derive(Debug, Clone)]
pub struct StoredManifest {
    /// The digest the manifest was pushed with.
    pub digest: Digest,
    /// The media type the manifest was pushed with.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
    /// The exact bytes as pushed; `None` for a large manifest, whose bytes are read separately.
    pub bytes: Option<Bytes>,
    pub pull: Pull,
    pub(crate) place: ManifestPlace,
    /// Counts its pulls by the reference that it was found by. `None` if they count only when the client has resolved a tag first, or
    /// never.
    pub(crate) counter: Option<Arc<Counter>>,
}

/// The rows of a manifest and its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ManifestPlace {
    pub(crate) repository: i64,
    pub(crate) manifest: i64,
}
