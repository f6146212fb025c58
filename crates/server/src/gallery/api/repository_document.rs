//! A repository in a list.

use crate::gallery::urls;
use crate::gallery::visit::Visit;
use roadstead_model::gallery::card::RepositoryCard;
use roadstead_model::timestamp::IsoTime;
use serde::Serialize;

/// `Repository` in the description.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RepositoryDocument {
    alias: String,
    name: String,
    uri: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_url: Option<String>,
    operating_systems: Vec<String>,
    architectures: Vec<String>,
    signed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprecated: Option<String>,
    pulls: u64,
    #[serde(rename = "pulls30d")]
    recent_pulls: u64,
    updated_at: IsoTime,
    created_at: IsoTime,
}

impl RepositoryDocument {
    pub(super) fn new(visit: &Visit<'_>, card: RepositoryCard) -> Self {
        let path = urls::repository_of(card.alias.as_str(), card.key.name.as_str());
        Self {
            uri: format!("{}{path}", visit.origin().authority),
            url: urls::absolute(visit.origin(), &path),
            alias: card.alias.to_string(),
            name: card.key.name.to_string(),
            display_name: card.display_name,
            verified: card.verified,
            kind: card.kind.map(|kind| kind.name()),
            description: card.description,
            logo_url: card.logo_name.map(|name| urls::absolute(visit.origin(), &urls::logo(&name))),
            operating_systems: card.operating_systems,
            architectures: card.architectures,
            signed: card.signed,
            deprecated: card.deprecated,
            pulls: card.pulls,
            recent_pulls: card.recent_pulls,
            updated_at: card.updated_at.into(),
            created_at: card.created_at.into(),
        }
    }
}
