//! The facts themselves, which a cache keeps.

use crate::metadata::bytes_of;
use roadstead_model::policy::UserPolicy;
use roadstead_model::{ResourceTag, UserId};

/// The stored facts that decide whether a principal may do something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessFacts {
    /// The unique id of the calling user, which repository policies name. `None` for the root of an account.
    pub user_id: Option<UserId>,
    /// The policies of the calling user. Empty for the root of an account, which needs none.
    pub identity_policies: Vec<UserPolicy>,
    /// The policy of the requested repository.
    pub repository_policy: Option<String>,
    /// The resource tags of that repository, which conditions may test.
    pub resource_tags: Vec<ResourceTag>,
    /// Whether that repository exists, if one is requested.
    pub(crate) repository_exists: bool,
}

impl AccessFacts {
    /// The size in bytes, approximately.
    pub(crate) fn weight(&self) -> usize {
        let policies = self.identity_policies.iter().flat_map(|policy| [Some(&policy.name), policy.document.as_ref()]);
        let tags = self.resource_tags.iter().flat_map(|tag| [Some(&tag.key), Some(&tag.value)]);
        bytes_of(policies.chain(tags).chain([self.repository_policy.as_ref()]).flatten().map(String::as_str))
    }
}
