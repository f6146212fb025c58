//! The canonical request (AWS IAM user guide, "Create a signed AWS API request", step 1).

use super::request::Request;
use crate::http::query::ENCODED;
use percent_encoding::{percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

/// A presigned request has seven.
const MAXIMUM_PARAMETERS: usize = 100;

/// Writes `request` in the form that client and server both compute; none if a signed header is missing, or there are too many
/// parameters.
///
/// The signature parameter of a presigned URL is left out.
pub(super) fn request(request: &Request<'_>, signed_headers: &[String], presigned: bool, payload_hash: &str) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let mut line = |part: &[u8]| {
        text.extend_from_slice(part);
        text.push(b'\n');
    };
    line(request.method.as_bytes());
    line(path(request.path).as_bytes());
    line(query(request.query, presigned)?.as_bytes());
    for name in signed_headers {
        line(&[name.as_bytes(), b":", &header(request, name)?].concat());
    }
    line(b"");
    line(signed_headers.join(";").as_bytes());
    text.extend_from_slice(payload_hash.as_bytes());
    Some(text)
}

/// Lower-case hexadecimal SHA-256.
pub(super) fn hash_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The path without empty and relative segments, percent-encoded a second time, as all services but S3 do.
fn path(raw: &str) -> String {
    let mut segments = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(percent_encode(other.as_bytes(), ENCODED).to_string()),
        }
    }
    let folder = segments.is_empty() || raw.ends_with("/") || raw.ends_with("/.") || raw.ends_with("/..");
    match (segments.is_empty(), folder) {
        (true, _) => String::from("/"),
        (_, true) => format!("/{}/", segments.join("/")),
        _ => format!("/{}", segments.join("/")),
    }
}

/// None for more parameters than anybody signs: sorting them costs time before the signature is verified.
fn query(raw: &str, presigned: bool) -> Option<String> {
    let encode = |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), ENCODED).to_string();
    let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let encoded = pairs.take(MAXIMUM_PARAMETERS + 1).map(|(name, value)| (encode(name), encode(value)));
    let mut encoded: Vec<(String, String)> = encoded.collect();
    if encoded.len() > MAXIMUM_PARAMETERS {
        return None;
    }
    encoded.retain(|(name, _)| !presigned || name != "X-Amz-Signature");
    encoded.sort_unstable();
    Some(encoded.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

/// The values of a header joined by commas, with runs of blanks collapsed.
fn header(request: &Request<'_>, name: &str) -> Option<Vec<u8>> {
    let values: Vec<Vec<u8>> = request.headers.get_all(name).iter().map(|value| collapsed(value.as_bytes())).collect();
    match (values.is_empty(), name) {
        (true, "host") => request.authority.map(|authority| authority.as_bytes().to_vec()),
        (true, _) => None,
        _ => Some(values.join(&b","[..])),
    }
}

fn collapsed(value: &[u8]) -> Vec<u8> {
    let words = value.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b" "[..])
}
