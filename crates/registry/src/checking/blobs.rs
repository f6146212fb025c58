//! The blobs of an installation.

use super::examining::Wrong;
use super::{Check, Kind, repairing};
use crate::error::Result;
use crate::transfer::blob::Blobs;
use crate::transfer::damage::Damaged;
use futures_util::{StreamExt, stream};

/// The blobs that are looked at at a time.
const AT_A_TIME: usize = 8;

impl Check<'_> {
    pub(super) async fn blobs(&mut self) -> Result<()> {
        let mut blobs = Blobs::of(&self.installation.0.metadata);
        while let Some(page) = blobs.next_page().await? {
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
                    true => Some(repairing::repair_blob(self.installation, &self.options.copies, blob).await?),
                    false => None,
                };
                self.found_damage(kind_of(&wrong), (Damaged::Blob, blob.id), (&blob.digest, &wrong.text(blob)), repair).await?;
            }
        }
        Ok(())
    }
}

const fn kind_of(wrong: &Wrong) -> Kind {
    match wrong {
        Wrong::Missing => Kind::BlobMissing,
        Wrong::Size(_) => Kind::BlobSize,
        Wrong::Content | Wrong::Unreadable(_) => Kind::BlobContent,
    }
}
