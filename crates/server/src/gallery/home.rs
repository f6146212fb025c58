//! The front page.

use super::layout::Layout;
use super::page::{Failure, Page};
use super::urls;
use super::visit::Visit;
use crate::quick_start;
use askama::Template;

#[derive(Template)]
#[template(path = "home/page.html")]
struct Home {
    layout: Layout,
    alias: String,
    commands: String,
}

pub(super) async fn page(visit: &Visit<'_>) -> Result<Page, Failure> {
    let alias = visit.installation().primary_alias(visit.installation().account_id()).await?;
    let commands = quick_start::commands(visit.origin(), &alias, "").join("\n");
    let layout = visit.layout("Container images").canonical(&urls::home()).home();
    Page::html(&Home { layout, alias: alias.to_string(), commands })
}
