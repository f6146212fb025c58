//! The canonical request (AWS IAM user guide, "Create a signed AWS API request", step 1).

use super::request::Request;
use crate::http::query::ENCODED;
use percent_encoding::{percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

/// The maximum number of query parameters, because they are sorted before the signature is verified. A presigned URL has seven.
const MAXIMUM_PARAMETERS: usize = 100;

/// Formats `request` as client and server both sign it. The signature parameter of a presigned URL is left out. Returns `None` if
/// a signed header is missing, or there are too many parameters.
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

/// Computes the SHA-256 in lower-case hexadecimal.
pub(super) fn hash_of(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Removes empty and relative segments from the path, and percent-encodes it a second time, as all services except S3 do.
fn path(raw: &str) -> String {
    let mut segments = Vec::new();
    for segment in raw.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(percent_encode(other.as_bytes(), ENCODED).to_string()),
        }
    }
    let is_directory = raw.ends_with("/") || raw.ends_with("/.") || raw.ends_with("/..");
    let end = if is_directory && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

/// Sorts the parameters and normalises their encoding. Returns `None` if there are more than [`MAXIMUM_PARAMETERS`].
fn query(raw: &str, presigned: bool) -> Option<String> {
    let encode = |text: &str| percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), ENCODED).to_string();
    let pairs = raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut encoded: Vec<_> = pairs.take(MAXIMUM_PARAMETERS + 1).map(|(name, value)| (encode(name), encode(value))).collect();
    if encoded.len() > MAXIMUM_PARAMETERS {
        return None;
    }
    encoded.retain(|(name, _)| !presigned || name != "X-Amz-Signature");
    encoded.sort_unstable();
    Some(encoded.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}

/// Joins the values of a header with commas, and collapses runs of blanks. Returns `None` if the header is absent.
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
