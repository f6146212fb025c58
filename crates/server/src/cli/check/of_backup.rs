//! `roadstead check --backup`: verifies a place of backups, without the installation.

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Record, table, yes_or_no};
use roadstead_registry::{BackupFinding, BackupPlace, Verified, VerifyOptions};
use serde::Serialize;

/// The result of verifying a place of backups.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    snapshots: u64,
    blobs: u64,
    bytes_read: u64,
    found: u64,
    removed: u64,
    findings: Vec<BackupFinding>,
}

/// Verifies a place and prints what was found.
pub(super) async fn verify(place: &BackupPlace, options: VerifyOptions, output: Output) -> Result<(), Failure> {
    let verified = tokio::select! {
        verified = place.verify(options) => verified?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Failed("interrupted".to_owned())),
    };
    let (found, removed) = (verified.found, verified.removed);
    let report = Report::from(verified);
    output.print(&report, || report.text())?;
    let hint = match removed {
        0 => "",
        _ => ": the next backup makes the removed copies again, of what the installation still has",
    };
    match found {
        0 => Ok(()),
        1 => Err(Failure::Failed(format!("one problem was found{hint}"))),
        _ => Err(Failure::Failed(format!("{found} problems were found{hint}"))),
    }
}

impl From<Verified> for Report {
    fn from(Verified { snapshots, blobs, bytes_read, findings, found, removed }: Verified) -> Self {
        Self { snapshots, blobs, bytes_read, found, removed, findings }
    }
}

impl Report {
    fn text(&self) -> String {
        let Self { snapshots, blobs, bytes_read, found, .. } = self;
        let of = format!("{snapshots} snapshots and {blobs} blobs checked, {bytes_read} bytes read: {found} problems\n");
        match self.findings.is_empty() {
            true => of,
            false => of + &table(&self.findings),
        }
    }
}

impl Record for BackupFinding {
    const HEADINGS: &'static [&'static str] = &["REMOVED", "PROBLEM", "SNAPSHOTS", "IMAGES"];

    fn cells(&self) -> Vec<String> {
        vec![yes_or_no(self.removed), self.text.clone(), self.snapshots.join(", "), self.images.join(", ")]
    }
}
