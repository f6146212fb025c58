//! Verifies AWS Signature Version 4, in the `Authorization` header or in a presigned URL
//! (AWS IAM user guide, "AWS Signature Version 4 for API requests"; read the pages beside this file).
//!
//! Verification has two steps, because the secret has to be looked up in between: [`read`] takes the request apart and
//! checks all that needs no secret, [`Claim::verify`] computes the signature and compares it.
//!
//! What is demanded of `SignedHeaders`: lower case, sorted, and with `host`, with `x-amz-date` when the time comes from
//! that header, and with `x-amz-target` when the request has one. AWS's guide tells clients to sign every `x-amz-*`
//! header; it does not refuse those who leave out others (its own test suite has a token that is added after signing),
//! and none of the others changes what a request does: the payload's hash and the time are signed in any case.

mod canonical;

use crate::http::Query;
use canonical::hash_of;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Uri};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use roadstead_model::Timestamp;
use sha2::Sha256;
use std::borrow::Cow;
use subtle::ConstantTimeEq;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// How far the clocks of a client and of this server may be apart.
const SKEW_MINUTES: i64 = 5;
/// The longest life of a presigned URL: seven days.
const LONGEST_EXPIRY: i64 = 604_800;
/// More headers than this are refused before anything is verified.
const MAX_HEADERS: usize = crate::http::MAX_HEADERS;
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// A request without its body, as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The path, still percent-encoded.
    pub path: &'a str,
    /// The query without its question mark, still percent-encoded.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// HTTP/2's `:authority`, which stands for a missing `Host`.
    pub authority: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// The request that hyper read.
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let authority = uri.authority().map(|authority| authority.as_str());
        Self { method: method.as_str(), path: uri.path(), query: uri.query().unwrap_or_default(), headers, authority }
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }
}

/// Why a signature was refused. The texts are AWS's, and go to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request carries no signature.
    #[error("Missing Authentication Token")]
    Missing,
    /// Parts of the signature are missing or malformed.
    #[error("{0}")]
    Incomplete(String),
    /// The signature is complete, and wrong.
    #[error("{0}")]
    Invalid(String),
    /// The access key does not exist or is not active.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
}

impl SignatureError {
    /// The exception's name, answered with status 400 (Amazon ECR Public API reference, "Common errors").
    pub const fn exception(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Invalid(_) => "InvalidSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
        }
    }

    fn mismatch() -> Self {
        Self::Invalid(MISMATCH.to_owned())
    }
}

/// Where the parts of the signature stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Header,
    Query,
}

/// What a signature claims; nothing of it is proved before [`Claim::verify`].
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

/// Takes the signature out of `request` and checks what needs no secret: that it is complete, made for one of
/// `services`, and made about `now`.
pub fn read(request: &Request<'_>, services: &[&str], now: Timestamp) -> Result<Claim, SignatureError> {
    let parts = match request.header("authorization") {
        Some(value) => Parts::of_header(request, value)?,
        None => Parts::of_query(request)?,
    };
    let signed_at = parse_time(&parts.time).ok_or_else(|| malformed_time(&parts.time))?;
    let claim = parts.into_claim(format_time(signed_at), services)?;
    claim.check_signed_headers(request)?;
    check_skew(signed_at, now.seconds(), claim.lifetime(request)?)?;
    Ok(claim)
}

/// The parts of a signature as text.
struct Parts {
    form: Form,
    credential: String,
    signed_headers: String,
    signature: String,
    time: String,
    security_token: Option<String>,
}

