//! `roadstead check --backup`: verifies a place of backups, without the installation.

use super::text;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Record, yes_or_no};
use roadstead_registry::{BackupFinding, BackupPlace, Verified, VerifyOptions};

/// Verifies a place and prints what was found.
pub(super) async fn verify(place: &BackupPlace, options: VerifyOptions, output: Output) -> Result<(), Failure> {
    let verified = tokio::select! {
        verified = place.verify(options) => verified?,
        _ = tokio::signal::ctrl_c() => return Err(Failure::Failed("interrupted".to_owned())),
    };
    let Verified { snapshots, blobs, bytes_read, found, removed, findings } = &verified;
    output.print(&verified, || text(&format!("{snapshots} snapshots and {blobs} blobs"), *bytes_read, *found, findings))?;
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

impl Record for BackupFinding {
    const HEADINGS: &'static [&'static str] = &["REMOVED", "PROBLEM", "SNAPSHOTS", "IMAGES"];

    fn cells(&self) -> Vec<String> {
        vec![yes_or_no(self.removed), self.text.clone(), self.snapshots.join(", "), self.images.join(", ")]
    }
}
