//! The handle that every operation is a method of, and what it stands on.

use crate::blobs::BlobStore;
use crate::caches::Caches;
use crate::clock::Clock;
use crate::error::Result;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::secrets::MasterKey;
use crate::upload_leases::UploadLeases;
use crate::upload_quota::UploadQuota;
use roadstead_model::{RegistryId, Timestamp};
use std::fs::File;
use std::sync::Arc;

/// An open data folder, with all accounts in it and what is theirs. Clones are handles on the same one.
#[derive(Clone)]
pub struct Installation(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) metadata: Metadata,
    pub(crate) caches: Caches,
    pub(crate) blobs: BlobStore,
    pub(crate) upload_leases: UploadLeases,
    pub(crate) upload_quota: UploadQuota,
    pub(crate) secrets: MasterKey,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) id: String,
    pub(crate) account_id: RegistryId,
    /// Held as long as this process serves the data folder. A command that runs beside a server holds none.
    pub(crate) _lock: Option<File>,
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

    /// Identifies this installation, whatever host name it is reached by: the audience of its tokens.
    pub fn id(&self) -> &str {
        &self.0.id
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

    /// Lets background work finish what it has begun, and ends it. Later calls fail with [`crate::Error::Unavailable`].
    pub async fn close(&self) {
        self.0.metadata.close().await;
    }
}
