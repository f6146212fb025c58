//! How to pull, what the pages show, and how publishers steer them.

use super::layout::Layout;
use super::page::{Failure, Page};
use super::urls;
use super::visit::Visit;
use askama::Template;

#[derive(Template)]
#[template(path = "help/page.html")]
struct Help<'a> {
    layout: Layout,
    host: &'a str,
    origin: String,
}

pub(super) fn page(visit: &Visit<'_>) -> Result<Page, Failure> {
    let layout = visit.layout("Help").canonical(&urls::help()).described("How to pull from this registry, and how to publish in it.");
    Page::html(&Help { layout, host: &visit.origin().authority, origin: visit.origin().to_string() })
}
