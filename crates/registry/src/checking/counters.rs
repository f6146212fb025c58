//! Whether the numbers that rows keep are those of the rows that they count.

use super::{Check, Kind};
use crate::error::Result;
use crate::metadata::{Tx, params, statements};
use roadstead_model::{RegistryId, RepositoryKey};

statements! {
    SELECT_REPOSITORIES = "SELECT r.id, r.registry_id, r.name FROM repository r WHERE r.id > ?1 ORDER BY r.id LIMIT ?2";
    IS_COUNTED = "SELECT r.image_count = (SELECT COUNT(*) FROM manifest m WHERE m.repository_id = r.id)
        AND r.listed_tags = (SELECT COUNT(*) FROM tag t WHERE t.repository_id = r.id AND t.visibility = 0)
        AND r.hidden_tags = (SELECT COUNT(*) FROM tag t WHERE t.repository_id = r.id AND t.visibility = 2) FROM repository r WHERE r.id = ?1";
    RECOUNT = "UPDATE repository SET image_count = (SELECT COUNT(*) FROM manifest m WHERE m.repository_id = repository.id),
        listed_tags = (SELECT COUNT(*) FROM tag t WHERE t.repository_id = repository.id AND t.visibility = 0),
        hidden_tags = (SELECT COUNT(*) FROM tag t WHERE t.repository_id = repository.id AND t.visibility = 2) WHERE id = ?1";
    SELECT_REGISTRIES = "SELECT g.id FROM registry g
        WHERE g.repository_count <> (SELECT COUNT(*) FROM repository r WHERE r.registry_id = g.id) ORDER BY g.id";
    RECOUNT_REGISTRY = "UPDATE registry SET repository_count = (SELECT COUNT(*) FROM repository r WHERE r.registry_id = registry.id)
        WHERE id = ?1";
}

/// The repositories that are read at a time.
const PAGE: usize = 100;

impl Check<'_> {
    pub(super) async fn counters(&mut self) -> Result<()> {
        let (metadata, mut after) = (&self.installation.0.metadata, i64::MIN);
        loop {
            let select = async |tx: &mut Tx<'_>| tx.query(&SELECT_REPOSITORIES, params![after, PAGE]).await;
            let page: Vec<(i64, RepositoryKey)> = metadata.scan(select).await?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            self.checked.repositories += page.len() as u64;
            for (id, RepositoryKey { registry, name }) in page {
                let is_counted = async |tx: &mut Tx<'_>| tx.query_one(&IS_COUNTED, params![id]).await;
                if metadata.scan(is_counted).await? == Some(false) {
                    if self.options.repair {
                        metadata.write(async move |tx: &mut Tx<'_>| tx.execute(&RECOUNT, params![id]).await.map(drop)).await?;
                    }
                    self.found(Kind::Counter, format!("the numbers of images or tags of {registry}/{name} are wrong"), self.options.repair);
                }
            }
        }
        let wrong: Vec<RegistryId> = metadata.scan(async |tx: &mut Tx<'_>| tx.query(&SELECT_REGISTRIES, params![]).await).await?;
        for registry in wrong {
            if self.options.repair {
                let id = registry.clone();
                metadata.write(async move |tx: &mut Tx<'_>| tx.execute(&RECOUNT_REGISTRY, params![id]).await.map(drop)).await?;
            }
            self.found(Kind::Counter, format!("the number of repositories of account {registry} is wrong"), self.options.repair);
        }
        Ok(())
    }
}
