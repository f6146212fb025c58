//! Ids of upload sessions, which prove themselves: a session needs no row before its first byte arrives.
//!
//! An id is a UUID, because the AWS API prescribes that form, of version 8 (RFC 9562): 48 bits of the time at which it was issued, 4 of
//! what the session was started for, 22 random ones, and 48 of a code that binds them to the repository and the caller. The code is
//! short for lack of room. Whoever guesses one gains only what the permissions allow anyway: a session of their own.

use roadstead_model::sealed::SealingKey;
use roadstead_model::{Algorithm, Identity, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use uuid::{Uuid, Version};

/// How long a session may have no bytes. Garbage collection keeps sessions for an hour and then does not record that they ended: this is
/// shorter by more than [`CLOCKS_DIFFER`].
pub(crate) const LIFETIME: Duration = Duration::from_secs(50 * 60);

/// The maximum difference between the clocks of two replicas.
pub(crate) const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

/// The number of bytes before the code.
const STATED: usize = 10;
/// Times are kept in microseconds modulo 2⁴⁸, which is almost nine years.
const TIME: i64 = (1 << 48) - 1;

/// The bits of the seventh byte, beside the version of the UUID.
const LAYER: u8 = 1;
const SHA512: u8 = 2;
/// The version and the variant of a UUID.
const VERSION: u8 = 0x80;
const VARIANT: u8 = 0x80;

/// Issues and verifies ids. Clones issue different ones.
#[derive(Clone)]
pub(crate) struct UploadIds {
    key: SealingKey,
    /// The time in the last id, so that no two of this process have the same.
    last: Arc<AtomicI64>,
}

/// What a session is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purpose {
    /// The algorithm that bytes are hashed with as they arrive.
    pub(crate) algorithm: Algorithm,
    /// Whether the session receives parts of a minimum size.
    pub(crate) is_layer: bool,
}

/// What a verified id states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stated {
    pub(crate) purpose: Purpose,
    /// The id names no session after this time, unless it has a row.
    pub(crate) until: Timestamp,
}

impl UploadIds {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { key: SealingKey::new(secret), last: Arc::default() }
    }

    /// Issues the id of a session of `caller` in the repository with this row id.
    pub(crate) fn issue(&self, repository: i64, caller: &Identity, purpose: Purpose, now: Timestamp) -> String {
        let time = |last: i64| now.micros().max(last + 1);
        let issued = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(time(last))).map_or(now.micros(), time);
        let mut bytes = *Uuid::new_v4().as_bytes();
        let [_, _, time @ ..] = issued.to_be_bytes();
        bytes[..6].copy_from_slice(&time);
        let layer = if purpose.is_layer { LAYER } else { 0 };
        let sha512 = if purpose.algorithm == Algorithm::Sha512 { SHA512 } else { 0 };
        bytes[6] = VERSION | layer | sha512;
        bytes[8] = VARIANT | (bytes[8] & 0x3f);
        let (stated, code) = bytes.split_at_mut(STATED);
        code.copy_from_slice(&self.key.short_code::<{ 16 - STATED }>(&context(&repository.to_string(), caller), stated));
        Uuid::from_bytes(bytes).to_string()
    }

    /// Returns what an id states. `None` unless it was issued for this repository and caller.
    pub(crate) fn verify(&self, id: &str, repository: i64, caller: &Identity, now: Timestamp) -> Option<Stated> {
        let bytes = *canonical(id)?.as_bytes();
        let (stated, code) = bytes.split_at(STATED);
        if !self.key.verify_short_code(&context(&repository.to_string(), caller), stated, code) {
            return None;
        }
        let issued = stated.iter().take(6).fold(0, |time, byte| (time << 8) | i64::from(*byte));
        // Another replica whose clock is ahead may have issued it.
        let ahead = CLOCKS_DIFFER.as_micros() as i64;
        let age = ((now.micros() + ahead - issued) & TIME) - ahead;
        let until = Timestamp::from_micros(now.micros() - age + LIFETIME.as_micros() as i64);
        let algorithm = if bytes[6] & SHA512 == 0 { Algorithm::Sha256 } else { Algorithm::Sha512 };
        Some(Stated { purpose: Purpose { algorithm, is_layer: bytes[6] & LAYER != 0 }, until })
    }

    /// Whether an id must be [verified](Self::verify). Others name sessions that always have a row: those that an earlier version
    /// started, and pushes in one request, whose clients do not know the id.
    pub(crate) fn is_sealed(id: &str) -> bool {
        canonical(id).is_none_or(|id| id.get_version() == Some(Version::Custom))
    }
}

