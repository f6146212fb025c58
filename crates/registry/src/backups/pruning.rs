//! Deleting old snapshots, and the blobs that no other one needs.

use super::place::{LockedPlace, OpenPlace};
use super::snapshot::Snapshot;
use crate::error::Result;
use crate::metadata::migrations;
use crate::transfer::blob::Blobs;
use roadstead_model::Timestamp;
use std::collections::HashSet;
use std::path::Path;

/// Keeps the last `keep` snapshots. Returns the numbers of snapshots and of blobs that were deleted.
pub(super) async fn prune(LockedPlace { place, drafts, .. }: &LockedPlace, keep: usize) -> Result<(u64, u64)> {
    let names = place.snapshots().await?;
    let (old, kept) = names.split_at(names.len().saturating_sub(keep.max(1)));
    if old.is_empty() {
        return Ok((0, 0));
    }
    let mut needed = HashSet::new();
    for name in kept {
        add_keys(place, &place.snapshot(Some(name)).await?, &drafts.join("pruned.db"), &mut needed).await?;
    }
    // Only now: old snapshots are of use as long as one that is kept cannot be read.
    for name in old {
        place.forget(name).await?;
    }
    let (mut listing, mut deleted) = (place.store.list_older_than(Timestamp::from_micros(i64::MAX)).await?, 0);
    while let Some(page) = listing.next_page().await? {
        for object in page {
            match object.key {
                Some(key) if needed.contains(&key) => {}
                Some(key) => {
                    place.store.delete(&key).await;
                    deleted += 1;
                }
                // Nothing else writes here: a backup left it behind that was killed.
                None => place.store.delete_upload(&object.upload, None).await,
            }
        }
    }
    Ok((old.len() as u64, deleted))
}

/// Adds the keys of everything that a snapshot needs.
async fn add_keys(place: &OpenPlace, snapshot: &Snapshot, path: &Path, needed: &mut HashSet<String>) -> Result<()> {
    needed.extend([Some(&snapshot.metadata), snapshot.statistics.as_ref()].into_iter().flatten().map(|file| file.key.clone()));
    let database = place.database(Some(&snapshot.metadata), path, migrations::METADATA).await?;
    let mut blobs = Blobs::of(&database);
    while let Some(page) = blobs.next_page().await? {
        needed.extend(page.into_iter().map(|blob| blob.key).filter(|key| !key.is_empty()));
    }
    database.close().await;
    Ok(())
}
