//! JSON bodies of the OCI distribution specification.

use crate::tag::Tag;
use serde::Serialize;
use std::collections::BTreeMap;

/// The body of `GET /v2/<name>/tags/list`.
#[derive(Debug, Serialize)]
pub struct TagList<'a> {
    /// `<alias>/<repository>`.
    pub name: String,
    /// In bytewise order.
    pub tags: &'a [Tag],
}

/// The body of `GET /v2/_catalog`.
#[derive(Debug, Serialize)]
pub struct RepositoryList<'a> {
    /// `<alias>/<repository>`, in bytewise order.
    pub repositories: &'a [String],
}

/// The body of `GET /v2/<name>/referrers/<digest>`: an image index of the referrers, composed from their descriptors, each of which
/// is a [`ReferrerDescriptor`] as JSON.
pub fn referrer_list<'a>(descriptors: impl Iterator<Item = &'a str> + Clone) -> String {
    // One buffer: joining the descriptors first and then adding start and end takes half again as many instructions.
    let mut list = String::with_capacity(referrer_list_length(descriptors.clone()));
    list.push_str(REFERRERS_START);
    for (number, descriptor) in descriptors.enumerate() {
        if number > 0 {
            list.push(',');
        }
        list.push_str(descriptor);
    }
    list.push_str(REFERRERS_END);
    list
}

/// The length of [`referrer_list`] in bytes.
pub fn referrer_list_length<'a>(descriptors: impl Iterator<Item = &'a str>) -> usize {
    let frame = REFERRERS_START.len() + REFERRERS_END.len();
    let (number, length) = descriptors.fold((0_usize, frame), |(number, length), descriptor| (number + 1, length + descriptor.len()));
    length + number.saturating_sub(1)
}

const REFERRERS_START: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":["#;
const REFERRERS_END: &str = "]}";

/// One entry of a listing of referrers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerDescriptor<'a> {
    pub media_type: &'a str,
    pub digest: &'a str,
    /// In bytes.
    pub size: u64,
    /// The artifact type, otherwise the config's media type; absent for an index without an artifact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: &'a BTreeMap<String, String>,
}

/// The body of an error response.
#[derive(Debug, Serialize)]
pub struct ErrorList<'a> {
    pub errors: Vec<ErrorEntry<'a>>,
}

/// An entry of an error response.
#[derive(Debug, Serialize)]
pub struct ErrorEntry<'a> {
    /// In upper case, such as `MANIFEST_UNKNOWN`.
    pub code: &'a str,
    pub message: &'a str,
}

/// The body of a response of `/token`.
#[derive(Debug, Serialize)]
pub struct TokenReply<'a> {
    pub token: &'a str,
    /// The same as `token`, under OAuth's name.
    pub access_token: &'a str,
    /// In seconds from `issued_at`.
    pub expires_in: i64,
    /// RFC 3339.
    pub issued_at: String,
    /// Present if the client asked for offline access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_referrers_is_as_long_as_it_says() {
        for descriptors in [&[][..], &["{}"], &["{}", r#"{"a":"b"}"#, "{}"]] {
            let list = referrer_list(descriptors.iter().copied());
            assert_eq!(referrer_list_length(descriptors.iter().copied()), list.len(), "{list}");
            let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
            assert_eq!(list["mediaType"], crate::media_type::OCI_INDEX);
            assert_eq!(list["manifests"].as_array().map(Vec::len), Some(descriptors.len()));
        }
    }
}
