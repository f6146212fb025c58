//! Access keys, and requests signed with them.

use super::signing::{self, Signer};
use serde_json::Value;

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Credentials {
    /// The access key in the JSON output of a command.
    pub(crate) fn of(made: &Value) -> Self {
        let text = |member: &str| made[member].as_str().unwrap_or_else(|| panic!("no {member} in {made}")).to_owned();
        Self { id: text("accessKeyId"), secret: text("secretAccessKey") }
    }
}

/// Adds the time and a signature to the headers of `POST /`, all of which are signed.
pub(crate) fn sign(
    mut headers: Vec<(&'static str, String)>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    headers.push(("x-amz-date", time.clone()));
    let signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let signer = Signer { key_id: &credentials.id, secret: &credentials.secret, region, service, time: &time };
    let authorization = signer.authorization(&signed, &signing::sha256(body));
    headers.push(("authorization", authorization));
    headers
}
