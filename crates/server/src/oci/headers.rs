//! The headers of this door's responses.

use http::header::HeaderName;
use roadstead_model::oci;

pub(super) const API_VERSION: HeaderName = HeaderName::from_static(oci::API_VERSION);
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static(oci::CONTENT_DIGEST);
pub(super) const FILTERS_APPLIED: HeaderName = HeaderName::from_static(oci::FILTERS_APPLIED);
pub(super) const SUBJECT: HeaderName = HeaderName::from_static(oci::SUBJECT);
pub(super) const TAG: HeaderName = HeaderName::from_static(oci::TAG);
pub(super) const UPLOAD_UUID: HeaderName = HeaderName::from_static(oci::UPLOAD_UUID);

/// Content that is addressed by digest never changes.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Content that is addressed by a tag may be cached, but must be revalidated.
pub(super) const REVALIDATE: &str = "public, no-cache";
