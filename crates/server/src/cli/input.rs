//! The input files of commands.

use super::failure::Failure;
use std::io::Read;
use std::path::Path;

/// The maximum size in bytes, far above that of any policy or secret.
const MAXIMUM: u64 = 1 << 20;

/// The text of a file, or of stdin for `-`.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAXIMUM).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAXIMUM).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::Usage(format!("cannot read '{}': {error}", path.display())))?;
    Ok(text)
}
