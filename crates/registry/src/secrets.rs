//! The master key, derived keys, sealed secrets and random strings.

use crate::error::{Error, Result};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use roadstead_model::UserId;
use sha2::Sha256;

const NONCE_LENGTH: usize = 24;

/// The key from which all other keys are derived. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct MasterKey([u8; 32]);

impl MasterKey {
    pub(crate) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key as its file has it.
    pub(crate) fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Derives an independent key per purpose: HMAC-SHA256 of `purpose` under the master key.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        #[allow(clippy::expect_used)]
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"roadstead\0");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Encrypts `secret` with XChaCha20-Poly1305, bound to `owner`.
    pub(crate) fn seal(&self, owner: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let nonce = random::<NONCE_LENGTH>()?;
        let payload = Payload { msg: secret, aad: owner.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::Internal("sealing failed".to_owned()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Decrypts a secret sealed with [`Self::seal`]. `None` if the key, the owner or the bytes differ.
    pub(crate) fn open(&self, owner: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
        let payload = Payload { msg: sealed, aad: owner.as_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.derive("seal access key secrets").into())
    }
}

/// Returns random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Unavailable(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

/// Returns `length` random characters of `alphabet`.
pub(crate) fn random_text(alphabet: &[u8], length: usize) -> Result<String> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        // Rejection sampling: larger bytes would favour the first characters of the alphabet.
        let bound = 256 - 256 % alphabet.len();
        let drawn = random::<32>()?;
        let usable = drawn.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < bound);
        text.extend(usable.map(|byte| char::from(alphabet[byte % alphabet.len()])).take(length - text.len()));
    }
    Ok(text)
}

/// Generates the unique id of a user.
pub(crate) fn random_user_id() -> Result<UserId> {
    let id = UserId::of(&random_text(UserId::ALPHABET, UserId::LENGTH)?);
    id.ok_or_else(|| Error::Internal("a random text is no unique id of a user".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_with_its_own_key_and_owner_only() {
        let key = MasterKey::new([1; 32]);
        let sealed = key.seal("AKIA1", b"secret").expect("sealing");
        assert_eq!(key.open("AKIA1", &sealed).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(key.open("AKIA2", &sealed), None);
        assert_eq!(MasterKey::new([2; 32]).open("AKIA1", &sealed), None);
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key.open("AKIA1", &altered), None, "byte {at}");
        }
        assert_eq!(key.open("AKIA1", b"short"), None);
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let key = MasterKey::new([1; 32]);
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_eq!(key.derive("a"), key.derive("a"));
    }

    #[test]
    fn random_text_is_of_the_alphabet_and_the_length() {
        let text = random_text(b"ab", 100).expect("random numbers");
        assert_eq!(text.len(), 100);
        assert!(text.bytes().all(|byte| byte == b'a' || byte == b'b'));
    }
}
