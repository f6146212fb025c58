//! The blobs of an installation.

use super::walking::{Keyed, Walk};
use super::{Check, Kind, gaps, repairing};
use crate::error::Result;
use crate::metadata::statements;
use crate::transfer::blob::Blob;
use crate::transfer::damage::{Damaged, Wrong};
use futures_util::{StreamExt, stream};

statements! {
    SELECT_PAGE = "SELECT b.id, b.digest, b.size, b.storage_key FROM blob b WHERE b.id > ?1 ORDER BY b.id LIMIT ?2";
}

/// The blobs that are looked at at a time.
const AT_A_TIME: usize = 8;

impl Check<'_> {
    pub(super) async fn blobs(&mut self) -> Result<()> {
        let mut walk = Walk::new(&self.installation.0.metadata, &SELECT_PAGE);
        while let Some(page) = self.next_rows::<Blob>(&gaps::BLOBS, &mut walk).await? {
            let (installation, pace, contents) = (self.installation, &self.pace, self.options.contents);
            let mut looking = stream::iter(&page)
                .map(|blob| async move { (blob, installation.examine_blob(blob, contents.then_some(pace)).await) })
                .buffer_unordered(AT_A_TIME);
            let mut damaged = Vec::new();
            while let Some((blob, wrong)) = looking.next().await {
                damaged.extend(wrong?.map(|wrong| (blob, wrong)));
            }
            drop(looking);
            self.checked.blobs += page.len() as u64;
            if contents {
                self.checked.bytes_read += page.iter().map(|blob| blob.size).sum::<u64>();
            }
            for (blob, wrong) in damaged {
                let repair = match self.options.repair {
                    true => Some(repairing::tried(repairing::repair_blob(self.installation, &self.options.copies, blob)).await?),
                    false => None,
                };
                self.found_damage(kind_of(&wrong), (Damaged::Blob, blob.id), (&blob.digest, &wrong.to_string()), repair).await?;
            }
        }
        Ok(())
    }
}

impl Keyed for Blob {
    fn key(&self) -> i64 {
        self.id
    }
}

const fn kind_of(wrong: &Wrong) -> Kind {
    match wrong {
        Wrong::Missing => Kind::BlobMissing,
        Wrong::Size { .. } => Kind::BlobSize,
        Wrong::Content => Kind::BlobContent,
        Wrong::Unreadable(_) => Kind::BlobUnreadable,
    }
}
