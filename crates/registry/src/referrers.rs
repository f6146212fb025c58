//! Referrers: manifests whose subject is another one.

use crate::Installation;
use crate::error::Result;
use roadstead_model::{Digest, Page, PageSize, RegistryId, RepositoryName};
use std::sync::Arc;

/// A manifest that refers to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: String,
    /// Its [descriptor](roadstead_model::oci::ReferrerDescriptor) as JSON, composed when it was pushed: listings only pass it on.
    pub descriptor: String,
}

impl Installation {
    /// A page of the manifests that refer to `subject`, by digest. An unknown repository or subject has none.
    pub async fn list_referrers(
        &self,
        registry: &RegistryId,
        name: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Arc<Page<Referrer>>> {
        self.0.metadata.list_referrers(registry, name, subject, artifact_type, after.unwrap_or_default(), size).await
    }
}
