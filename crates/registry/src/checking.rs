//! Checking an installation while it is served: whether each row has its bytes, and the bytes their rows, and repairing what can be.
//!
//! A finding is looked at twice, because a push or a deletion may come in between. Repairs check their condition again in their own
//! transaction. While repairs are made, no garbage is collected, because an object without a row may be what a row lacks.
//!
//! What cannot be read ends no check: it is a finding, and the check goes on behind it. Only a database or a store that does not answer
//! at all ends one.

pub(crate) mod blobs;
pub(crate) mod copies;
pub(crate) mod counters;
pub(crate) mod examining;
pub(crate) mod gaps;
pub(crate) mod manifests;
pub(crate) mod repairing;
mod walking;

use crate::collection::{Collection, Garbage};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::pace::Pace;
use crate::transfer::damage::{self, Damaged};
use copies::SecondCopy;
use repairing::Repair;
use roadstead_model::Digest;
use serde::Serialize;
use std::num::NonZeroU64;
use std::time::Duration;

/// The findings that are listed; more are only counted.
const MOST_FINDINGS: usize = 10_000;
/// The age of objects without a row that are named or deleted, as by a collection with its default.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How to check.
pub struct CheckOptions<'a> {
    /// Reads every blob and verifies its digest. Otherwise only its size is compared.
    pub contents: bool,
    /// Repairs what can be.
    pub repair: bool,
    /// The bytes of blobs that are read in a second.
    pub rate: Option<NonZeroU64>,
    /// Where else lost blobs and manifests are, for repairs.
    pub copies: Vec<&'a dyn SecondCopy>,
}

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The database file has bad pages, or rows that refer to rows that do not exist.
    Database,
    BlobMissing,
    BlobSize,
    BlobContent,
    /// Its bytes cannot be read, although the store answers.
    BlobUnreadable,
    /// A manifest references a blob of which there is no row.
    BlobRow,
    ManifestMissing,
    ManifestContent,
    /// A manifest references a blob or a manifest, but no row says so, so it may be collected as garbage.
    Link,
    Counter,
    /// Objects without a row.
    Orphans,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub kind: Kind,
    /// The digest of the blob or manifest.
    pub digest: Option<String>,
    /// The images that need it: at most ten.
    pub images: Vec<String>,
    pub text: String,
    pub repaired: bool,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    pub repositories: u64,
    pub manifests: u64,
    pub blobs: u64,
    /// The bytes of blobs that were read.
    pub bytes_read: u64,
    pub found: u64,
    pub repaired: u64,
    /// The first 10,000 findings.
    pub findings: Vec<Finding>,
}

/// A check in progress.
struct Check<'a> {
    installation: &'a Installation,
    options: &'a CheckOptions<'a>,
    pace: Pace,
    checked: Checked,
    /// Whether rows may be there that cannot be read.
    hides_rows: bool,
}

impl Installation {
    /// Checks the installation while it is served.
    pub async fn check(&self, options: &CheckOptions<'_>) -> Result<Checked> {
        match options.repair {
            true => self.keep_garbage().await?.run(self.check_all(options)).await,
            false => self.check_all(options).await,
        }
    }

    async fn check_all(&self, options: &CheckOptions<'_>) -> Result<Checked> {
        let mut check =
            Check { installation: self, options, pace: Pace::new(options.rate), checked: Checked::default(), hides_rows: false };
        check.database().await?;
        check.blobs().await?;
        check.manifests().await?;
        check.references().await?;
        check.counters().await?;
        check.orphans().await?;
        Ok(check.checked)
    }
}

impl Check<'_> {
    /// The pages of the files of an embedded engine.
    async fn database(&mut self) -> Result<()> {
        for text in self.installation.0.metadata.bad_pages().await? {
            self.found_in_database(text, Vec::new());
        }
        let of_statistics = match self.installation.0.pull_statistics.database().await {
            Ok(statistics) => statistics.bad_pages().await?,
            Err(error) => vec![error.to_string()],
        };
        for text in of_statistics {
            self.found(Kind::Database, format!("statistics: {text}"), false);
        }
        Ok(())
    }

    /// References to rows that do not exist, which only an embedded engine can have. Those to blobs are of no use once the manifests
    /// have been linked again.
    async fn references(&mut self) -> Result<()> {
        let metadata = &self.installation.0.metadata;
        let before = metadata.bad_references().await?;
        // A row that cannot be read is there.
        if self.options.repair && !self.hides_rows && !before.is_empty() {
            drop(repairing::tried(repairing::delete_links_to_nothing(metadata)).await?);
        }
        let after = if self.options.repair { metadata.bad_references().await? } else { before.clone() };
        // The texts begin with a number of rows, of which some may be left.
        let relation = |text: &str| text.trim_start_matches(|first: char| first.is_ascii_digit()).to_owned();
        let left: Vec<_> = after.iter().map(|text| relation(text)).collect();
        for text in before {
            let repaired = !left.contains(&relation(&text));
            self.found(Kind::Database, text, repaired);
        }
        Ok(())
    }

    async fn orphans(&mut self) -> Result<()> {
        let delete = self.options.repair && !self.hides_rows;
        let Garbage { orphans, bytes, .. } = match self.installation.collect_orphans(Collection { grace: GRACE, dry_run: !delete }).await {
            Err(Error::Damaged(error) | Error::Internal(error)) => {
                self.found_in_database(format!("which objects belong to no row cannot be told: {error}"), Vec::new());
                return Ok(());
            }
            garbage => garbage?,
        };
        let fate = match self.hides_rows {
            true => "they are kept, because rows that cannot be read may need them",
            false => "garbage collection deletes them",
        };
        if orphans > 0 {
            self.found(Kind::Orphans, format!("{orphans} objects with {bytes} bytes belong to no row; {fate}"), delete);
        }
        Ok(())
    }

    /// Adds a finding about pages or rows of the database that cannot be read, and names images that need them.
    fn found_in_database(&mut self, text: String, images: Vec<String>) {
        self.hides_rows = true;
        self.add(Finding { kind: Kind::Database, digest: None, images, text, repaired: false });
    }

    fn found(&mut self, kind: Kind, text: String, repaired: bool) {
        self.add(Finding { kind, digest: None, images: Vec::new(), text, repaired });
    }

    /// Adds a finding about a blob or a manifest, and names the images that need it. `repair` is what became of its repair, if it was
    /// tried.
    async fn found_damage(
        &mut self,
        kind: Kind,
        (damaged, id): (Damaged, i64),
        (digest, wrong): (&Digest, &str),
        repair: Option<Repair>,
    ) -> Result<()> {
        let images = damage::images(&self.installation.0.metadata, damaged, id).await?;
        let noun = match damaged {
            Damaged::Blob => "blob",
            Damaged::Manifest => "manifest",
        };
        let reason = match &repair {
            Some(Err(reason)) => format!(" (not repaired: {reason})"),
            _ => String::new(),
        };
        let text = format!("the {noun} {digest} {wrong}{reason}");
        self.add(Finding { kind, digest: Some(digest.to_string()), images, text, repaired: matches!(repair, Some(Ok(()))) });
        Ok(())
    }

    fn add(&mut self, finding: Finding) {
        self.checked.found += 1;
        self.checked.repaired += u64::from(finding.repaired);
        if self.checked.findings.len() < MOST_FINDINGS {
            self.checked.findings.push(finding);
        }
    }
}
