//! The copies of blobs in a place of backups.

use crate::blobs::BlobStore;
use crate::error::Result;
use roadstead_model::{Digest, Timestamp};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The id of the upload as which a blob is stored in a place of backups.
pub(super) fn upload_of(digest: &Digest) -> Uuid {
    Uuid::from_u128(u128::from_str_radix(digest.hex().get(..32).unwrap_or_default(), 16).unwrap_or_default())
}

/// A copy of a blob, which may be damaged.
#[derive(Debug)]
pub(crate) struct StoredCopy {
    /// The blob, by [`upload_of`].
    id: u128,
    pub(crate) key: String,
    pub(crate) size: u64,
}

/// All copies in a place. In a bucket, every copy has a key of its own, so a blob that is stored again after damage can have several there,
/// and snapshots name the one that was there when they were made.
pub(crate) struct Copies(Vec<StoredCopy>);

impl Copies {
    pub(super) async fn list(store: &BlobStore) -> Result<Self> {
        let (mut listing, mut copies) = (store.list_older_than(Timestamp::from_micros(i64::MAX)).await?, Vec::new());
        while let Some(page) = listing.next_page().await? {
            for object in page {
                if let (Some(key), Ok(upload)) = (object.key, Uuid::try_parse(&object.upload)) {
                    copies.push(StoredCopy { id: upload.as_u128(), key, size: object.size });
                }
            }
        }
        copies.sort_unstable_by(|one, other| (one.id, &one.key).cmp(&(other.id, &other.key)));
        Ok(Self(copies))
    }

    /// The copies of a blob.
    pub(super) fn of(&self, digest: &Digest) -> &[StoredCopy] {
        let id = upload_of(digest).as_u128();
        let Self(copies) = self;
        let from = copies.partition_point(|copy| copy.id < id);
        &copies[from..][..copies[from..].partition_point(|copy| copy.id == id)]
    }
}

/// The copies in a place that is read. They are listed when the one that a snapshot names is damaged for the first time.
#[derive(Default)]
pub(crate) struct SpareCopies(OnceCell<Copies>);

impl SpareCopies {
    pub(crate) async fn of(&self, digest: &Digest, store: &BlobStore) -> Result<&[StoredCopy]> {
        Ok(self.0.get_or_try_init(|| Copies::list(store)).await?.of(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::Algorithm;

    #[test]
    fn the_copies_of_a_blob_are_found_among_all_others() {
        let digests: Vec<Digest> = (0..5_u8).map(|byte| Digest::of(Algorithm::Sha256, &[byte])).collect();
        let copy = |number: usize, key: &str| StoredCopy { id: upload_of(&digests[number]).as_u128(), key: key.to_owned(), size: 1 };
        let mut copies = vec![copy(0, "a"), copy(1, "b1"), copy(1, "b2"), copy(2, "c"), copy(3, "d")];
        copies.sort_by_key(|copy| copy.id);
        let copies = Copies(copies);
        let keys = |number: usize| copies.of(&digests[number]).iter().map(|copy| &*copy.key).collect::<Vec<_>>();
        assert_eq!([keys(0), keys(1), keys(2), keys(3), keys(4)], [vec!["a"], vec!["b1", "b2"], vec!["c"], vec!["d"], vec![]]);
    }
}
