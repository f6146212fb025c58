//! The operations and storage of a registry, independent of any protocol.
//!
//! An [`Installation`] holds accounts, repositories, images, tags, layers and upload sessions. It stores their metadata with `metadata`
//! and their bytes with `blobs`. It knows neither HTTP nor the error codes of a protocol.

mod access_facts;
mod access_key_row;
mod access_keys;
mod accounts;
mod aliases;
mod blobs;
mod caches;
mod catalog_data;
mod clock;
mod collection;
mod data_directory;
mod declarations;
mod disk;
mod error;
mod gallery;
mod hashing;
mod image_deletion;
mod images;
mod installation;
mod limits;
mod manifest_push;
mod manifests;
mod markdown;
mod metadata;
mod opening;
mod places;
mod policy_binding;
mod pull_statistics;
mod pulls;
mod referrers;
mod registry_row;
mod repositories;
mod repository_blob;
mod repository_blobs;
mod repository_policies;
mod repository_row;
mod resource_tags;
mod search;
mod secrets;
mod stale;
mod stored_manifest;
mod tags;
mod upload_leases;
mod upload_quota;
mod uploads;
mod user_policies;
mod users;

#[cfg(test)]
mod portability;

pub use access_facts::AccessFacts;
pub use blobs::BlobReader;
pub use catalog_data::NewCatalogData;
pub use clock::Clock;
pub use collection::{Collection, Garbage};
pub use data_directory::{OpenError, Sharing};
pub use declarations::{AccountDeclaration, AliasDeclaration, KeyDeclaration, UserDeclaration};
pub use error::{Error, Result};
pub use gallery::featured::Featured;
pub use gallery::image::{Attached, Chosen, Config, ImageView, IndexEntry, MOST_ATTACHMENTS, MOST_ENTRIES, MOST_RELATIONS};
pub use gallery::newest::{NewestTag, NewestTagOf};
pub use gallery::publisher::Publisher;
pub use gallery::repository::RepositoryView;
pub use gallery::sitemap::SitemapEntry;
pub use gallery::tags::{FILTERED_TAGS, MOST_TAGS, PageStart, TagPage, TagPlace, TagQuery};
pub use gallery::texts::TextKind;
pub use image_deletion::{DeleteFailure, DeletedImages, ImageIdText};
pub use installation::Installation;
pub use limits::Limits;
pub use manifest_push::{Condition, ManifestPush, ManifestPut};
pub use markdown::{Heading, PICTURE_PREFIX, Prose, SafeHtml};
pub use metadata::Version as MetadataVersion;
pub use opening::OpenOptions;
pub use places::{BlobsPlace, DatabasePlace, Encryption, Password, PostgresHost, PostgresOptions, S3Options};
pub use pull_statistics::counters::PullCount;
pub use pull_statistics::reports::{MOST_DAYS, PullReport, PullTotals, PullsOf, PullsOfDay};
pub use pulls::Pull;
pub use repository_blob::{BlobInfo, LayerInfo, StoredBlob};
pub use repository_blobs::availability::Asker;
pub use repository_policies::BoundPolicy;
pub use stored_manifest::StoredManifest;
pub use uploads::{BodyError, LayerPart, PartBody, Upload};
