//! What an evaluation of policies is given: the caller's policies, and the repository's.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::{repository_policies, repository_row, resource_tags};
use roadstead_model::policy::UserPolicy;
use roadstead_model::{Identity, RepositoryKey, ResourceTag, UserId};

statements! {
    SELECT_USER = "SELECT u.unique_id, p.name, p.document FROM iam_user u
        LEFT JOIN user_policy p ON p.registry_id = u.registry_id AND p.user_name = u.name
        WHERE u.registry_id = ?1 AND u.name = ?2 ORDER BY p.name";
}

/// What decides whether a principal may do something, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessFacts {
    /// The unique id of the calling user, which repository policies name; none for the root of an account.
    pub user_id: Option<UserId>,
    /// The policies of the calling user; none for the root of an account, which needs none.
    pub identity_policies: Vec<UserPolicy>,
    /// The policy of the repository that the request is about.
    pub repository_policy: Option<String>,
    /// The resource tags of that repository, for conditions on them.
    pub resource_tags: Vec<ResourceTag>,
}

impl Installation {
    /// What decides whether `identity` may do something, to a repository or else to something that has no policy. A repository that
    /// does not exist has neither a policy nor tags.
    pub async fn access_facts(&self, identity: &Identity, repository: Option<&RepositoryKey>) -> Result<AccessFacts> {
        let select = async |tx: &mut Tx<'_>| {
            let mut facts = AccessFacts::default();
            if let Some(user) = &identity.user {
                for (id, name, document) in tx.query(&SELECT_USER, params![identity.registry, user]).await? {
                    facts.user_id = Some(id);
                    facts.identity_policies.extend(Option::map(name, |name| UserPolicy { name, document }));
                }
            }
            let Some(repository) = repository else { return Ok(facts) };
            if let Some(id) = repository_row::find(tx, repository).await? {
                facts.repository_policy = repository_policies::find(tx, id).await?;
                facts.resource_tags = resource_tags::select(tx, id).await?;
            }
            Ok(facts)
        };
        self.0.metadata.read(select).await
    }
}
