//! The domain types of Roadstead (registries, repositories, digests, tags, manifests, pages, policies) and the shapes of the
//! Amazon ECR Public API.
//!
//! This crate has no I/O, no async code, no clock and no random numbers: every function is a pure function of its arguments.

pub mod account;
pub mod alias;
pub mod arn;
pub mod aws;
pub mod catalog_data;
pub mod day;
pub mod digest;
pub mod gallery;
pub mod image;
pub mod manifest;
pub mod measure;
pub mod media_type;
pub mod name;
pub mod network;
pub mod oci;
pub mod page;
pub mod platform;
pub mod policy;
pub mod referrer;
pub mod repository;
pub mod resource_tag;
pub mod sealed;
pub mod tag;
pub mod timestamp;
pub mod user_id;

pub use account::{AccessKey, AccessKeySummary, Identity, RegistryDescription, User};
pub use alias::{AliasDescription, AliasStatus};
pub use arn::Arn;
pub use day::Day;
pub use digest::{Algorithm, Digest};
pub use image::{Image, ImageId, ImageSummary, ImageTag};
pub use manifest::{Descriptor, Manifest};
pub use name::{RegistryAlias, RegistryId, RepositoryName};
pub use network::parse_network;
pub use page::{Page, PageSize};
pub use platform::Platform;
pub use referrer::Referrer;
pub use repository::{Repository, RepositoryKey};
pub use resource_tag::ResourceTag;
pub use sealed::SealingKey;
pub use tag::{Reference, Tag};
pub use timestamp::Timestamp;
pub use user_id::UserId;
