//! The headers of this door's responses (OCI distribution specification).

use http::header::HeaderName;

/// The version of the protocol, expected on `/v2/`.
pub(super) const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
/// The digest of a blob or a manifest.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The filters applied to a listing of referrers.
pub(super) const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// The subject of the pushed referrer.
pub(super) const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// One for each tag set by `?tag=`.
pub(super) const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// The upload session, which older clients expect in addition to `Location`.
pub(super) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Content that is addressed by digest never changes.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Content that is addressed by a tag may be cached, but must be revalidated.
pub(super) const REVALIDATE: &str = "public, no-cache";
