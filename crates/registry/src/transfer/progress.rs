//! What a transfer reports while it runs.

use crate::error::Error;

/// The rows of a table that have been copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub table: &'static str,
    pub rows: u64,
    /// The number of rows in the source.
    pub of: u64,
}

/// What there is to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub tables: Vec<Copied>,
    /// The bytes of all blobs in the store of the source.
    pub blob_bytes: u64,
}

/// Is told how far a transfer has come.
pub trait Progress: Send + Sync {
    /// Rows of a table have been copied, and with them this number of bytes of stored blobs.
    fn copied(&self, copied: &Copied, blob_bytes: u64);
    /// Rows of a table have been compared.
    fn compared(&self, table: &'static str, rows: u64);
    /// Something is damaged in the source. Returns whether to go on without it.
    fn damaged(&self, what: &Error) -> bool {
        let _ = what;
        false
    }
}
