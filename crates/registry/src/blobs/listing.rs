//! Looking through a store, for collection.

use super::filesystem;
use super::object::StoredObject;
use crate::error::Result;

/// The old objects of a store, one bounded page at a time.
pub(crate) enum Listing {
    Filesystem(filesystem::Listing),
}

impl Listing {
    /// The next page, which may be empty; `None` at the end.
    pub(crate) async fn next_page(&mut self) -> Result<Option<Vec<StoredObject>>> {
        match self {
            Self::Filesystem(listing) => listing.next_page().await,
        }
    }
}
