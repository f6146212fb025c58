//! Whether the numbers that rows keep are those of the rows that they count.

use super::walking::{Keyed, Walk};
use super::{Check, Kind, gaps, repairing};
use crate::error::Result;
use crate::metadata::{Parameter, Sql, Tx, params, statements};
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

impl Check<'_> {
    pub(super) async fn counters(&mut self) -> Result<()> {
        let mut walk = Walk::new(&self.installation.0.metadata, &SELECT_REPOSITORIES);
        while let Some(page) = self.next_rows::<(i64, RepositoryKey)>(&gaps::REPOSITORIES, &mut walk).await? {
            self.checked.repositories += page.len() as u64;
            for (id, repository) in page {
                self.counters_of(id, &repository).await?;
            }
        }
        let select = async |tx: &mut Tx<'_>| tx.query::<RegistryId>(&SELECT_REGISTRIES, params![]).await;
        match self.installation.0.metadata.salvage(select).await? {
            Ok(wrong) => {
                for registry in wrong {
                    let text = format!("the number of repositories of account {registry} is wrong");
                    self.recount(text, &RECOUNT_REGISTRY, registry).await?;
                }
            }
            Err(error) => self.found_in_database(format!("the numbers of repositories cannot be checked: {error}"), Vec::new()),
        }
        Ok(())
    }

    async fn counters_of(&mut self, id: i64, RepositoryKey { registry, name }: &RepositoryKey) -> Result<()> {
        let is_counted = async |tx: &mut Tx<'_>| tx.query_one::<bool>(&IS_COUNTED, params![id]).await;
        match self.installation.0.metadata.salvage(is_counted).await? {
            Ok(Some(false)) => self.recount(format!("the numbers of images or tags of {registry}/{name} are wrong"), &RECOUNT, id).await,
            Ok(_) => Ok(()),
            Err(error) => {
                self.found_in_database(
                    format!("the numbers of images or tags of {registry}/{name} cannot be checked: {error}"),
                    Vec::new(),
                );
                Ok(())
            }
        }
    }

    /// Reports wrong numbers, and counts again what has this id.
    async fn recount<I: Parameter + Send + Sync + 'static>(&mut self, text: String, recount: &'static Sql, id: I) -> Result<()> {
        let metadata = &self.installation.0.metadata;
        let recount = metadata.write(async move |tx: &mut Tx<'_>| tx.execute(recount, params![id]).await.map(|_| Ok(())));
        let repair = if self.options.repair && !self.hides_rows { Some(repairing::tried(recount).await?) } else { None };
        self.found(Kind::Counter, text, matches!(repair, Some(Ok(()))));
        Ok(())
    }
}

impl Keyed for (i64, RepositoryKey) {
    fn key(&self) -> i64 {
        self.0
    }
}
