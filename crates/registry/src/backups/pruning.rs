//! Deleting old snapshots, and the blobs that no other one needs.

use super::blob_list;
use super::place::{LockedPlace, OpenPlace, upload_of};
use super::snapshot::Snapshot;
use crate::blobs::StoredObject;
use crate::error::{Error, Result};
use crate::metadata::migrations;
use crate::transfer::blob::Blobs;
use roadstead_model::Timestamp;
use std::collections::HashSet;
use std::path::Path;
use uuid::Uuid;

/// Keeps the last `keep` snapshots. Returns the numbers of snapshots and of blobs that were deleted.
pub(super) async fn prune(LockedPlace { place, drafts, .. }: &LockedPlace, keep: usize) -> Result<(u64, u64)> {
    let names = place.snapshots().await?;
    let (old, kept) = names.split_at(names.len().saturating_sub(keep.max(1)));
    if old.is_empty() {
        return Ok((0, 0));
    }
    let mut needed = Needed::default();
    for name in kept {
        needed.add(place, name, drafts).await?;
    }
    // Only now: old snapshots are of use as long as one that is kept cannot be read.
    for name in old {
        place.forget(name).await?;
    }
    let (mut listing, mut deleted) = (place.store.list_older_than(Timestamp::from_micros(i64::MAX)).await?, 0);
    while let Some(page) = listing.next_page().await? {
        for object in page {
            match &object.key {
                Some(key) if needed.has(&object, key) => {}
                Some(key) => {
                    place.store.delete(key).await;
                    deleted += 1;
                }
                // Nothing else writes here: a backup left it behind that was killed.
                None => place.store.delete_upload(&object.upload, None).await,
            }
        }
    }
    Ok((old.len() as u64, deleted))
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
    /// Adds everything that a snapshot needs. Fails if its files are not there.
    async fn add(&mut self, place: &OpenPlace, name: &str, drafts: &Path) -> Result<()> {
        let snapshot = place.snapshot(Some(name)).await?;
        for file in snapshot.files() {
            if let Some(wrong) = file.as_blob()?.look(&place.store).await? {
                return Err(Error::Refused(format!("no snapshot is deleted, because a database or the list of blobs of '{name}' {wrong}")));
            }
            self.files.insert(file.key.clone());
        }
        if let Some(list) = &snapshot.blob_list {
            match blob_list::read(&place.store, list, &drafts.join("pruned.list"), &mut self.blobs).await {
                // The database has the same blobs.
                Err(Error::Refused(_)) => {}
                read => return read,
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