impl Parts {
    fn of_header(request: &Request<'_>, value: &str) -> Result<Self, SignatureError> {
        let (algorithm, rest) = value.split_once([' ', ',']).unwrap_or((value, ""));
        let rest = if algorithm == ALGORITHM { rest } else { "" };
        let part = |name: &str| {
            rest.split(',').filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let time = request.header("x-amz-date").or_else(|| request.header("date"));
        let found = [part("Credential"), part("Signature"), part("SignedHeaders"), time];
        let [Some(credential), Some(signature), Some(signed_headers), Some(time)] = found else {
            return Err(incomplete_header(algorithm, found));
        };
        Ok(Self {
            form: Form::Header,
            credential: credential.to_owned(),
            signed_headers: signed_headers.to_owned(),
            signature: signature.to_owned(),
            time: time.to_owned(),
            security_token: request.header("x-amz-security-token").map(str::to_owned),
        })
    }

    fn of_query(request: &Request<'_>) -> Result<Self, SignatureError> {
        let query = Query::parse(request.query);
        let part = |name: &str| query.all(name).next().map(Cow::into_owned);
        let algorithm = part("X-Amz-Algorithm").ok_or(SignatureError::Missing)?;
        if algorithm != ALGORITHM {
            return Err(SignatureError::Incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'")));
        }
        let need = |name: &str| {
            part(name).ok_or_else(|| SignatureError::Incomplete(format!("AWS query-string parameters must include '{name}'.")))
        };
        Ok(Self {
            form: Form::Query,
            credential: need("X-Amz-Credential")?,
            signature: need("X-Amz-Signature")?,
            signed_headers: need("X-Amz-SignedHeaders")?,
            time: need("X-Amz-Date")?,
            security_token: part("X-Amz-Security-Token"),
        })
    }

    fn into_claim(self, time: String, services: &[&str]) -> Result<Claim, SignatureError> {
        let scope: Vec<&str> = self.credential.split('/').collect();
        let [access_key_id, date, region, service, terminator] = scope.as_slice() else {
            return Err(SignatureError::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
                self.credential
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
                self.time
            )));
        }
        Ok(Claim {
            access_key_id: (*access_key_id).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            security_token: self.security_token,
            form: self.form,
            date: (*date).to_owned(),
            time,
            // One more than there can be headers: they cannot all be there, so that no signature fits.
            signed_headers: self.signed_headers.split(';').take(MAX_HEADERS + 1).map(str::to_owned).collect(),
            signature: self.signature,
        })
    }
}

/// Names each missing part in a sentence of its own, as AWS does. The scheme is echoed, never what follows it.
fn incomplete_header(scheme: &str, [credential, signature, signed_headers, time]: [Option<&str>; 4]) -> SignatureError {
    let mut text = String::new();
    for (name, part) in [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)] {
        if part.is_none() {
            text.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if time.is_none() {
        text.push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    }
    SignatureError::Incomplete(format!("{text}Authorization={scheme}"))
}

impl Claim {
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

    /// For how many seconds a presigned URL is valid; none for the header form, which lives as long as clocks may differ.
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

/// The payload's hash as the client signed it. A hash that the request states has to be that of the body.
///
/// Words in its place (`UNSIGNED-PAYLOAD`, `STREAMING-AWS4-HMAC-SHA256-PAYLOAD` and the like) are S3's own: other services sign
/// the body whatever a request says, so that for them its signature is wrong (observed in apache/opendal-reqsign#346 and, with
/// this very text, at Lambda's function URLs).
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

/// Epoch seconds of ISO 8601's basic form, or of the `Date` header's.
fn parse_time(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() == 16 && digits(0..8) && text.get(8..9) == Some("T") && digits(9..15) && text.ends_with('Z') {
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
        return Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second());
    }
    jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp().as_second())
}

fn format_time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.strftime("%Y%m%dT%H%M%SZ").to_string()).unwrap_or_default()
}

fn malformed_time(text: &str) -> SignatureError {
    SignatureError::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"))
}

/// Refuses what was signed too long ago or in the future.
fn check_skew(signed_at: i64, now: i64, lifetime: Option<i64>) -> Result<(), SignatureError> {
    let skew = SKEW_MINUTES * 60;
    let (signed, current) = (format_time(signed_at), format_time(now));
    if signed_at > now.saturating_add(skew) {
        let latest = format_time(now.saturating_add(skew));
        return Err(SignatureError::Invalid(format!(
            "Signature not yet current: {signed} is still later than {latest} ({current} + {SKEW_MINUTES} min.)"
        )));
    }
    let (life, shown) = match lifetime {
        Some(seconds) => (seconds, format!("{seconds} sec.")),
        None => (skew, format!("{SKEW_MINUTES} min.")),
    };
    if signed_at < now.saturating_sub(life) {
        let earliest = format_time(now.saturating_sub(life));
        return Err(SignatureError::Invalid(format!("Signature expired: {signed} is now earlier than {earliest} ({current} - {shown})")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
