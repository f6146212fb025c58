//! Hashes whose state can be saved between requests.

use crate::error::{Error, Result};
use roadstead_model::{Algorithm, Digest};
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest as _, Sha256, Sha512};

/// A hash over the bytes that an upload session has received so far.
#[derive(Clone)]
pub(crate) enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hash {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(hash) => Digest::from_raw(Algorithm::Sha256, &hash.finalize()),
            Self::Sha512(hash) => Digest::from_raw(Algorithm::Sha512, &hash.finalize()),
        }
    }

    /// Returns the state. Its length identifies the algorithm.
    pub(crate) fn save(&self) -> Vec<u8> {
        match self {
            Self::Sha256(hash) => hash.serialize().to_vec(),
            Self::Sha512(hash) => hash.serialize().to_vec(),
        }
    }

    /// Restores a state that [`Self::save`] returned.
    pub(crate) fn restore(saved: &[u8]) -> Result<Self> {
        let sha256 = SerializedState::<Sha256>::try_from(saved).ok().and_then(|state| Sha256::deserialize(&state).ok());
        let sha512 = || SerializedState::<Sha512>::try_from(saved).ok().and_then(|state| Sha512::deserialize(&state).ok());
        let hash = sha256.map(Self::Sha256).or_else(|| sha512().map(Self::Sha512));
        hash.ok_or_else(|| Error::Internal("a stored hash state cannot be read".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_restored_hash_finishes_like_the_original(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6)) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let mut hash = Hash::new(algorithm);
                for part in &parts {
                    hash.update(part);
                    hash = Hash::restore(&hash.save()).expect("own state");
                }
                prop_assert_eq!(hash.algorithm(), algorithm);
                prop_assert_eq!(hash.finish(), Digest::of(algorithm, &parts.concat()));
            }
        }

        #[test]
        fn reading_a_state_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Hash::restore(&bytes);
        }
    }
}
