//! Referrers: manifests whose subject is another one.

use crate::Registry;
use crate::error::Result;
use roadstead_model::{Digest, Page, PageSize, RegistryId, RepositoryName};
use serde_json::value::RawValue;

/// A manifest that refers to another one.
#[derive(Debug, Clone)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its own size in bytes.
    pub size: u64,
    /// The artifact type, else the config's media type.
    pub artifact_type: Option<String>,
    /// Its annotations as the JSON object that they were stored as, if it has any: listings only pass them on.
    pub annotations: Option<Box<RawValue>>,
}

impl Registry {
    /// A page of the manifests that refer to `subject`, by digest. An unknown repository or subject has none.
    pub async fn list_referrers(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Page<Referrer>> {
        self.0.metadata.list_referrers(registry, name, subject, artifact_type, after.unwrap_or_default(), size).await
    }
}
