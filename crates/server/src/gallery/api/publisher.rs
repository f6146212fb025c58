//! `/api/v1/publishers/<alias>`.

use super::listing;
use super::repository_document::RepositoryDocument;
use crate::gallery::page::{Failure, Page};
use crate::gallery::urls;
use crate::gallery::visit::Visit;
use roadstead_model::RegistryAlias;
use serde::Serialize;

const DEFAULT_LIMIT: usize = 100;
const MOST_ENTRIES: usize = 1000;

/// `Publisher` in the description.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    alias: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    verified: bool,
    repositories: Vec<RepositoryDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(super) async fn page(visit: &Visit<'_>, alias: &RegistryAlias) -> Result<Page, Failure> {
    let installation = visit.installation();
    let registry = installation.resolve_alias(alias.as_str()).await?;
    let description = installation.describe_registry(&registry).await?;
    let display_name = if description.verified { installation.display_name(&registry).await? } else { None };
    let limit = listing::limit(visit, DEFAULT_LIMIT, MOST_ENTRIES)?;
    let after = visit.member("after").unwrap_or_default();
    let mut cards = installation.list_cards_of_by_name(&registry, &after, limit + 1).await?;
    let is_more = cards.len() > limit;
    cards.truncate(limit);
    let last = cards.last().filter(|_| is_more).map(|card| card.key.name.to_string());
    let primary = description.primary_alias().unwrap_or(alias);
    let path = urls::api(&format!("/publishers/{alias}"));
    let document = Document {
        alias: primary.to_string(),
        display_name,
        verified: description.verified,
        repositories: cards.into_iter().map(|card| RepositoryDocument::new(visit, card)).collect(),
        next: last.map(|name| listing::next(visit, path, &["limit"], &name)),
    };
    Ok(Page::json(&document))
}
