//! The OCI door: what clients and caches rely on, and what the conformance suite does not ask.

mod artifacts;
mod authentication;
mod blobs;
mod manifests;
mod pages;
mod paths;
mod pulls;
mod sessions;
mod uploads;

use crate::support::Answer;

/// The code and the message of an error answer.
fn error(answer: &Answer) -> (u16, String, String) {
    let entry = answer.json()["errors"][0].clone();
    let text = |key: &str| entry[key].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("message"))
}

fn code(answer: &Answer) -> (u16, String) {
    let (status, code, _) = error(answer);
    (status, code)
}
