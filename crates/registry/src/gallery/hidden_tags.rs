//! The tags that owners hide. When an owner changes which, a background task marks existing tags again, in batches.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_row::{Counts, add_to_counts};
use crate::stale;
use roadstead_model::Tag;
use roadstead_model::gallery::owner_settings::HIDDEN_TAGS;
use roadstead_model::gallery::{HiddenTags, Visibility};

statements! {
    SELECT = "SELECT tag_value FROM resource_tag WHERE repository_id = ?1 AND tag_key = ?2";
    REQUEST = "INSERT INTO tags_to_mark (repository_id, after_name) VALUES (?1, '')
        ON CONFLICT (repository_id) DO UPDATE SET after_name = excluded.after_name";
    SELECT_REQUEST = "SELECT repository_id, after_name FROM tags_to_mark ORDER BY repository_id LIMIT 1";
    SELECT_TAGS = "SELECT name, visibility FROM tag WHERE repository_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
    UPDATE_TAG = "UPDATE tag SET visibility = ?3 WHERE repository_id = ?1 AND name = ?2";
    ADVANCE = "UPDATE tags_to_mark SET after_name = ?2 WHERE repository_id = ?1";
    FINISH = "DELETE FROM tags_to_mark WHERE repository_id = ?1";
}

/// The number of tags that a batch marks.
const BATCH: usize = 1000;

impl Installation {
    /// Marks the next tags of a repository whose owner changed which are hidden. Returns whether some are left.
    pub(crate) async fn mark_hidden_tags(&self) -> Result<bool> {
        if self.0.metadata.read(async |tx: &mut Tx<'_>| next_request(tx).await).await?.is_none() {
            return Ok(false);
        }
        self.0.metadata.write_lazily(async |tx: &mut Tx<'_>| mark_batch(tx).await).await?;
        Ok(true)
    }
}

/// The tags that the owner of a repository hides.
async fn select(tx: &mut Tx<'_>, repository: i64) -> Result<HiddenTags> {
    let value: Option<String> = tx.query_one(&SELECT, params![repository, HIDDEN_TAGS]).await?;
    Ok(value.as_deref().map(HiddenTags::parse).unwrap_or_default())
}

/// Has the tags of a repository marked again if one of these keys of resource tags says which are hidden.
pub(crate) async fn changed(tx: &mut Tx<'_>, repository: i64, mut keys: impl Iterator<Item = &str>) -> Result<()> {
    if keys.any(|key| key == HIDDEN_TAGS) {
        tx.execute(&REQUEST, params![repository]).await?;
    }
    Ok(())
}

async fn next_request(tx: &mut Tx<'_>) -> Result<Option<(i64, String)>> {
    tx.query_one(&SELECT_REQUEST, params![]).await
}

async fn mark_batch(tx: &mut Tx<'_>) -> Result<()> {
    let Some((repository, after)) = next_request(tx).await? else { return Ok(()) };
    let hidden = select(tx, repository).await?;
    let tags: Vec<(Tag, Visibility)> = tx.query(&SELECT_TAGS, params![repository, after, BATCH]).await?;
    let mut counts = Counts::default();
    for (tag, old) in &tags {
        let new = if hidden.hides(tag.as_str()) { Visibility::Hidden } else { Visibility::Listed };
        if *old != Visibility::Attached && *old != new {
            tx.execute(&UPDATE_TAG, params![repository, tag, new]).await?;
            counts.add_tag(*old, -1);
            counts.add_tag(new, 1);
        }
    }
    add_to_counts(tx, repository, counts).await?;
    stale::mark(tx, repository).await?;
    match tags.last() {
        Some((last, _)) if tags.len() == BATCH => tx.execute(&ADVANCE, params![repository, last]).await.map(drop),
        _ => tx.execute(&FINISH, params![repository]).await.map(drop),
    }
}
