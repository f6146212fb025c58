//! The pages that explain why there is no other.

use super::layout::Layout;
use super::page::{Failure, Page};
use super::visit::Visit;
use crate::http::budget::Crowded;
use crate::rates::TooFast;
use askama::Template;
use http::StatusCode;
use http::header::{ALLOW, RETRY_AFTER};

#[derive(Template)]
#[template(path = "failure/page.html")]
struct Explained {
    layout: Layout,
    heading: &'static str,
    text: String,
    /// Whether searching may help.
    offers_search: bool,
}

impl Failure {
    /// The page for people.
    pub(super) fn page(self, visit: &Visit<'_>) -> Page {
        match self {
            Self::NotFound => {
                let layout = visit.layout("Not found").searched(words(visit.call.uri.path()));
                let text = "No publisher, repository or image has this address. It may be mistyped, or what was here was deleted.";
                explained(
                    StatusCode::NOT_FOUND,
                    Explained { layout, heading: "Nothing is moored here", text: text.into(), offers_search: true },
                )
            }
            Self::BadRequest(reason) => plain(visit, StatusCode::BAD_REQUEST, "This address makes no sense", reason),
            Self::TooFast(TooFast(wait)) => {
                let seconds = wait.as_secs() + 1;
                let text = format!("Your network asks for many pages in a short time. Try again in {seconds} s.");
                plain(visit, StatusCode::TOO_MANY_REQUESTS, "Slow down, please", text).with(RETRY_AFTER, &seconds.to_string())
            }
            Self::Crowded => {
                let text = "The server is busy with other requests. Try again in some seconds.".to_owned();
                plain(visit, StatusCode::SERVICE_UNAVAILABLE, "Too busy", text).with(RETRY_AFTER, Crowded::RETRY_AFTER)
            }
            Self::Broken(error) => {
                tracing::error!(%error, request_id = visit.call.request_id(), "the gallery cannot make this page");
                let text = format!("The registry cannot show this page now. Its log has the reason under {}.", visit.call.request_id());
                plain(visit, StatusCode::SERVICE_UNAVAILABLE, "Something went wrong", text).with(RETRY_AFTER, Crowded::RETRY_AFTER)
            }
        }
    }
}

/// The page for a method that its address does not have.
pub(super) fn wrong_method(visit: &Visit<'_>, allowed: &'static str) -> Page {
    let text = format!("This address answers {allowed} only.");
    plain(visit, StatusCode::METHOD_NOT_ALLOWED, "This method is not allowed here", text).with(ALLOW, allowed)
}

fn plain(visit: &Visit<'_>, status: StatusCode, heading: &'static str, text: String) -> Page {
    explained(status, Explained { layout: visit.layout(heading), heading, text, offers_search: false })
}

fn explained(status: StatusCode, page: Explained) -> Page {
    // The template has no filter that fails, and a page that explains a failure cannot fail itself.
    let html = page.render().unwrap_or_else(|_| page.heading.to_owned());
    Page { status, ..Page::new("text/html; charset=utf-8", html) }.unlisted()
}

/// The words of a path, to search for.
fn words(path: &str) -> String {
    const LONGEST: usize = 100;
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let names = path.split("/-/").next().unwrap_or_default();
    let words = names.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_words_to_search_for() {
        for (path, text) in
            [("/docker/library/ngnix:1.27", "docker library ngnix 1 27"), ("/a/b/-/tags", "a b"), ("/%3Cscript%3E%FF", "script"), ("/", "")]
        {
            assert_eq!(words(path), text);
        }
        assert_eq!(words(&"/x".repeat(1000)).len(), 100);
    }
}
