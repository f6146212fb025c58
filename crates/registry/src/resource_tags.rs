//! Resource tags: AWS's key-value labels on repositories (not image tags).

use crate::Installation;
use crate::error::{Error, Result};
use crate::metadata::RepositoryKey;
use roadstead_model::{RegistryId, RepositoryName};

/// A label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceTag {
    /// The key, case-sensitive, 1 to 128 characters.
    pub key: String,
    /// The value, 0 to 256 characters.
    pub value: String,
}

/// The prefix that AWS keeps for itself, in any case of letters (AWS General Reference, "Tagging your AWS resources").
const RESERVED_PREFIX: &str = "aws:";

impl ResourceTag {
    /// Refuses the keys and values that AWS keeps for itself.
    pub(crate) fn check_all(tags: &[Self]) -> Result<()> {
        match tags.iter().find(|tag| is_reserved(&tag.key) || is_reserved(&tag.value)) {
            Some(tag) => Err(reserved(&tag.key)),
            None => Ok(()),
        }
    }
}

fn is_reserved(text: &str) -> bool {
    text.get(..RESERVED_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED_PREFIX))
}

fn reserved(key: &str) -> Error {
    Error::ResourceTagInvalid(format!(
        "The tag with key '{key}' is not allowed: keys and values that begin with 'aws:' are reserved for AWS"
    ))
}

impl Installation {
    /// The resource tags of a repository, by key.
    pub async fn resource_tags(&self, registry: &RegistryId, name: &RepositoryName) -> Result<Vec<ResourceTag>> {
        self.0.metadata.resource_tags(registry, name).await
    }

    /// Sets resource tags, all or none. The same key is overwritten.
    pub async fn tag_resource(&self, registry: &RegistryId, name: &RepositoryName, tags: Vec<ResourceTag>) -> Result<()> {
        ResourceTag::check_all(&tags)?;
        self.0.metadata.tag_resource(RepositoryKey::new(registry, name), tags, self.0.limits.resource_tags).await
    }

    /// Removes resource tags; one that is not there is no error. Those that AWS keeps for itself cannot be deleted either.
    pub async fn untag_resource(&self, registry: &RegistryId, name: &RepositoryName, keys: Vec<String>) -> Result<()> {
        if let Some(key) = keys.iter().find(|key| is_reserved(key)) {
            return Err(reserved(key));
        }
        self.0.metadata.untag_resource(RepositoryKey::new(registry, name), keys).await
    }
}
