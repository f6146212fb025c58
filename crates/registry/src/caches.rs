//! The caches of query results and the weights of their entries.

use crate::access_facts::facts::AccessFacts;
use crate::access_key_row::AccessKeyRow;
use crate::metadata::{Cache, bytes_of};
use crate::repository_blob::{HeldBlob, StoredBlob};
use crate::stored_manifest::StoredManifest;
use bytes::Bytes;
use roadstead_model::{ImageTag, Page, Referrer, RegistryId, Tag};
use std::sync::Arc;

/// The caches of queries that pulls, signed requests and polling clients repeat.
pub(crate) struct Caches {
    pub(crate) aliases: Cache<RegistryId>,
    pub(crate) access_keys: Cache<AccessKeyRow>,
    pub(crate) access_facts: Cache<Arc<AccessFacts>>,
    pub(crate) repository_rows: Cache<i64>,
    pub(crate) manifests: Cache<StoredManifest>,
    pub(crate) blobs: Cache<StoredBlob>,
    pub(crate) held_blobs: Cache<HeldBlob>,
    pub(crate) image_tags: Cache<Arc<Page<ImageTag>>>,
    pub(crate) tags: Cache<Arc<Page<Tag>>>,
    pub(crate) referrers: Cache<Arc<Page<Referrer>>>,
    pub(crate) repositories: Cache<Arc<Page<String>>>,
}

impl Caches {
    pub(crate) fn new() -> Self {
        Self {
            aliases: Cache::outliving_content(|_| Some(0)),
            access_keys: Cache::outliving_content(|_| Some(0)),
            // A push may create the repository, so facts about a missing one are not kept.
            access_facts: Cache::outliving_content(|facts| facts.repository_exists.then(|| facts.weight())),
            repository_rows: Cache::outliving_content(|_| Some(0)),
            manifests: Cache::new(|manifest| Some(manifest.bytes.as_ref().map_or(0, Bytes::len) + manifest.media_type.len())),
            blobs: Cache::new(|stored| Some(stored.content.weight())),
            // Only blobs that a manifest references are cached: of others, `is_old` matters, which changes without a commit.
            held_blobs: Cache::new(|held| held.is_referenced.then_some(0)),
            image_tags: Cache::new(|page| {
                Some(bytes_of(page.items.iter().flat_map(|ImageTag { tag, image, .. }| {
                    [tag.as_str(), image.digest.as_str(), &image.media_type, image.artifact_media_type.as_deref().unwrap_or_default()]
                })))
            }),
            tags: Cache::new(|page| Some(bytes_of(page.items.iter().map(Tag::as_str)))),
            referrers: Cache::new(|page| {
                Some(bytes_of(page.items.iter().flat_map(|referrer| [referrer.digest.as_str(), &referrer.descriptor])))
            }),
            repositories: Cache::new(|page| Some(bytes_of(page.items.iter().map(String::as_str)))),
        }
    }
}
