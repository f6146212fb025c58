//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use super::scalars::{BOOLEAN, REGISTRY_ID, REPOSITORY_NAME};
use super::shape::{Shape, optional, required};
use serde::{Deserialize, Serialize};

static POLICY_TEXT: Shape = Shape::text(Some(0), 10_240);

/// What SetRepositoryPolicy takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRepositoryPolicyRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
    /// The policy document.
    pub policy_text: String,
    /// Whether to set it even if the caller could not set it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// The shape of [`SetRepositoryPolicyRequest`].
pub static SET_REPOSITORY_POLICY_REQUEST: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    required("repositoryName", &REPOSITORY_NAME),
    required("policyText", &POLICY_TEXT),
    optional("force", &BOOLEAN),
]);

/// What GetRepositoryPolicy takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetRepositoryPolicyRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
}

/// The shape of [`GetRepositoryPolicyRequest`].
pub static GET_REPOSITORY_POLICY_REQUEST: Shape =
    Shape::Structure(&[optional("registryId", &REGISTRY_ID), required("repositoryName", &REPOSITORY_NAME)]);

/// What DeleteRepositoryPolicy takes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepositoryPolicyRequest {
    /// The registry; the caller's own if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry_id: Option<String>,
    /// The repository.
    pub repository_name: String,
}

/// The shape of [`DeleteRepositoryPolicyRequest`].
pub static DELETE_REPOSITORY_POLICY_REQUEST: Shape =
    Shape::Structure(&[optional("registryId", &REGISTRY_ID), required("repositoryName", &REPOSITORY_NAME)]);

/// What all three answer: the policy, of DeleteRepositoryPolicy the one that is gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPolicyResponse {
    /// The registry of the repository.
    pub registry_id: String,
    /// The repository.
    pub repository_name: String,
    /// The policy document.
    pub policy_text: String,
}

/// The shape of [`RepositoryPolicyResponse`].
pub static REPOSITORY_POLICY_RESPONSE: Shape = Shape::Structure(&[
    optional("registryId", &REGISTRY_ID),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("policyText", &POLICY_TEXT),
]);
