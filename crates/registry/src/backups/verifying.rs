//! Verifying a place of backups: which snapshots could not be restored whole, and why.

use super::copies::{Copies, StoredCopy, upload_of};
use super::place::{BackupPlace, OpenPlace};
use super::snapshot::{Snapshot, StoredFile};
use crate::blobs::BlobAccess;
use crate::checking::examining::wrong_in_store;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, migrations};
use crate::pace::Pace;
use crate::transfer::blob::{Blob, Blobs};
use crate::transfer::damage::{self, Damaged, Wrong};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::Path;

/// The blobs that are looked at at a time.
const AT_A_TIME: usize = 8;
/// The findings that are listed; more are only counted.
const MOST_FINDINGS: usize = 10_000;

/// How to verify a place of backups.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyOptions {
    /// Reads every blob and verifies its digest. Otherwise only its size is compared.
    pub contents: bool,
    /// Removes copies of blobs that have another size or content, so that the next backup makes them again.
    pub remove: bool,
    /// The bytes of blobs that are read in a second.
    pub rate: Option<NonZeroU64>,
}

/// Something in a place of backups that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupFinding {
    /// The snapshots that are hurt: none if there is another copy that is whole.
    pub snapshots: Vec<String>,
    /// The digest of the blob.
    pub digest: Option<String>,
    /// The images that need it: at most ten.
    pub images: Vec<String>,
    pub text: String,
    /// Whether a damaged copy was removed.
    pub removed: bool,
}

/// What was found in a place of backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    pub snapshots: u64,
    pub blobs: u64,
    /// The bytes of blobs that were read.
    pub bytes_read: u64,
    pub found: u64,
    pub removed: u64,
    /// The first 10,000 findings.
    pub findings: Vec<BackupFinding>,
}

/// The copies of a blob as they were found.
#[derive(Default)]
struct Looked {
    whole: u64,
    damaged: Vec<(String, Wrong)>,
}

/// A verification in progress.
struct Verification<'a> {
    place: &'a OpenPlace,
    options: VerifyOptions,
    pace: Pace,
    copies: Copies,
    /// The blobs that were looked at, by [`upload_of`]. Those without a whole copy have the number of their finding.
    seen: HashMap<u128, Option<usize>>,
    verified: Verified,
}

impl BackupPlace {
    /// Verifies all snapshots. Nothing can be written to a directory meanwhile. Fails only if the place cannot be read at all.
    pub async fn verify(&self, options: VerifyOptions) -> Result<Verified> {
        let access = if options.remove { BlobAccess::Write } else { BlobAccess::Read };
        let place = self.open_for(access).await?;
        let _lock = self.lock_to_verify(access)?;
        let (names, scratch) = (place.snapshots().await?, tempfile::tempdir()?);
        let copies = Copies::list(&place.store).await?;
        let pace = Pace::new(options.rate);
        let mut verification = Verification { place: &place, options, pace, copies, seen: HashMap::new(), verified: Verified::default() };
        // What is damaged is named by the images of the last snapshot that has it.
        for name in names.iter().rev() {
            verification.snapshot(name, scratch.path()).await?;
        }
        Ok(verification.verified)
    }
}

impl Looked {
    /// What is wrong with a blob that has these copies.
    fn text(&self, blob: &Blob) -> String {
        let digest = &blob.digest;
        let wrongs: Vec<String> = self.damaged.iter().map(|(_, wrong)| wrong.to_string()).collect();
        match (self.whole, wrongs.is_empty()) {
            (0, true) if blob.is_lost() => format!("the blob {digest} was damaged when the snapshot was made"),
            (0, true) => format!("the blob {digest} {}", Wrong::Missing),
            (0, false) => format!("the blob {digest} {}", wrongs.join(", another copy ")),
            _ => format!("a spare copy of the blob {digest} {}", wrongs.join(", another one ")),
        }
    }
}