/// What the code of an id binds it to.
fn context<'a>(repository: &'a str, caller: &'a Identity) -> [&'a str; 3] {
    [repository, caller.registry.as_str(), caller.user.as_deref().unwrap_or_default()]
}

/// An id in the only spelling that is issued.
fn canonical(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id).ok().filter(|uuid| uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use roadstead_model::RegistryId;
    use std::collections::HashSet;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn caller(user: Option<&str>) -> Identity {
        Identity { registry: RegistryId::parse("123456789012").expect("an id"), user: user.map(str::to_owned) }
    }

    fn purposes() -> impl Iterator<Item = Purpose> {
        [Algorithm::Sha256, Algorithm::Sha512]
            .into_iter()
            .flat_map(|algorithm| [false, true].map(|is_layer| Purpose { algorithm, is_layer }))
    }

    #[test]
    fn an_id_is_a_uuid_that_states_its_purpose_to_its_own_repository_and_caller_only() {
        let ids = UploadIds::new([7; 32]);
        for purpose in purposes() {
            let id = ids.issue(5, &caller(Some("ann")), purpose, NOW);
            let uuid = Uuid::try_parse(&id).expect("a UUID");
            assert_eq!((uuid.get_version(), uuid.get_variant()), (Some(Version::Custom), uuid::Variant::RFC4122));
            assert_eq!(ids.verify(&id, 5, &caller(Some("ann")), NOW).map(|stated| stated.purpose), Some(purpose));
            assert_eq!(ids.verify(&id, 6, &caller(Some("ann")), NOW), None);
            assert_eq!(ids.verify(&id, 5, &caller(Some("bob")), NOW), None);
            assert_eq!(ids.verify(&id, 5, &caller(None), NOW), None);
            assert_eq!(ids.verify(&id.to_uppercase(), 5, &caller(Some("ann")), NOW), None);
            assert_eq!(UploadIds::new([8; 32]).verify(&id, 5, &caller(Some("ann")), NOW), None);
        }
    }

    #[test]
    fn ids_of_one_moment_differ_also_after_the_clock_went_back() {
        let ids = UploadIds::new([7; 32]);
        let purpose = Purpose { algorithm: Algorithm::Sha256, is_layer: false };
        let issue = |at: i64| ids.clone().issue(5, &caller(None), purpose, NOW.plus_seconds(-at))[..13].to_owned();
        assert_eq!((0..100).map(|at| issue(at / 10)).collect::<HashSet<_>>().len(), 100);
    }

    #[test]
    fn an_id_expires_by_the_clock_of_whichever_replica_verifies_it() {
        let ids = UploadIds::new([7; 32]);
        let id = ids.issue(5, &caller(None), Purpose { algorithm: Algorithm::Sha256, is_layer: false }, NOW);
        let until = NOW.plus_seconds(LIFETIME.as_secs() as i64);
        for seconds in [0, -50, 3_000, 1_000_000, 200_000_000] {
            assert_eq!(ids.verify(&id, 5, &caller(None), NOW.plus_seconds(seconds)).map(|stated| stated.until), Some(until), "{seconds}");
        }
    }

    proptest! {
        #[test]
        fn no_altered_id_is_accepted(bit in 0..128_u32) {
            let ids = UploadIds::new([7; 32]);
            let id = ids.issue(5, &caller(None), Purpose { algorithm: Algorithm::Sha256, is_layer: false }, NOW);
            let altered = Uuid::from_u128(Uuid::try_parse(&id).expect("a UUID").as_u128() ^ (1 << bit));
            prop_assert_eq!(ids.verify(&altered.to_string(), 5, &caller(None), NOW), None);
        }

        #[test]
        fn arbitrary_text_is_no_id(text in "\\PC{0,40}") {
            prop_assert_eq!(UploadIds::new([7; 32]).verify(&text, 5, &caller(None), NOW), None);
            prop_assert!(UploadIds::is_sealed(&text) || canonical(&text).is_some());
        }
    }
}
