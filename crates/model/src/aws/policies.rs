//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use super::scalars::{BOOLEAN, REGISTRY_ID, REPOSITORY_NAME};
use super::shape::Shape;
use super::structure::structure;
use serde::Serialize;

structure!(SetRepositoryPolicyRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
    policy_text("policyText"): String = Shape::text(Some(0), 10_240),
    /// Whether to set a policy that denies the caller to set another one.
    force("force"): Option<bool> = BOOLEAN,
});

structure!(GetRepositoryPolicyRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
});

structure!(DeleteRepositoryPolicyRequest {
    registry_id("registryId"): Option<String> = REGISTRY_ID,
    repository_name("repositoryName"): String = REPOSITORY_NAME,
});

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPolicyResponse {
    pub registry_id: String,
    pub repository_name: String,
    pub policy_text: String,
}
