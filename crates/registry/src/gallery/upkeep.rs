//! Work that pushes and owners leave to a background task.

use crate::error::Result;
use crate::gallery::summary::{self, Described};
use crate::gallery::{attachments, readmes};
use crate::installation::Installation;
use crate::manifests::find;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::stale;
use roadstead_model::{Digest, Manifest, Tag};

statements! {
    SELECT_IDS = "SELECT manifest_id FROM manifest_to_summarise ORDER BY manifest_id LIMIT ?1";
    SELECT_MANIFEST = "SELECT m.repository_id, m.digest, m.media_type, c.bytes FROM manifest m
        JOIN manifest_content c ON c.manifest_id = m.id WHERE m.id = ?1";
    SELECT_CONFIG = "SELECT b.size, b.storage_key, c.bytes FROM blob b LEFT JOIN blob_content c ON c.blob_id = b.id WHERE b.digest = ?1";
    SELECT_TAGS = "SELECT name FROM tag WHERE manifest_id = ?1 AND visibility = 1 ORDER BY name LIMIT ?2";
    FINISH = "DELETE FROM manifest_to_summarise WHERE manifest_id = ?1";
}

/// The number of manifests that are summarised in one transaction.
const BATCH: usize = 100;

/// The largest config in bytes that is read. Larger ones are no configs of images.
const LARGEST_CONFIG: u64 = 1024 * 1024;

/// The most tags of a manifest that attach it to images. Clients give it one.
const MOST_ATTACHING_TAGS: usize = 16;

/// A manifest to summarise, with the content of its config.
struct Work {
    id: i64,
    repository: i64,
    digest: Digest,
    manifest: Manifest,
    config: Option<Vec<u8>>,
}

impl Installation {
    /// Does the next part of the work that pushes and owners left. Returns whether some may be left.
    pub async fn tend_gallery(&self) -> Result<bool> {
        let (marked, summarised) = (self.mark_hidden_tags().await?, self.summarise_manifests().await?);
        Ok(marked || summarised)
    }

    async fn summarise_manifests(&self) -> Result<bool> {
        let ids: Vec<i64> = self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query(&SELECT_IDS, params![BATCH]).await).await?;
        if ids.is_empty() {
            return Ok(false);
        }
        let mut batch = Vec::with_capacity(ids.len());
        for id in &ids {
            batch.extend(self.work(*id).await?);
        }
        let summarise = async move |tx: &mut Tx<'_>| {
            for work in &batch {
                work.summarise(tx).await?;
            }
            for id in &ids {
                tx.execute(&FINISH, params![id]).await?;
            }
            Ok(())
        };
        self.0.metadata.write_lazily(summarise).await?;
        Ok(true)
    }

    /// Reads a manifest and its config. `None` if it has been deleted or cannot be parsed any more.
    async fn work(&self, id: i64) -> Result<Option<Work>> {
        let read = async |tx: &mut Tx<'_>| {
            let Some(Pushed { repository, digest, media_type, bytes }) = tx.query_one(&SELECT_MANIFEST, params![id]).await? else {
                return Ok(None);
            };
            let Ok(manifest) = Manifest::parse(&bytes, Some(&media_type)) else { return Ok(None) };
            let config: Option<Config> = match summary::config_of(&manifest) {
                Some(digest) => tx.query_one(&SELECT_CONFIG, params![digest]).await?,
                None => None,
            };
            Ok(Some((Work { id, repository, digest, manifest, config: None }, config)))
        };
        let Some((work, config)) = self.0.metadata.read(read).await? else { return Ok(None) };
        let config = match config {
            Some(config) => self.content(config).await?,
            None => None,
        };
        Ok(Some(Work { config, ..work }))
    }

    /// The content of a config that is not too large. `None` if its file is gone.
    async fn content(&self, Config { size, storage_key, bytes }: Config) -> Result<Option<Vec<u8>>> {
        if bytes.is_some() || size > LARGEST_CONFIG {
            return Ok(bytes);
        }
        let length = usize::try_from(size).unwrap_or(0);
        match self.0.blobs.open(&storage_key, size).await {
            Ok(file) => Ok(file.copy(0, length).await.ok().map(|bytes| bytes.to_vec())),
            Err(error) => {
                tracing::warn!(%error, storage_key, "the config of an image cannot be read: the gallery shows no platform for it");
                Ok(None)
            }
        }
    }
}

impl Work {
    async fn summarise(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self { id, repository, ref digest, ref manifest, ref config } = *self;
        // It may have been deleted since it was read.
        if find(tx, repository, digest).await?.is_none_or(|(found, _)| found != id) {
            return Ok(());
        }
        let mut sizes = Vec::with_capacity(manifest.manifests.len());
        for entry in &manifest.manifests {
            sizes.push(find(tx, repository, &entry.digest).await?.map_or(0, |(_, size)| size));
        }
        let described = Described { repository, id, digest, manifest, sizes: &sizes };
        summary::record_with(tx, &described, config.as_deref()).await?;
        readmes::record(tx, id, manifest).await?;
        let tags: Vec<Tag> = tx.query(&SELECT_TAGS, params![id, MOST_ATTACHING_TAGS]).await?;
        let kinds = summary::attached_kinds(tx, id).await?;
        for tag in &tags {
            attachments::attach_by_tag(tx, repository, tag, id, &kinds).await?;
        }
        stale::mark(tx, repository).await
    }
}

/// A manifest as it was pushed.
struct Pushed {
    repository: i64,
    digest: Digest,
    media_type: String,
    bytes: Vec<u8>,
}

impl FromRow for Pushed {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { repository: row.read()?, digest: row.read()?, media_type: row.read()?, bytes: row.read()? })
    }
}

/// The content of a config, or the key of its file.
struct Config {
    size: u64,
    storage_key: String,
    bytes: Option<Vec<u8>>,
}

impl FromRow for Config {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { size: row.read()?, storage_key: row.read()?, bytes: row.read()? })
    }
}
