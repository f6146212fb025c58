//! The state of an upload between requests, kept in its row.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A part of a multipart upload: its number, entity tag, and size in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part(pub(super) u32, pub(super) String, pub(super) u64);

/// A multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Multipart {
    /// The key of the object that it becomes.
    pub(super) key: String,
    pub(super) id: String,
    /// In the order of their bytes.
    pub(super) parts: Vec<Part>,
}

/// An object with bytes that are too few for a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tail {
    pub(super) key: String,
    /// In bytes.
    pub(super) size: u64,
}

/// Where the bytes of an upload are: first those of the parts, then those of the tails.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) multipart: Option<Multipart>,
    pub(super) tails: Vec<Tail>,
}

impl State {
    /// Reads what a row knows of an upload.
    pub(super) fn known(saved: Option<&[u8]>) -> Result<Self> {
        let state: Option<Self> = saved.map(serde_json::from_slice).transpose().map_err(|error| Error::Internal(error.to_string()))?;
        Ok(state.unwrap_or_default())
    }

    /// Reads the state of an upload of `length` bytes.
    pub(super) fn restore(saved: Option<&[u8]>, length: u64) -> Result<Self> {
        let state = Self::known(saved)?;
        if state.length() == length {
            return Ok(state);
        }
        Err(Error::Internal(format!("the store has {} bytes of an upload, and its row counts {length}", state.length())))
    }

    pub(super) fn save(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::Internal(error.to_string()))
    }

    fn length(&self) -> u64 {
        let parts = self.multipart.iter().flat_map(|multipart| &multipart.parts);
        parts.map(|Part(.., size)| size).chain(self.tails.iter().map(|tail| &tail.size)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_restored_for_the_length_that_its_row_counts_and_no_other() {
        let parts = vec![Part(1, "\"a\"".to_owned(), 5 << 20), Part(18, "\"b\"".to_owned(), 8 << 20)];
        let multipart = Some(Multipart { key: "k".to_owned(), id: "i".to_owned(), parts });
        let state = State { multipart, tails: vec![Tail { key: "t".to_owned(), size: 7 }] };
        let saved = state.save().expect("saved");
        assert_eq!(State::restore(Some(&saved), (13 << 20) + 7).expect("the state"), state);
        assert!(State::restore(Some(&saved), 13 << 20).is_err());
        assert_eq!(State::restore(None, 0).expect("a new upload"), State::default());
        assert!(State::restore(None, 1).is_err() && State::restore(Some(b"?"), 0).is_err());
    }
}
