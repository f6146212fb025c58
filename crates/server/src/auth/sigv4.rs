//! Verifies AWS Signature Version 4, in the `Authorization` header or in a presigned URL
//! (AWS IAM user guide, "AWS Signature Version 4 for API requests").
//!
//! Verification has two steps, because the secret has to be looked up in between: [`read`] parses the signature and
//! checks what needs no secret, [`Claim::verify`] computes the signature and compares it.
//!
//! `SignedHeaders` must be lower-case and sorted, and must include `host`, `x-amz-date` if the time comes from that
//! header, and `x-amz-target` if the request has one. AWS's guide tells clients to sign every `x-amz-*` header, but AWS
//! does not refuse requests that leave out others (its own test suite adds a token after signing), and no other header
//! changes what a request does: the payload's hash and the time are always signed.

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
use time::{check_skew, format_time, malformed_time, parse_time};

const TERMINATOR: &str = "aws4_request";
/// The longest life of a presigned URL: seven days.
const LONGEST_EXPIRY: i64 = 604_800;

/// What a signature claims. None of it is proved before [`Claim::verify`].
#[derive(Debug, Clone)]
pub struct Claim {
    /// Whose secret to verify with.
    pub access_key_id: String,
    /// The region that the client signed for.
    pub region: String,
    /// The service that the client signed for, one of those that [`read`] was given.
    pub service: String,
    /// The session token of temporary credentials.
    pub security_token: Option<String>,
    form: Form,
    date: String,
    time: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// Parses the signature of `request` and checks what needs no secret: that it is complete, for one of `services`, and
/// made within the allowed clock skew of `now`.
pub fn read(request: &Request<'_>, services: &[&str], now: Timestamp) -> Result<Claim, SignatureError> {
    let parts = match request.header("authorization") {
        Some(value) => Parts::of_header(request, value)?,
        None => Parts::of_query(request)?,
    };
    let signed_at = parse_time(&parts.time).ok_or_else(|| malformed_time(&parts.time))?;
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
            // More names than a request can have headers are cut to one more: one of them is missing, so the signature mismatches.
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
        // Lengths are no secret; equal lengths are compared in constant time.
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
        for (name, shown) in [("x-amz-date", "X-Amz-Date"), ("x-amz-target", "X-Amz-Target")] {
            let counts = name != "x-amz-date" || self.form == Form::Header;
            if counts && request.headers.contains_key(name) && !signed(name) {
                return Err(SignatureError::Invalid(format!("'{shown}' must be a 'SignedHeader' in the AWS Authorization.")));
            }
        }
        Ok(())
    }

    /// For how many seconds a presigned URL is valid; none for the header form, which is valid within the clock skew.
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

/// The payload's hash as the client signed it. If the request states one, it must be that of the body.
///
/// Keywords in its place (`UNSIGNED-PAYLOAD`, `STREAMING-AWS4-HMAC-SHA256-PAYLOAD` and the like) belong to S3. Other services
/// hash the body regardless, so that the signature mismatches (observed in apache/opendal-reqsign#346 and, with this text, at
/// Lambda's function URLs).
fn payload_hash(request: &Request<'_>, body: &[u8]) -> Result<String, SignatureError> {
    match request.header("x-amz-content-sha256") {
        Some(words) if words == "UNSIGNED-PAYLOAD" || words.starts_with("STREAMING-") => Err(SignatureError::mismatch()),
        Some(stated) if stated != hash_of(body) => {
            Err(SignatureError::Invalid("The provided 'x-amz-content-sha256' header does not match what was computed.".to_owned()))
        }
        _ => Ok(hash_of(body)),
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length, so this cannot fail.
    #[allow(clippy::expect_used)]
    let mut code = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    code.update(message);
    code.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
