//! What survives a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes the names in a folder durable: those of files that were created, renamed or removed there. It blocks.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
