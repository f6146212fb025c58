//! What robots should leave alone (RFC 9309).

use super::page::Page;
use super::urls;
use super::visit::Visit;

pub(super) fn page(visit: &Visit<'_>) -> Page {
    let sitemap = urls::absolute(visit.origin(), &urls::sitemap_index());
    Page::new(
        "text/plain; charset=utf-8",
        format!("User-agent: *\nDisallow: /v2/\nDisallow: /token\nDisallow: /api/\nDisallow: /search\n\nSitemap: {sitemap}\n"),
    )
}
