//! The handle on which all operations are methods.

use crate::blobs::{BlobStore, StoreMetrics};
use crate::caches::Caches;
use crate::clock::Clock;
use crate::error::Result;
use crate::limits::Limits;
use crate::metadata::{Arrival, DatabaseMetrics, Metadata, MetadataMetrics, Version};
use crate::pull_statistics::store::PullStatistics;
use crate::secrets::MasterKey;
use crate::upload_ids::UploadIds;
use crate::upload_leases::UploadLeases;
use crate::upload_quota::UploadQuota;
use roadstead_model::{RegistryId, Timestamp};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// A handle on an open data directory and everything in it. Clones share the same installation.
#[derive(Clone)]
pub struct Installation(pub(crate) Arc<Inner>, pub(crate) Arrival);

pub(crate) struct Inner {
    pub(crate) metadata: Metadata,
    pub(crate) caches: Caches,
    pub(crate) pull_statistics: PullStatistics,
    pub(crate) blobs: BlobStore,
    pub(crate) upload_ids: UploadIds,
    pub(crate) upload_leases: UploadLeases,
    pub(crate) upload_quota: UploadQuota,
    pub(crate) secrets: MasterKey,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    /// The name under which leases are held.
    pub(crate) holder: String,
    /// The data directory.
    pub(crate) data: PathBuf,
    pub(crate) id: String,
    pub(crate) account_id: RegistryId,
    /// The lock on the data directory. `None` in commands.
    pub(crate) _lock: Option<File>,
}

impl Installation {
    /// The current time by the installation's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The arrival of a request that arrives now.
    pub fn arrival(&self) -> Arrival {
        self.0.metadata.arrival()
    }

    /// A handle for a request that arrived then. What it reads from memory is not older, and it need not ask for each answer whether it
    /// still holds. Any other handle sees what was committed before each read.
    pub fn at(&self, arrival: Arrival) -> Self {
        Self(self.0.clone(), arrival)
    }

    /// Identifies the last commit to the metadata, by this process or another. Answers read after it are not older. `None` while a
    /// commit is being published.
    pub async fn metadata_version(&self) -> Option<Version> {
        self.0.metadata.version(self.arrived()).await
    }

    /// When the request of this handle arrived.
    pub(crate) fn arrived(&self) -> Arrival {
        self.1
    }

    /// What the engine has measured of its writes.
    pub fn metadata_metrics(&self) -> MetadataMetrics {
        self.0.metadata.metrics()
    }

    /// What the engine has done. `None` for the embedded one.
    pub fn database_metrics(&self) -> Option<DatabaseMetrics> {
        self.0.metadata.database_metrics()
    }

    /// Whether other servers may use the same database.
    pub fn is_shared(&self) -> bool {
        self.0.metadata.is_shared()
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The unique id of the installation, independent of host names. The audience of its tokens.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The account that this installation was set up with.
    pub fn account_id(&self) -> &RegistryId {
        &self.0.account_id
    }

    /// Derives the secret key for a purpose from the master key. All replicas derive the same key.
    pub fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.0.secrets.derive(purpose)
    }

    /// What the store of blobs did, and holds now. `None` if it is not behind a network.
    pub fn store_metrics(&self) -> Option<StoreMetrics> {
        self.0.blobs.metrics()
    }

    /// Fails if metadata or blobs cannot be used.
    pub async fn check_ready(&self) -> Result<()> {
        self.0.metadata.check_ready().await?;
        self.0.blobs.check_ready().await
    }
}
