//! Manifests, parsed once when they are pushed.

mod parse;

use crate::digest::Digest;
use crate::media_type::{self, Kind};
use crate::platform::Platform;
use std::collections::BTreeMap;

/// The maximum size of a manifest in bytes: 4 MiB (OCI distribution specification, "Pushing Manifests").
pub const MAXIMUM_SIZE: usize = 4 * 1024 * 1024;

/// The maximum size in bytes of a referrer's annotations as JSON: 64 KiB. Every listing of the referrers repeats them (OCI
/// distribution specification, "Listing Referrers"), and clients read at most one page of 4 MiB. Signatures and attestations
/// (cosign, Notation) have a few hundred bytes of annotations.
pub const MAXIMUM_ANNOTATIONS: u64 = 64 * 1024;

/// A reference from a manifest to other content (OCI image specification, "Descriptors").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// Whether the content may be stored elsewhere, because it has URLs or a non-distributable type.
    pub external: bool,
    /// The platform of an index's entry, if it is well-formed.
    pub platform: Option<Platform>,
    /// `artifactType`, if it is well-formed and not empty.
    pub artifact_type: Option<String>,
    /// Empty if they are malformed.
    pub annotations: BTreeMap<String, String>,
}

/// The parts of a manifest that the registry interprets. The bytes are stored as pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The media type with which the manifest was pushed and is served.
    pub media_type: String,
    pub kind: Kind,
    /// The config of an image.
    pub config: Option<Descriptor>,
    /// The layers of an image, or the blobs of an artifact.
    pub layers: Vec<Descriptor>,
    /// The entries of an index.
    pub manifests: Vec<Descriptor>,
    /// The manifest to which this one is a referrer.
    pub subject: Option<Digest>,
    /// `artifactType`, if not empty.
    pub artifact_type: Option<String>,
    pub annotations: BTreeMap<String, String>,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("Invalid JSON syntax")]
    Syntax,
    /// A member is missing, has the wrong type, or is not a well-formed digest.
    #[error("{0}")]
    Shape(String),
    /// The media types of the request (`declared`) and in the manifest (`written`) differ.
    #[error("the media type is '{declared}' but the manifest says '{written}'")]
    MediaTypeMismatch { declared: String, written: String },
    /// Neither the request nor the manifest names a media type, and it cannot be inferred.
    #[error("the manifest has no media type")]
    MediaTypeMissing,
    /// Docker's schema 1, which is not supported.
    #[error("manifests of schema version 1 are not supported")]
    SchemaOne,
    /// A media type or an artifact type is longer than [`media_type::LONGEST`] bytes.
    #[error("the media type '{beginning}…' has {length} bytes: at most {} are allowed", media_type::LONGEST)]
    MediaTypeTooLong { beginning: String, length: usize },
    /// The annotations of a referrer exceed [`MAXIMUM_ANNOTATIONS`] bytes as JSON.
    #[error("the annotations take {size} bytes: at most {MAXIMUM_ANNOTATIONS} are allowed in a manifest that has a subject")]
    AnnotationsTooLarge { size: u64 },
}

impl Manifest {
    /// Returns the artifact type, otherwise the config's media type; `None` for an index without an artifact type. ECR calls this
    /// `artifactMediaType`, and referrers listings `artifactType`.
    pub fn artifact_media_type(&self) -> Option<&str> {
        self.artifact_type.as_deref().or_else(|| self.config.as_ref().map(|config| config.media_type.as_str()))
    }

    /// The compressed size of the image in bytes: the sum of config and layers as stated in their descriptors.
    pub fn content_size(&self) -> u64 {
        self.config.iter().chain(&self.layers).fold(0_u64, |sum, part| sum.saturating_add(part.size))
    }

    /// The blobs that must exist in the repository before the push: config and layers, without duplicates.
    pub fn required_blobs(&self) -> Vec<&Digest> {
        let mut seen = std::collections::HashSet::new();
        let parts = self.config.iter().chain(&self.layers).filter(|part| !part.external);
        parts.map(|part| &part.digest).filter(|digest| seen.insert(digest.as_str())).collect()
    }
}

#[cfg(test)]
mod tests;
