//! What needs rows that cannot be read.

use super::Check;
use super::walking::{Gap, Keyed, Part, Walk};
use crate::error::Result;
use crate::metadata::{FromRow, Row, Sql, Tx, params, statements};
use roadstead_model::RepositoryKey;

statements! {
    SELECT_TAGS = "SELECT r.registry_id, r.name, t.name FROM tag t JOIN repository r ON r.id = t.repository_id
        WHERE t.manifest_id > ?1 AND t.manifest_id <= ?2 ORDER BY t.manifest_id LIMIT ?3";
    SELECT_TAGS_OF_BLOBS = "SELECT r.registry_id, r.name, t.name FROM manifest_blob u JOIN tag t ON t.manifest_id = u.manifest_id
        JOIN repository r ON r.id = t.repository_id WHERE u.blob_id > ?1 AND u.blob_id <= ?2 ORDER BY u.blob_id LIMIT ?3";
    SELECT_TAGS_OF_REPOSITORIES = "SELECT g.registry_id, g.name, t.name FROM tag t JOIN gallery_entry g ON g.repository_id = t.repository_id
        WHERE t.repository_id > ?1 AND t.repository_id <= ?2 ORDER BY t.repository_id LIMIT ?3";
}

/// The tags that a finding names.
const NAMED: usize = 10;

/// A tag with its repository.
struct TagRow(RepositoryKey, String);

/// A table whose rows are checked one by one.
pub(super) struct Checked {
    name: &'static str,
    /// Selects tags whose images need the rows after a key, up to a key.
    tags: &'static Sql,
}

pub(super) static BLOBS: Checked = Checked { name: "blob", tags: &SELECT_TAGS_OF_BLOBS };
pub(super) static MANIFESTS: Checked = Checked { name: "manifest", tags: &SELECT_TAGS };
pub(super) static REPOSITORIES: Checked = Checked { name: "repository", tags: &SELECT_TAGS_OF_REPOSITORIES };

impl Check<'_> {
    /// The next rows of a table that can be read. Reports those before them that cannot, with the tags that are known to need them.
    pub(super) async fn next_rows<T: FromRow + Keyed>(&mut self, table: &Checked, walk: &mut Walk<'_>) -> Result<Option<Vec<T>>> {
        loop {
            match walk.next().await? {
                Some(Part::Rows(rows)) => return Ok(Some(rows)),
                Some(Part::Gap(gap)) => self.found_gap(table, gap).await?,
                None => return Ok(None),
            }
        }
    }

    async fn found_gap(&mut self, Checked { name: table, tags }: &Checked, Gap { after, last, is_rough, error }: Gap) -> Result<()> {
        let select = async |tx: &mut Tx<'_>| tx.query::<TagRow>(tags, params![after, last, NAMED]).await;
        let tags = self.installation.0.metadata.salvage(select).await?.unwrap_or_default();
        let images = tags.into_iter().map(|TagRow(RepositoryKey { registry, name }, tag)| format!("{registry}/{name}:{tag}")).collect();
        let rows = if is_rough { "some or all rows" } else { "rows" };
        let text = match last {
            i64::MAX => format!("{rows} of the table '{table}' with ids above {after} cannot be read: {error}"),
            _ => format!("{rows} of the table '{table}' with ids from {} to {last} cannot be read: {error}", after + 1),
        };
        self.found_in_database(text, images);
        Ok(())
    }
}

impl FromRow for TagRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self(row.read()?, row.read()?))
    }
}
