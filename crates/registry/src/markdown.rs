//! Markdown of strangers as HTML that a page may contain.
//!
//! The writer escapes all text and emits only balanced elements of a list, of bounded depth and with attributes of its own. What it wrote
//! then passes a sanitiser, so that an error in one of the two does no harm. The work is linear in the length of the text, and what
//! exceeds a limit is shown as plain text.

mod elements;
mod links;
mod outline;
mod raw_html;
mod writer;

#[cfg(test)]
mod tests;

pub use links::PICTURE_PREFIX;
pub(crate) use links::Pictures;
pub use outline::Heading;

use ammonia::{Builder, UrlRelative};
use outline::{FOOTNOTE_PREFIX, ID_PREFIX};
use pulldown_cmark::{Options, Parser, TextMergeStream};
use roadstead_model::gallery::link::web_or_mail_address;
use roadstead_model::gallery::visible_text::visible;
use roadstead_model::measure::beginning;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;
use writer::{Writer, escaped};

/// The version of the renderer. Stored HTML of another version is rendered again.
pub(crate) const VERSION: i64 = 1;

/// The longest text that is rendered, in bytes. More is cut.
pub(crate) const MAXIMUM_MARKDOWN: usize = 64 * 1024;

/// The largest HTML of a text, in bytes.
const MAXIMUM_HTML: usize = 256 * 1024;

/// The number of quotes and list items that one line may open. The parser's work on later lines grows with it.
const MAXIMUM_MARKERS: usize = 50;

/// HTML without scripts, styles, or anything that loads from another host. Only this module makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SafeHtml(String);

impl SafeHtml {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A rendered text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose {
    pub html: SafeHtml,
    /// Its headings, in order.
    pub contents: Vec<Heading>,
}

impl Prose {
    /// Renders Markdown (CommonMark with tables, task lists, footnotes and strikethrough).
    pub(crate) fn render(markdown: &str, pictures: &Pictures) -> Self {
        let lines = beginning(markdown, MAXIMUM_MARKDOWN).replace("\r\n", "\n");
        let visible = visible(&lines);
        let markdown = beginning(&visible, MAXIMUM_MARKDOWN);
        let written = if opens_too_much(markdown) { None } else { write(markdown, pictures) };
        let (html, contents) = written.unwrap_or_else(|| (format!("<pre tabindex=\"0\">{}</pre>", escaped(markdown)), Vec::new()));
        Self { html: SafeHtml(SANITISER.clean(&html).to_string()), contents }
    }

    /// The contents for storage, as JSON.
    pub(crate) fn stored_contents(&self) -> String {
        let contents: Vec<(u8, &str, &str)> = self.contents.iter().map(|heading| (heading.level, &*heading.id, &*heading.text)).collect();
        serde_json::to_string(&contents).unwrap_or_default()
    }

    /// A text that [`Self::render`] of this version made. `None` if it was another version.
    pub(crate) fn from_stored(version: i64, html: String, contents: &str) -> Option<Self> {
        let contents: Vec<(u8, String, String)> = serde_json::from_str(contents).unwrap_or_default();
        let contents = contents.into_iter().map(|(level, id, text)| Heading { level, id, text }).collect();
        (version == VERSION).then_some(Self { html: SafeHtml(html), contents })
    }
}

fn write(markdown: &str, pictures: &Pictures) -> Option<(String, Vec<Heading>)> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM;
    Writer::new(pictures, MAXIMUM_HTML).write(TextMergeStream::new(Parser::new_ext(markdown, options)))
}

/// Whether a line opens more than [`MAXIMUM_MARKERS`] quotes and list items.
fn opens_too_much(markdown: &str) -> bool {
    markdown.lines().any(|line| {
        let is_marker = |c: &char| matches!(c, '>' | '-' | '*' | '+' | '.' | ')' | ' ' | '\t') || c.is_ascii_digit();
        let opening = line.chars().take_while(is_marker).filter(|c| matches!(c, '>' | '-' | '*' | '+' | '.' | ')'));
        // A line of one kind of character may be a rule of any length.
        opening.count() > MAXIMUM_MARKERS && line.trim_end().chars().collect::<HashSet<_>>().len() > 1
    })
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let classes = HashSet::from(["center", "right", "scroll"]);
    let tags: HashSet<&str> = elements::RAW.iter().copied().map(elements::successor).collect();
    let mut attributes = HashMap::from([
        ("a", HashSet::from(["href"])),
        ("details", HashSet::from(["open"])),
        ("div", HashSet::from(["id", "tabindex"])),
        ("img", HashSet::from(["src", "alt", "width", "loading"])),
        ("ol", HashSet::from(["start"])),
        ("pre", HashSet::from(["tabindex"])),
        ("td", HashSet::from(["colspan", "rowspan"])),
        ("th", HashSet::from(["colspan", "rowspan", "scope"])),
    ]);
    attributes.extend(["h2", "h3", "h4", "h5", "h6"].map(|heading| (heading, HashSet::from(["id"]))));
    let mut builder = Builder::empty();
    builder
        .tags(tags)
        .clean_content_tags(elements::DROPPED.iter().copied().collect())
        .tag_attributes(attributes)
        .allowed_classes(HashMap::from([("div", classes.clone()), ("p", classes.clone()), ("td", classes.clone()), ("th", classes)]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("nofollow ugc noopener"))
        .attribute_filter(|element, name, value| is_own(element, name, value).then_some(Cow::Borrowed(value)));
    builder
});

/// Whether the writer may have written an attribute with this value.
fn is_own(element: &str, name: &str, value: &str) -> bool {
    match (element, name) {
        (_, "id") => value.starts_with(ID_PREFIX) || value.starts_with(FOOTNOTE_PREFIX),
        ("a", "href") => {
            value.starts_with(&format!("#{ID_PREFIX}"))
                || value.starts_with(&format!("#{FOOTNOTE_PREFIX}"))
                || web_or_mail_address(value).is_some()
        }
        ("img", "src") => value.starts_with(PICTURE_PREFIX),
        (_, "tabindex") => value == "0",
        _ => true,
    }
}
