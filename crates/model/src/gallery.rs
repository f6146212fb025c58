//! Nouns and rules of the gallery: what its pages and feeds say about repositories, tags and images.

pub mod annotation;
pub mod attachment;
pub mod card;
pub mod chart;
pub mod comparison;
pub mod excerpt;
pub mod featured;
pub mod image_config;
mod json;
pub mod kind;
pub mod link;
pub mod owner_settings;
pub mod plain_text;
pub mod pull_command;
pub mod readme;
pub mod robot;
pub mod search;
pub mod summary;
pub mod tag_row;
pub mod verify_command;
pub mod version;
pub mod visibility;
pub mod visible_text;
pub mod wasm;

pub use attachment::{AttachedTag, AttachmentKind};
pub use card::RepositoryCard;
pub use featured::FeaturedTag;
pub use kind::ArtifactKind;
pub use owner_settings::{HiddenTags, OwnerSettings};
pub use summary::Summary;
pub use tag_row::{AttachedKinds, PlatformEntry, TagOrder, TagRow};
pub use visibility::Visibility;
