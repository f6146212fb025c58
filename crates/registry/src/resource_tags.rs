//! Resource tags: AWS's key-value labels on repositories (not image tags).

use crate::error::Result;
use crate::installation::Installation;
use roadstead_model::{RepositoryKey, ResourceTag};

impl Installation {
    /// The resource tags of a repository, by key.
    pub async fn resource_tags(&self, repository: &RepositoryKey) -> Result<Vec<ResourceTag>> {
        self.0.metadata.resource_tags(repository).await
    }

    /// Sets resource tags, all or none. The same key is overwritten.
    pub async fn tag_resource(&self, repository: &RepositoryKey, tags: Vec<ResourceTag>) -> Result<()> {
        tags.iter().try_for_each(ResourceTag::check)?;
        self.0.metadata.tag_resource(repository.clone(), tags, self.0.limits.resource_tags).await
    }

    /// Removes resource tags; one that is not there is no error. Those that AWS keeps for itself cannot be deleted either.
    pub async fn untag_resource(&self, repository: &RepositoryKey, keys: Vec<String>) -> Result<()> {
        keys.iter().try_for_each(|key| ResourceTag::check_key(key))?;
        self.0.metadata.untag_resource(repository.clone(), keys).await
    }
}
