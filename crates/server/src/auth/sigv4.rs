//! Verifies AWS Signature Version 4, in the `Authorization` header or in a presigned URL
//! (AWS IAM user guide, "AWS Signature Version 4 for API requests").
//!
//! Verification has two steps, because the secret has to be looked up in between: [`read`] parses the signature and
//! checks everything that needs no secret, and [`Claim::verify`] computes the signature and compares it.
//!
//! `SignedHeaders` must be lower-case and sorted, and must include `host`, `x-amz-date` if the time comes from that
//! header, and `x-amz-target` if the request has one. AWS's guide tells clients to sign every `x-amz-*` header, but AWS
//! accepts requests that do not sign the others (its own test suite adds a token after signing). No other header changes the
//! effect of a request: the payload's hash and the time are always signed.

mod canonical;
mod error;
mod parts;
mod request;
mod time;

pub use error::SignatureError;
pub use request::Request;

use crate::http::{MAX_HEADERS, Query};
use canonical::hash_of;
use hmac::{Hmac, KeyInit, Mac};
use parts::{ALGORITHM, Form, Parts};
use roadstead_model::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use time::{check_skew, format_time, parse_time};

const TERMINATOR: &str = "aws4_request";
/// The maximum lifetime of a presigned URL in seconds: seven days.
const LONGEST_EXPIRY: i64 = 604_800;

/// The claims of a signature, all unproven until [`Claim::verify`] succeeds.
#[derive(Debug, Clone)]
pub struct Claim {
    pub access_key_id: String,
    pub region: String,
    /// One of the services passed to [`read`].
    pub service: String,
    /// The session token of temporary credentials.
    pub security_token: Option<String>,
    form: Form,
    date: String,
    time: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// Parses the signature of `request`. Checks that it is complete, for one of `services`, and made within the allowed clock skew
/// of `now`.
pub fn read(request: &Request<'_>, services: &[&str], now: Timestamp) -> Result<Claim, SignatureError> {
    let parts = match request.header("authorization") {
        Some(value) => Parts::of_header(request, value)?,
        None => Parts::of_query(request)?,
    };
    let malformed = || {
        let time = &parts.time;
        SignatureError::Incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{time}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ))
    };
    let signed_at = parse_time(&parts.time).ok_or_else(malformed)?;
    let claim = Claim::new(parts, format_time(signed_at), services)?;
    claim.check_signed_headers(request)?;
    check_skew(signed_at, now.seconds(), claim.lifetime(request)?)?;
    Ok(claim)
}

impl Claim {
    /// Parses the scope of the credential. `time` is the time of signing in ISO 8601's basic form.
    fn new(parts: Parts, time: String, services: &[&str]) -> Result<Self, SignatureError> {
        let scope: Vec<&str> = parts.credential.split('/').collect();
        let [access_key_id, date, region, service, terminator] = scope.as_slice() else {
            return Err(SignatureError::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
                parts.credential
            )));
        };
        if *terminator != TERMINATOR {
            return Err(SignatureError::Invalid(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        if !services.contains(service) {
            return Err(SignatureError::Invalid(format!(
                "Credential should be scoped to correct service: '{}'. ",
                services.join("' or '")
            )));
        }
        if !time.starts_with(&format!("{date}T")) {
            return Err(SignatureError::Invalid(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' != '{}', from '{}'.",
                time.get(..8).unwrap_or_default(),
                parts.time
            )));
        }
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            security_token: parts.security_token,
            form: parts.form,
            date: (*date).to_owned(),
            time,
            // With one name more than a request can have headers, one of them is missing and the signature mismatches.
            signed_headers: parts.signed_headers.split(';').take(MAX_HEADERS + 1).map(str::to_owned).collect(),
            signature: parts.signature,
        })
    }

    /// Checks the signature of `request` and `body` against the `secret` of [`Claim::access_key_id`].
    pub fn verify(&self, request: &Request<'_>, body: &[u8], secret: &str) -> Result<(), SignatureError> {
        let payload = payload_hash(request, body)?;
        let canonical =
            canonical::request(request, &self.signed_headers, self.form == Form::Query, &payload).ok_or_else(SignatureError::mismatch)?;
        let scope = format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service);
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{}", self.time, hash_of(&canonical));
        let expected = hex::encode(hmac(&self.signing_key(secret), to_sign.as_bytes()));
        // Lengths are not secret; signatures of equal length are compared in constant time.
        if bool::from(expected.as_bytes().ct_eq(self.signature.as_bytes())) { Ok(()) } else { Err(SignatureError::mismatch()) }
    }

    fn signing_key(&self, secret: &str) -> [u8; 32] {
        let date = hmac(format!("AWS4{secret}").as_bytes(), self.date.as_bytes());
        let region = hmac(&date, self.region.as_bytes());
        let service = hmac(&region, self.service.as_bytes());
        hmac(&service, TERMINATOR.as_bytes())
    }

    fn check_signed_headers(&self, request: &Request<'_>) -> Result<(), SignatureError> {
        let names = &self.signed_headers;
        let lower_case = names.iter().all(|name| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
        if !lower_case || !names.is_sorted_by(|a, b| a < b) {
            return Err(SignatureError::Invalid("'SignedHeaders' must be lower-case and sorted.".to_owned()));
        }
        let signed = |name: &str| names.iter().any(|signed| signed == name);
        if !signed("host") {
            return Err(SignatureError::Invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned()));
        }
        for (name, shown, is_used) in [("x-amz-date", "X-Amz-Date", self.form == Form::Header), ("x-amz-target", "X-Amz-Target", true)] {
            if is_used && request.headers.contains_key(name) && !signed(name) {
                return Err(SignatureError::Invalid(format!("'{shown}' must be a 'SignedHeader' in the AWS Authorization.")));
            }
        }
        Ok(())
    }

    /// The lifetime of a presigned URL in seconds. Returns `None` for the header form, which is valid within the clock skew.
    fn lifetime(&self, request: &Request<'_>) -> Result<Option<i64>, SignatureError> {
        if self.form == Form::Header {
            return Ok(None);
        }
        let query = Query::parse(request.query);
        let Some(value) = query.all("X-Amz-Expires").next() else {
            return Err(SignatureError::Incomplete("AWS query-string parameters must include 'X-Amz-Expires'.".to_owned()));
        };
        let seconds = value.parse::<i64>().ok().filter(|seconds| (1..=LONGEST_EXPIRY).contains(seconds));
        seconds
            .map(Some)
            .ok_or_else(|| SignatureError::Incomplete(format!("X-Amz-Expires must be between 1 and {LONGEST_EXPIRY} seconds.")))
    }
}

/// Hashes the body. Fails if the request states another hash.
///
/// Only S3 accepts a keyword instead of the hash (`UNSIGNED-PAYLOAD`, `STREAMING-AWS4-HMAC-SHA256-PAYLOAD` and others). Other
/// services hash the body regardless, so that the signature mismatches (observed in apache/opendal-reqsign#346 and, with this
/// text, at Lambda's function URLs).
fn payload_hash(request: &Request<'_>, body: &[u8]) -> Result<String, SignatureError> {
    let hash = hash_of(body);
    match request.header("x-amz-content-sha256") {
        Some(keyword) if keyword == "UNSIGNED-PAYLOAD" || keyword.starts_with("STREAMING-") => Err(SignatureError::mismatch()),
        Some(stated) if stated != hash => {
            Err(SignatureError::Invalid("The provided 'x-amz-content-sha256' header does not match what was computed.".to_owned()))
        }
        _ => Ok(hash),
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[allow(clippy::expect_used)]
    let mut code = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    code.update(message);
    code.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
