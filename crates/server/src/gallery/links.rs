//! Where the publisher of a repository leads: what it sets with resource tags, else what the featured image says.

use roadstead_model::gallery::link::web_address;
use roadstead_model::gallery::{FeaturedTag, OwnerSettings};
use serde::Serialize;

/// Addresses of `http` or `https`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) documentation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) homepage: Option<String>,
}

impl Links {
    pub(super) fn new(settings: &OwnerSettings, featured: Option<&FeaturedTag>) -> Self {
        let annotation = |name| featured.and_then(|featured| featured.annotations.get(name)).and_then(|text| web_address(text.trim()));
        let link = |own: &Option<String>, name| own.as_deref().or_else(|| annotation(name)).map(str::to_owned);
        Self {
            source: link(&settings.source, "org.opencontainers.image.source"),
            documentation: link(&None, "org.opencontainers.image.documentation"),
            homepage: link(&settings.homepage, "org.opencontainers.image.url"),
        }
    }
}
