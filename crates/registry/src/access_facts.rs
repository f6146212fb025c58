//! The stored facts that policies are evaluated with.

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
}

impl Installation {
    /// Returns the facts about `identity` and `repository`. A repository that does not exist has neither a policy nor tags.
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
