//! Rows of the list of tags.

use super::kind::ArtifactKind;
use super::visibility::Visibility;
use crate::digest::Digest;
use crate::platform::Platform;
use crate::tag::Tag;
use crate::timestamp::Timestamp;

/// The order of a list of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TagOrder {
    /// By the time when the tag was pointed at its image, the latest first.
    #[default]
    Newest,
    /// The highest version first, tags without one last: see [`super::version`].
    Version,
    /// Bytewise.
    Name,
}

impl TagOrder {
    pub const ALL: [Self; 3] = [Self::Newest, Self::Version, Self::Name];

    /// The name in addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Version => "version",
            Self::Name => "name",
        }
    }

    /// The order with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

/// An image of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformEntry {
    pub platform: Platform,
    pub digest: Digest,
    /// The compressed size in bytes.
    pub size: u64,
}

/// Which kinds of things are attached to an image: to its manifest, or to that of each of its platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttachedKinds {
    pub signatures: bool,
    pub sboms: bool,
    pub provenance: bool,
}

/// A tag as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    pub name: Tag,
    pub visibility: Visibility,
    pub digest: Digest,
    /// The media type of the manifest.
    pub media_type: String,
    pub kind: ArtifactKind,
    /// When the image was first pushed to the repository.
    pub pushed_at: Timestamp,
    /// When the tag was pointed at the image.
    pub moved_at: Timestamp,
    /// The compressed size in bytes; of an index, that of its largest image.
    pub size: u64,
    /// Empty until the manifest is summarised, and for other artifacts.
    pub platforms: Vec<PlatformEntry>,
    pub attached: AttachedKinds,
    /// Other tags of the same image that are listed, a few of them.
    pub same_as: Vec<Tag>,
    /// The pulls of the last 30 days, where they are counted.
    pub pulls_30d: Option<u64>,
}

impl TagRow {
    /// The sizes of the smallest and the largest image in bytes.
    pub fn sizes(&self) -> (u64, u64) {
        let sizes = || self.platforms.iter().map(|entry| entry.size);
        (sizes().min().unwrap_or(self.size), sizes().max().unwrap_or(self.size))
    }
}
