//! `/api/v1/repositories/<alias>/<repository>`.

use super::repository_document::RepositoryDocument;
use crate::gallery::links::Links;
use crate::gallery::page::{Failure, Page};
use crate::gallery::route::Place;
use crate::gallery::visit::Visit;
use roadstead_registry::{Prose, TextKind};
use serde::Serialize;

/// `RepositoryDetails` in the description.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    repository: RepositoryDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about_html: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage_html: Option<String>,
    links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    featured_tag: Option<String>,
    tag_count: u64,
    hidden_tag_count: u64,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let installation = visit.installation();
    let key = visit.key(place).await?;
    let card = installation.card(&key).await?;
    let (view, about) = installation.repository_view(&key, TextKind::About).await?;
    let (_, usage) = installation.repository_view(&key, TextKind::Usage).await?;
    let featured = installation.featured_tag(&key).await?.tag;
    let license = || featured.as_ref()?.annotations.get("org.opencontainers.image.licenses").cloned();
    let html = |prose: Option<Prose>| prose.map(|prose| prose.html.as_str().to_owned());
    Ok(Page::json(&Document {
        repository: RepositoryDocument::new(visit, card),
        about: view.about_text,
        usage: view.usage_text,
        about_html: html(about),
        usage_html: html(usage),
        links: Links::new(&view.settings, featured.as_ref()),
        license: view.settings.license.or_else(license),
        featured_tag: featured.as_ref().map(|featured| featured.row.name.to_string()),
        tag_count: view.listed_tags,
        hidden_tag_count: view.hidden_tags,
    }))
}
