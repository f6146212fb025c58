//! The addresses of all listed repositories, for search engines (sitemaps.org): an index, and files that it names.

use super::page::{Failure, Page};
use super::visit::Visit;
use super::{filters, urls};
use askama::Template;
use roadstead_registry::SitemapEntry;

const MEDIA_TYPE: &str = "application/xml; charset=utf-8";

#[derive(Template)]
#[template(path = "sitemap/index.xml")]
struct Index {
    /// Absolute addresses.
    files: Vec<String>,
}

#[derive(Template)]
#[template(path = "sitemap/file.xml")]
struct File {
    origin: String,
    entries: Vec<SitemapEntry>,
}

pub(super) async fn index(visit: &Visit<'_>) -> Result<Page, Failure> {
    let firsts = visit.installation().sitemap_files().await?;
    let file = |first| urls::absolute(visit.origin(), &urls::sitemap(first));
    Page::rendered(MEDIA_TYPE, &Index { files: firsts.into_iter().map(file).collect() })
}

/// The file that begins with the repository of a row id.
pub(super) async fn page(visit: &Visit<'_>, first: u64) -> Result<Page, Failure> {
    let entries = visit.installation().sitemap_file(first).await?;
    Page::rendered(MEDIA_TYPE, &File { origin: visit.origin().to_string(), entries })
}
