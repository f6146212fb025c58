//! Signs calls of the AWS API (Signature Version 4), independently of the code that verifies them. Unit tests also include this
//! file.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub(crate) struct Signer<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// The time of signing, in the format of `x-amz-date`.
    pub(crate) time: &'a str,
}

impl Signer<'_> {
    /// The `Authorization` header of `POST /` with these headers, all of which are signed, and the hash of the body.
    pub(crate) fn authorization(&self, headers: &[(&str, &str)], body_hash: &str) -> String {
        let mut headers = headers.to_vec();
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("POST\n/\n\n{lines}\n{names}\n{body_hash}");
        let scope = format!("{}/{}/{}/aws4_request", &self.time[..8], self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, sha256(canonical.as_bytes()));
        let key = scope.split('/').fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| hmac(&key, part));
        let signature = hex::encode(hmac(&key, &to_sign));
        format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", self.key_id)
    }
}

/// Lower-case hexadecimal SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let code = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length").chain_update(text);
    code.finalize().into_bytes().to_vec()
}
