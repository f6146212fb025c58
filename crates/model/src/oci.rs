//! JSON bodies and header names of the OCI distribution specification.

use serde::Serialize;
use serde_json::value::RawValue;

/// `Docker-Content-Digest`, on every answer about a blob or a manifest.
pub const CONTENT_DIGEST: &str = "docker-content-digest";
/// `Docker-Upload-UUID`, expected by older clients beside `Location`.
pub const UPLOAD_UUID: &str = "docker-upload-uuid";
/// `Docker-Distribution-API-Version`, expected on `/v2/`.
pub const API_VERSION: &str = "docker-distribution-api-version";
/// `OCI-Subject`: the subject that a pushed manifest was indexed under.
pub const SUBJECT: &str = "oci-subject";
/// `OCI-Tag`: one for each tag that a push by digest set.
pub const TAG: &str = "oci-tag";
/// `OCI-Filters-Applied`, on a filtered listing of referrers.
pub const FILTERS_APPLIED: &str = "oci-filters-applied";

/// The body of `GET /v2/<name>/tags/list`.
#[derive(Debug, Serialize)]
pub struct TagList {
    /// `<alias>/<repository>`.
    pub name: String,
    /// Tags in byte order.
    pub tags: Vec<String>,
}

/// The body of `GET /v2/_catalog`.
#[derive(Debug, Serialize)]
pub struct RepositoryList {
    /// `<alias>/<repository>` in byte order.
    pub repositories: Vec<String>,
}

/// The body of `GET /v2/<name>/referrers/<digest>`: an image index.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerList {
    /// Always 2.
    pub schema_version: u8,
    /// Always the OCI index's.
    pub media_type: &'static str,
    /// The manifests that refer to the subject.
    pub manifests: Vec<ReferrerDescriptor>,
}

/// One entry of a listing of referrers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerDescriptor {
    /// The referrer's media type.
    pub media_type: String,
    /// The referrer's digest.
    pub digest: String,
    /// The referrer's size in bytes.
    pub size: u64,
    /// The artifact type, else the config's media type; absent for an index without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The referrer's own annotations, a JSON object; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Box<RawValue>>,
}

/// The body of an error answer.
#[derive(Debug, Serialize)]
pub struct ErrorList<'a> {
    /// One or more errors.
    pub errors: Vec<ErrorEntry<'a>>,
}

/// One error of an error answer.
#[derive(Debug, Serialize)]
pub struct ErrorEntry<'a> {
    /// The code in upper case, such as `MANIFEST_UNKNOWN`.
    pub code: &'a str,
    /// What happened, in a sentence.
    pub message: &'a str,
    /// Whatever else helps the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

/// The body of `GET /token`.
#[derive(Debug, Serialize)]
pub struct TokenReply {
    /// The bearer token.
    pub token: String,
    /// The same token, under OAuth's name.
    pub access_token: String,
    /// Seconds that the token is valid from `issued_at`.
    pub expires_in: i64,
    /// RFC 3339.
    pub issued_at: String,
}
