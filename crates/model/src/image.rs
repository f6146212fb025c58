//! Images: manifests of a repository, with their tags.

use crate::{Digest, Tag, Timestamp};
use bytes::Bytes;

/// What a listing says about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Config and layers in bytes; for an index the largest of its manifests.
    pub size_bytes: u64,
    /// When it was first pushed to this repository.
    pub pushed_at: Timestamp,
    /// The media type of its manifest.
    pub media_type: String,
    /// The artifact type, else the config's media type.
    pub artifact_media_type: Option<String>,
}

/// An image with all its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The image.
    pub summary: ImageSummary,
    /// Its tags in byte order, as many as a page holds (some 15,000 of the longest); none when it is untagged.
    pub tags: Vec<Tag>,
}

/// A tag and the image that it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTag {
    /// The tag.
    pub tag: Tag,
    /// When the tag came to point at this image.
    pub created_at: Timestamp,
    /// The image.
    pub image: ImageSummary,
}

/// What names an image: a digest, a tag, or both, which must then agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageId {
    /// The digest of its manifest.
    pub digest: Option<Digest>,
    /// One of its tags.
    pub tag: Option<Tag>,
}

/// A manifest as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The digest that it was pushed under.
    pub digest: Digest,
    /// The media type that it was pushed with.
    pub media_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// The bytes as they were pushed. None of a large manifest, whose bytes are read separately.
    pub bytes: Option<Bytes>,
    /// Whether an index of the repository lists it.
    pub in_index: bool,
}
