//! Images: manifests of a repository, with their tags.

use crate::digest::Digest;
use crate::tag::Tag;
use crate::timestamp::Timestamp;

/// The facts about an image that listings contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    pub digest: Digest,
    /// Config and layers; for an index, the largest of its manifests.
    pub size_bytes: u64,
    /// When the image was first pushed to this repository.
    pub pushed_at: Timestamp,
    /// The media type of the manifest.
    pub media_type: String,
    /// The artifact type, otherwise the config's media type.
    pub artifact_media_type: Option<String>,
}

/// An image with all its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub summary: ImageSummary,
    /// In bytewise order, at most as many as a page holds (some 15,000 of the longest).
    pub tags: Vec<Tag>,
}

/// A tag and the image it points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTag {
    pub tag: Tag,
    /// When the tag was pointed at this image.
    pub created_at: Timestamp,
    pub image: ImageSummary,
}

/// Identifies an image by digest, by tag, or by both, which must then agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageId {
    pub digest: Option<Digest>,
    pub tag: Option<Tag>,
}