impl Verification<'_> {
    async fn snapshot(&mut self, name: &str, scratch: &Path) -> Result<()> {
        self.verified.snapshots += 1;
        let snapshot = match self.place.snapshot(Some(name)).await {
            Err(Error::Refused(text)) => {
                self.found(name, text);
                return Ok(());
            }
            snapshot => snapshot?,
        };
        let path = scratch.join("metadata.db");
        if let Some(database) = self.database(name, &snapshot, &path).await? {
            let verified = self.blobs(name, &database).await;
            database.close().await;
            verified?;
        }
        let others = [("the list of its blobs", &snapshot.blob_list), ("the file of its statistics", &snapshot.statistics)];
        for (noun, file) in others {
            match file.as_ref().map(StoredFile::as_blob) {
                Some(Ok(file)) => {
                    if let Some(wrong) = self.file(&file).await? {
                        self.found(name, format!("{noun} {wrong}"));
                    }
                }
                Some(Err(error)) => self.found(name, error.to_string()),
                None => {}
            }
        }
        Ok(())
    }

    /// Opens the database of a snapshot, or reports why it cannot be opened.
    async fn database(&mut self, name: &str, snapshot: &Snapshot, path: &Path) -> Result<Option<Metadata>> {
        match self.place.database(Some(&snapshot.metadata), path, migrations::METADATA).await {
            Ok(database) => Ok(Some(database)),
            Err(Error::Refused(text) | Error::Damaged(text) | Error::Internal(text)) => {
                self.found(name, text);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What is wrong with a file of a snapshot.
    async fn file(&self, file: &Blob) -> Result<Option<Wrong>> {
        wrong_in_store(&self.place.store, file, self.options.contents.then_some(&self.pace)).await
    }

    async fn blobs(&mut self, snapshot: &str, database: &Metadata) -> Result<()> {
        let mut blobs = Blobs::of(database);
        loop {
            let page = match blobs.next_page().await {
                Ok(Some(page)) => page,
                Ok(None) => return Ok(()),
                Err(Error::Damaged(text) | Error::Internal(text)) => {
                    self.found(snapshot, text);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let (known, new): (Vec<Blob>, Vec<Blob>) = page
                .into_iter()
                .filter(|blob| !blob.key.is_empty())
                .partition(|blob| self.seen.contains_key(&upload_of(&blob.digest).as_u128()));
            for blob in known {
                self.found_again(snapshot, &blob);
            }
            let this = &*self;
            let mut looking = stream::iter(new).map(|blob| async move { (this.look(&blob).await, blob) }).buffer_unordered(AT_A_TIME);
            let mut looked = Vec::new();
            while let Some((copies, blob)) = looking.next().await {
                looked.push((copies?, blob));
            }
            drop(looking);
            for (copies, blob) in looked {
                self.verified.blobs += 1;
                self.verified.bytes_read += if self.options.contents { copies.whole * blob.size } else { 0 };
                self.record(snapshot, &blob, copies, database).await?;
            }
        }
    }

    /// Looks at every copy: a restore takes any that is whole, whichever one the snapshot names.
    async fn look(&self, blob: &Blob) -> Result<Looked> {
        let mut looked = Looked::default();
        for copy in self.copies.of(&blob.digest) {
            match self.wrong(blob, copy).await? {
                None => looked.whole += 1,
                Some(Wrong::Missing) => {}
                Some(wrong) => looked.damaged.push((copy.key.clone(), wrong)),
            }
        }
        Ok(looked)
    }

    async fn wrong(&self, blob: &Blob, copy: &StoredCopy) -> Result<Option<Wrong>> {
        if copy.size != blob.size {
            return Ok(Some(Wrong::Size { found: copy.size, expected: blob.size }));
        }
        let copy = Blob { key: copy.key.clone(), ..blob.clone() };
        match self.options.contents {
            true => wrong_in_store(&self.place.store, &copy, Some(&self.pace)).await,
            false => Ok(None),
        }
    }

    /// Remembers a blob, and reports what is wrong with its copies.
    async fn record(&mut self, snapshot: &str, blob: &Blob, looked: Looked, database: &Metadata) -> Result<()> {
        let is_whole = looked.whole > 0;
        let number = (!is_whole).then_some(self.verified.findings.len());
        self.seen.insert(upload_of(&blob.digest).as_u128(), number);
        if is_whole && looked.damaged.is_empty() {
            return Ok(());
        }
        let mut removed = false;
        for (key, _) in looked.damaged.iter().filter(|(_, wrong)| self.options.remove && wrong.is_proven()) {
            self.place.store.delete(key).await;
            self.verified.removed += 1;
            removed = true;
        }
        let (images, snapshots) = match is_whole {
            true => Default::default(),
            false => (damage::images(database, Damaged::Blob, blob.id).await?, vec![snapshot.to_owned()]),
        };
        self.add(BackupFinding { snapshots, digest: Some(blob.digest.to_string()), images, text: looked.text(blob), removed });
        Ok(())
    }

    /// Reports that another snapshot is hurt by a blob that is known to be damaged.
    fn found_again(&mut self, snapshot: &str, blob: &Blob) {
        let number = self.seen.get(&upload_of(&blob.digest).as_u128()).copied().flatten();
        if let Some(finding) = number.and_then(|number| self.verified.findings.get_mut(number)) {
            finding.snapshots.push(snapshot.to_owned());
        }
    }

    fn found(&mut self, snapshot: &str, text: String) {
        self.add(BackupFinding { snapshots: vec![snapshot.to_owned()], digest: None, images: Vec::new(), text, removed: false });
    }

    fn add(&mut self, finding: BackupFinding) {
        self.verified.found += 1;
        if self.verified.findings.len() < MOST_FINDINGS {
            self.verified.findings.push(finding);
        }
    }
}
