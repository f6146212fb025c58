//! Roadstead's rules and storage: what the operations of a registry are, whichever door asks for them.
//!
//! An [`Installation`] knows accounts, repositories, images, tags, layers and upload sessions. It keeps what is known about
//! them in `metadata` and the bytes in `blobs`, and speaks of neither HTTP nor any door's error codes.

pub mod accounts;
mod blobs;
pub mod catalog_data;
mod clock;
mod declarations;
mod disk;
mod error;
mod gc;
mod hashing;
pub mod images;
mod limits;
mod metadata;
mod repository_blobs;

mod opening;
pub mod policies;
mod principals;
mod pulls;
pub mod referrers;
pub mod repositories;
pub mod resource_tags;
mod secrets;
pub mod tags;
mod upload_leases;
mod upload_quota;
mod uploads;

pub use accounts::{AccessKey, AccessKeySummary, AliasDescription, AliasStatus, Identity, RegistryDescription, User};
pub use blobs::BlobReader;
pub use catalog_data::NewCatalogData;
pub use clock::Clock;
pub use declarations::{AccountDeclaration, AliasDeclaration, KeyDeclaration, UserDeclaration};
pub use error::{Error, Result};
pub use gc::{Collection, Garbage};
pub use images::{
    Condition, DeleteFailure, DeletedImages, Image, ImageId, ImageIdText, ImageSummary, ManifestPush, ManifestPut, StoredManifest,
};
pub use limits::Limits;
pub use opening::{OpenError, OpenOptions, Sharing};
pub use policies::{AccessFacts, BoundPolicy, UserPolicy};
pub use pulls::Pull;
pub use referrers::Referrer;
pub use repositories::Repository;
pub use repository_blobs::{Asker, BlobInfo, LayerInfo, StoredBlob};
pub use resource_tags::ResourceTag;
pub use tags::ImageTag;
pub use uploads::{BodyError, LayerPart, PartBody, Upload};

use roadstead_model::{RegistryId, Timestamp};
use std::sync::Arc;

/// A registry that is open on its data folder: its accounts and all that is theirs. Clones are handles on the same one.
#[derive(Clone)]
pub struct Installation(Arc<Inner>);

struct Inner {
    metadata: metadata::Metadata,
    blobs: blobs::BlobStore,
    upload_leases: upload_leases::UploadLeases,
    upload_quota: upload_quota::UploadQuota,
    secrets: secrets::MasterKey,
    limits: Limits,
    clock: Clock,
    installation_id: String,
    account_id: RegistryId,
    /// Held as long as this process serves the data folder; a command beside the server holds none.
    _lock: Option<std::fs::File>,
}

impl Installation {
    /// The time by this installation's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The quotas and sizes in force.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What names this installation, whatever host name it is reached by: a token's audience.
    pub fn id(&self) -> &str {
        &self.0.installation_id
    }

    /// The account that this installation was set up with.
    pub fn account_id(&self) -> &RegistryId {
        &self.0.account_id
    }

    /// A secret key for one purpose, derived from the master key. The same purpose gives the same key on every replica.
    pub fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.0.secrets.derive(purpose)
    }

    /// Fails when metadata or blobs cannot be used now.
    pub async fn check_ready(&self) -> Result<()> {
        self.0.metadata.check_ready().await?;
        self.0.blobs.check_ready().await
    }

    /// Ends what runs in the background after what it has begun. Later calls fail as unavailable.
    pub async fn close(&self) {
        self.0.metadata.close().await;
    }
}
