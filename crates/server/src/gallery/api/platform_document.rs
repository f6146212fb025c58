//! The platform of an image.

use roadstead_model::Platform;
use serde::Serialize;

/// The members of a platform in `Platform` and `Entry` of the description.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlatformDocument {
    os: String,
    architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
}

impl From<Platform> for PlatformDocument {
    fn from(platform: Platform) -> Self {
        Self { os: platform.os, architecture: platform.architecture, variant: platform.variant, os_version: platform.os_version }
    }
}
