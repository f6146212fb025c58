//! The repositories that the sitemap lists.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::{RegistryAlias, RepositoryName, Timestamp};

statements! {
    SELECT_FIRST_IDS = "SELECT repository_id FROM
            (SELECT repository_id, ROW_NUMBER() OVER (ORDER BY repository_id) AS place FROM gallery_entry WHERE listed) AS numbered
        WHERE place % ?1 = 1 ORDER BY repository_id LIMIT ?2";
    SELECT_FILE = "SELECT alias, name, updated_at FROM gallery_entry WHERE listed AND repository_id >= ?1
        ORDER BY repository_id LIMIT ?2";
}

/// The repositories in a file of the sitemap.
const FILE: i64 = 10_000;
/// The most files in the index of the sitemap (sitemaps.org, "Sitemap index files").
const MOST_FILES: i64 = 50_000;

/// A repository in the sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitemapEntry {
    pub alias: RegistryAlias,
    pub repository: RepositoryName,
    pub updated_at: Timestamp,
}

impl Installation {
    /// The row ids of the repositories that the files of the sitemap begin with.
    pub async fn sitemap_files(&self) -> Result<Vec<u64>> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&SELECT_FIRST_IDS, params![FILE, MOST_FILES]).await).await
    }

    /// The repositories in the file of the sitemap that begins with the row id `first`, which need not exist.
    pub async fn sitemap_file(&self, first: u64) -> Result<Vec<SitemapEntry>> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| tx.query(&SELECT_FILE, params![first, FILE]).await).await
    }
}

impl FromRow for SitemapEntry {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { alias: row.read()?, repository: row.read()?, updated_at: row.read()? })
    }
}
