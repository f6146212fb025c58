//! The stored facts that policies are evaluated with.

pub(crate) mod facts;

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::{repository_policies, repository_row, resource_tags};
use facts::AccessFacts;
use roadstead_model::policy::UserPolicy;
use roadstead_model::{Identity, RepositoryKey};
use std::sync::Arc;

statements! {
    SELECT_USER = "SELECT u.unique_id, p.name, p.document FROM iam_user u
        LEFT JOIN user_policy p ON p.registry_id = u.registry_id AND p.user_name = u.name
        WHERE u.registry_id = ?1 AND u.name = ?2 ORDER BY p.name";
}

impl Installation {
    /// Returns the facts about `identity` and `repository`. A repository that does not exist has neither a policy nor tags.
    pub async fn access_facts(&self, identity: &Identity, repository: Option<&RepositoryKey>) -> Result<Arc<AccessFacts>> {
        let select = async |tx: &mut Tx<'_>| {
            let mut facts = AccessFacts { repository_exists: true, ..AccessFacts::default() };
            if let Some(user) = &identity.user {
                for (id, name, document) in tx.query(&SELECT_USER, params![identity.registry, user]).await? {
                    facts.user_id = Some(id);
                    facts.identity_policies.extend(Option::map(name, |name| UserPolicy { name, document }));
                }
            }
            let Some(repository) = repository else { return Ok(Some(Arc::new(facts))) };
            match repository_row::find(tx, repository).await? {
                Some(id) => {
                    facts.repository_policy = repository_policies::find(tx, id).await?;
                    facts.resource_tags = resource_tags::select(tx, id).await?;
                }
                None => facts.repository_exists = false,
            }
            Ok(Some(Arc::new(facts)))
        };
        let user = identity.user.as_ref().map_or("", |user| user.as_str());
        let of = repository.map_or(["", ""], |key| [key.registry.as_str(), key.name.as_str()]);
        let question = [identity.registry.as_str(), user, of[0], of[1]];
        Ok(self.0.metadata.read_through(self.arrived(), &self.0.caches.access_facts, &question, select).await?.unwrap_or_default())
    }
}
