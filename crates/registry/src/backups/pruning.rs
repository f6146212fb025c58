//! Deleting old snapshots, and the blobs that no other one needs.

use super::blob_list;
use super::copies::upload_of;
use super::place::{LockedPlace, OpenPlace};
use super::snapshot::Snapshot;
use crate::blobs::StoredObject;
use crate::error::{Error, Result};
use crate::metadata::migrations;
use crate::transfer::blob::Blobs;
use roadstead_model::Timestamp;
use std::collections::HashSet;
use std::path::Path;
use uuid::Uuid;

/// What was deleted.
#[derive(Default)]
pub(super) struct Pruned {
    pub(super) snapshots: u64,
    pub(super) blobs: u64,
    /// Why nothing was deleted, if something should have been.
    pub(super) refused: Option<String>,
}

/// Keeps the last `keep` snapshots and what they need, but no `spoiled` copies, of which there are others that are whole.
pub(super) async fn prune(LockedPlace { place, drafts, .. }: &LockedPlace, keep: usize, spoiled: &HashSet<String>) -> Result<Pruned> {
    let names = place.snapshots().await?;
    let (old, kept) = names.split_at(names.len().saturating_sub(keep.max(1)));
    if old.is_empty() {
        return Ok(Pruned::default());
    }
    let mut needed = Needed::default();
    for name in kept {
        if let Err(error) = needed.add(place, name, drafts).await {
            // The backup is complete all the same.
            let refused = format!("it is not known what '{name}' needs, which is kept: {error}");
            return Ok(Pruned { refused: Some(refused), ..Pruned::default() });
        }
    }
    // Only now: old snapshots are of use as long as one that is kept cannot be read.
    for name in old {
        place.forget(name).await?;
    }
    let (mut listing, mut deleted) = (place.store.list_older_than(Timestamp::from_micros(i64::MAX)).await?, 0);
    while let Some(page) = listing.next_page().await? {
        for object in page {
            match &object.key {
                Some(key) if needed.has(&object, key) && !spoiled.contains(key) => {}
                Some(key) => {
                    place.store.delete(key).await;
                    deleted += 1;
                }
                // Nothing else writes here: a backup left it behind that was killed.
                None => place.store.delete_upload(&object.upload, None).await,
            }
        }
    }
    Ok(Pruned { snapshots: old.len() as u64, blobs: deleted, refused: None })
}

/// What the snapshots need that are kept.
#[derive(Default)]
struct Needed {
    /// The keys of their files.
    files: HashSet<String>,
    /// Their blobs by [`upload_of`].
    blobs: HashSet<u128>,
}

impl Needed {
    /// Adds everything that a snapshot needs. Fails if that cannot be known, or if its database, without which it is of no use, is not there.
    async fn add(&mut self, place: &OpenPlace, name: &str, drafts: &Path) -> Result<()> {
        let snapshot = place.snapshot(Some(name)).await?;
        if let Some(wrong) = snapshot.metadata.as_blob()?.look(&place.store).await? {
            return Err(Error::Refused(format!("its database {wrong}")));
        }
        self.files.extend(snapshot.files().map(|file| file.key.clone()));
        if let Some(list) = &snapshot.blob_list {
            match blob_list::read(&place.store, list, &drafts.join("pruned.list"), &mut self.blobs).await {
                Ok(()) => return Ok(()),
                Err(error) => tracing::warn!(%error, snapshot = name, "the list of blobs cannot be read: its database is read instead"),
            }
        }
        self.add_from_database(place, &snapshot, &drafts.join("pruned.db")).await
    }

    async fn add_from_database(&mut self, place: &OpenPlace, snapshot: &Snapshot, path: &Path) -> Result<()> {
        let database = place.database(Some(&snapshot.metadata), path, migrations::METADATA).await?;
        let mut blobs = Blobs::of(&database);
        while let Some(page) = blobs.next_page().await? {
            self.blobs.extend(page.iter().filter(|blob| !blob.key.is_empty()).map(|blob| upload_of(&blob.digest).as_u128()));
        }
        database.close().await;
        Ok(())
    }

    fn has(&self, object: &StoredObject, key: &str) -> bool {
        self.files.contains(key) || Uuid::try_parse(&object.upload).is_ok_and(|id| self.blobs.contains(&id.as_u128()))
    }
}
