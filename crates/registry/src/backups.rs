//! Backups of an installation, made while it is served.
//!
//! A place of backups is a store of blobs, in a directory or a bucket, with a record for each backup in `snapshots/`:
//!
//! ```text
//! installation              whose backups these are
//! snapshots/<time>.json     a backup: which blobs are its databases and the list of its blobs, and the master key
//! sha256/…  sha512/…        blobs, each stored once for all backups (in a bucket: blobs/…)
//! ```
//!
//! A backup begins with a copy of the database as one transaction sees it. Then the blobs that it names are copied, unless the place has
//! them already, and the copy of the database itself, with the keys of the place in its rows. The record is written last: without it,
//! there is no backup, and the next one finds the blobs that were copied. Meanwhile no garbage is collected: see [`Task::Collection`].

mod blob_list;
pub(crate) mod copies;
mod files;
mod making;
pub(crate) mod place;
mod pruning;
pub(crate) mod rows;
pub(crate) mod second_copy;
mod snapshot;
mod verifying;

pub use making::{Backup, BackupOptions};
pub use place::BackupPlace;
pub use second_copy::BackupCopy;
pub use snapshot::Snapshot;
pub use verifying::{BackupFinding, Verified, VerifyOptions};

#[cfg(doc)]
use crate::leaders::Task;
