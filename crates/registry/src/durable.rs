//! What survives a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

/// Returns when the names in a folder are on the disk: those of files that were made, renamed or removed in it. It blocks.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
