//! The OCI door: behaviour that clients and caches rely on and the conformance suite does not test.

mod artifacts;
mod authentication;
mod blobs;
mod manifests;
mod pages;
mod paths;
mod pulls;
mod redirects;
mod sessions;
mod uploads;

use crate::support::Answer;
use sha2::{Digest, Sha512};

fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
}

/// The status, code and message of an error response.
fn error(answer: &Answer) -> (u16, String, String) {
    let entry = answer.json()["errors"][0].clone();
    let text = |key: &str| entry[key].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("message"))
}

fn code(answer: &Answer) -> (u16, String) {
    let (status, code, _) = error(answer);
    (status, code)
}
