//! When a request arrived.

/// The arrival of a request at an engine that is shared with other processes, as the number of the last check of the metadata's version
/// that had begun. Nothing that the request reads from memory is older.
#[derive(Debug, Clone, Copy)]
pub struct Arrival(pub(super) u64);

impl Default for Arrival {
    /// An arrival at the moment of each read.
    fn default() -> Self {
        Self(u64::MAX)
    }
}
