//! Referrers: manifests whose subject is another one.

use crate::error::Result;
use crate::installation::Installation;
use roadstead_model::{Digest, Page, PageSize, Referrer, RepositoryKey};
use std::sync::Arc;

impl Installation {
    /// A page of the manifests that refer to `subject`, by digest. An unknown repository or subject has none.
    pub async fn list_referrers(
        &self,
        repository: &RepositoryKey,
        subject: &Digest,
        artifact_type: Option<&str>,
        after: Option<&str>,
        size: PageSize,
    ) -> Result<Arc<Page<Referrer>>> {
        self.0.metadata.list_referrers(repository, subject, artifact_type, after.unwrap_or_default(), size).await
    }
}
