//! Identity policies of users: AWS managed policies by name, or custom documents.

use super::managed::ManagedPolicy;
use super::{Policy, PolicyKind};
use crate::account::is_iam_name;

/// An identity policy of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPolicy {
    pub name: String,
    /// `None` for an AWS managed policy, which is identified by its name.
    pub document: Option<String>,
}

/// Why a user policy is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UserPolicyError(String);

impl UserPolicy {
    /// An AWS managed policy, by name or ARN.
    pub fn managed(name: &str) -> Result<Self, UserPolicyError> {
        match ManagedPolicy::find(name) {
            Some(managed) => Ok(Self { name: managed.name.to_owned(), document: None }),
            None => Err(UserPolicyError(format!("managed policy '{name}' does not exist"))),
        }
    }

    /// A policy with a custom document, which must be a valid identity policy.
    pub fn with_document(name: &str, document: String) -> Result<Self, UserPolicyError> {
        if !is_iam_name(name, 128) {
            return Err(UserPolicyError(format!("'{name}' is not a valid policy name: use 1 to 128 letters, digits and +=,.@_-")));
        }
        if ManagedPolicy::find(name).is_some() {
            return Err(UserPolicyError(format!("'{name}' is the name of a managed policy: choose another name")));
        }
        match Policy::new(PolicyKind::Identity, &document) {
            Ok(_) => Ok(Self { name: name.to_owned(), document: Some(document) }),
            Err(error) => Err(UserPolicyError(error.to_string())),
        }
    }

    /// The document of a custom or managed policy; `None` if the managed policy does not exist.
    pub fn text(&self) -> Option<&str> {
        self.document.as_deref().or_else(|| ManagedPolicy::find(&self.name).map(|managed| managed.document))
    }
}
