//! Writes the events of a Markdown parser as HTML: balanced, of bounded depth, and of the elements in [`elements`] only.

use super::elements::{self, DROPPED, RAW};
use super::links::{self, Pictures};
use super::outline::{FOOTNOTE_PREFIX, Heading, Outline};
use super::raw_html::{self, Token, Tokens};
use pulldown_cmark::{Alignment, BlockQuoteKind, CowStr, Event, LinkType, Tag, TagEnd};
use std::borrow::Cow;
use std::collections::HashMap;

/// The depth beyond which elements are left out. Their content stays.
const MAXIMUM_DEPTH: usize = 40;

/// An element that has been opened.
struct Element {
    /// What closes it. Empty for one that is left out.
    end: Cow<'static, str>,
    /// The name of an element of raw HTML, which only raw HTML and the end of the element around it close.
    raw: Option<&'static str>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Plain,
    /// A link or code, in which no link may begin.
    Unlinked,
    /// A heading of a level on the page. Its text is held back, as its id follows from it.
    Heading(u8),
}

/// A picture whose alternative text is being read.
struct Image {
    source: String,
    alternative: String,
    /// The number of pictures open within it.
    nested: usize,
}

struct OpenHeading {
    /// What was written before the heading.
    before: String,
    text: String,
}

#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
}

pub(super) struct Writer<'p> {
    pictures: &'p Pictures,
    /// The number of bytes that may still be written.
    left: usize,
    html: String,
    open: Vec<Element>,
    /// The number of elements in `open` in which no link may begin.
    unlinked: usize,
    outline: Outline,
    heading: Option<OpenHeading>,
    image: Option<Image>,
    table: Table,
    /// The raw HTML of the current block.
    block: Option<String>,
    /// The element whose content is dropped, and the number of open elements around it.
    dropped: Option<(&'static str, usize)>,
    footnotes: HashMap<String, usize>,
}

impl<'p> Writer<'p> {
    /// A writer of at most `limit` bytes.
    pub(super) fn new(pictures: &'p Pictures, limit: usize) -> Self {
        Self {
            pictures,
            left: limit,
            html: String::new(),
            open: Vec::new(),
            unlinked: 0,
            outline: Outline::default(),
            heading: None,
            image: None,
            table: Table::default(),
            block: None,
            dropped: None,
            footnotes: HashMap::new(),
        }
    }

    /// Writes all events. `None` if they exceed the limit.
    pub(super) fn write<'e>(mut self, events: impl Iterator<Item = Event<'e>>) -> Option<(String, Vec<Heading>)> {
        for event in events {
            self.event(event);
            if self.left == 0 {
                return None;
            }
        }
        while self.close_last().is_some() {}
        Some((self.html, self.outline.into_contents()))
    }

    fn event(&mut self, event: Event<'_>) {
        if self.image.is_some() {
            return self.alternative(event);
        }
        match event {
            Event::Html(html) => match &mut self.block {
                Some(block) => block.push_str(&html),
                None => self.raw(&html),
            },
            Event::InlineHtml(html) => self.raw(&html),
            Event::End(TagEnd::HtmlBlock) => self.end_html_block(),
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            _ if self.dropped.is_some() => self.skip(&event),
            Event::Start(tag) => self.start(tag),
            Event::End(TagEnd::TableHead) => {
                self.close_markdown();
                self.push("<tbody>");
                self.table.in_head = false;
            }
            Event::End(_) => self.close_markdown(),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.push("<code>");
                self.plain(&code);
                self.push("</code>");
            }
            Event::InlineMath(text) | Event::DisplayMath(text) => self.plain(&text),
            Event::FootnoteReference(label) => self.footnote_reference(&label),
            Event::SoftBreak => self.plain("\n"),
            Event::HardBreak => self.push("<br>"),
            Event::Rule => self.push("<hr>"),
            Event::TaskListMarker(done) => self.plain(if done { "☑ " } else { "☐ " }),
        }
    }

    /// Leaves out an event within a dropped element, which ends at the latest with the element around it.
    fn skip(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(_) => self.open.push(Element { end: "".into(), raw: None, role: Role::Plain }),
            Event::End(_) => self.close_markdown(),
            _ => {}
        }
        self.dropped = self.dropped.filter(|(_, around)| self.open.len() >= *around);
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.open_markdown("<p>", "</p>"),
            Tag::Heading { level, .. } => self.open_heading(level as u8, None),
            Tag::BlockQuote(kind) => {
                self.open_markdown("<blockquote>", "</blockquote>");
                if let Some(kind) = kind {
                    self.push("<p><strong>");
                    self.plain(alert(kind));
                    self.push("</strong></p>");
                }
            }
            // Long lines scroll within the block, so the keyboard must reach it.
            Tag::CodeBlock(_) => {
                self.open("<pre tabindex=\"0\"><code>", Element { end: "</code></pre>".into(), raw: None, role: Role::Unlinked });
            }
            Tag::List(None) => self.open_markdown("<ul>", "</ul>"),
            Tag::List(Some(1)) => self.open_markdown("<ol>", "</ol>"),
            Tag::List(Some(first)) => self.open_markdown(&format!("<ol start=\"{first}\">"), "</ol>"),
            Tag::Item => self.open_markdown("<li>", "</li>"),
            Tag::FootnoteDefinition(label) => self.footnote_definition(&label),
            Tag::Table(alignments) => {
                self.open_markdown("<div class=\"scroll\" tabindex=\"0\"><table>", "</table></div>");
                self.table = Table { alignments, ..Table::default() };
            }
            Tag::TableHead => {
                self.open_markdown("<thead><tr>", "</tr></thead>");
                self.table.in_head = true;
                self.table.column = 0;
            }
            Tag::TableRow => {
                self.open_markdown("<tr>", "</tr>");
                self.table.column = 0;
            }
            Tag::TableCell => self.open_cell(),
            Tag::Emphasis => self.open_markdown("<em>", "</em>"),
            Tag::Strong => self.open_markdown("<strong>", "</strong>"),
            Tag::Strikethrough => self.open_markdown("<del>", "</del>"),
            Tag::Superscript => self.open_markdown("<sup>", "</sup>"),
            Tag::Subscript => self.open_markdown("<sub>", "</sub>"),
            Tag::Link { link_type, dest_url, .. } => self.open_link(&address(link_type, &dest_url), None),
            Tag::Image { dest_url, .. } => {
                self.image = Some(Image { source: dest_url.into_string(), alternative: String::new(), nested: 0 });
            }
            Tag::HtmlBlock | Tag::DefinitionList | Tag::DefinitionListTitle | Tag::DefinitionListDefinition | Tag::MetadataBlock(_) => {
                self.open_markdown("", "")
            }
        }
    }

    fn open_markdown(&mut self, start: &str, end: &'static str) {
        self.open(start, Element { end: end.into(), raw: None, role: Role::Plain });
    }

    fn open(&mut self, start: &str, mut element: Element) {
        if self.open.len() < MAXIMUM_DEPTH {
            self.push(start);
        } else {
            element.end = "".into();
            element.role = Role::Plain;
        }
        self.unlinked += usize::from(element.role == Role::Unlinked);
        self.open.push(element);
    }

    fn open_cell(&mut self) {
        let alignment = self.table.alignments.get(self.table.column).copied().unwrap_or(Alignment::None);
        self.table.column += 1;
        let (name, end) = if self.table.in_head { ("th scope=\"col\"", "</th>") } else { ("td", "</td>") };
        let class = match alignment {
            Alignment::Center => " class=\"center\"",
            Alignment::Right => " class=\"right\"",
            Alignment::None | Alignment::Left => "",
        };
        self.open_markdown(&format!("<{name}{class}>"), end);
    }

    /// Opens a link, unless it is within another one, or its target is not allowed: then only its content remains.
    fn open_link(&mut self, target: &str, raw: Option<&'static str>) {
        match links::link(target).filter(|_| self.unlinked == 0) {
            Some(target) => {
                self.open(&format!("<a href=\"{}\">", escaped(&target)), Element { end: "</a>".into(), raw, role: Role::Unlinked })
            }
            None => self.open("", Element { end: "".into(), raw, role: Role::Plain }),
        }
    }

    fn open_heading(&mut self, level: u8, raw: Option<&'static str>) {
        if self.heading.is_some() || self.open.len() >= MAXIMUM_DEPTH {
            return self.open("", Element { end: "".into(), raw, role: Role::Plain });
        }
        let level = self.outline.enter(level);
        self.heading = Some(OpenHeading { before: std::mem::take(&mut self.html), text: String::new() });
        self.open("", Element { end: format!("</h{level}>").into(), raw, role: Role::Heading(level) });
    }

    /// Writes the heading that was held back.
    fn close_heading(&mut self, level: u8) {
        let Some(OpenHeading { before, text }) = self.heading.take() else { return };
        let content = std::mem::replace(&mut self.html, before);
        let id = self.outline.add(level, &text);
        self.push(&format!("<h{level} id=\"{}\">", escaped(&id)));
        self.html.push_str(&content);
    }

    /// Closes the innermost element of Markdown, and what raw HTML opened within it.
    fn close_markdown(&mut self) {
        while let Some(element) = self.close_last() {
            if element.raw.is_none() {
                break;
            }
        }
    }

    fn close_last(&mut self) -> Option<Element> {
        let element = self.open.pop()?;
        match element.role {
            Role::Plain => {}
            Role::Unlinked => self.unlinked -= 1,
            Role::Heading(level) => self.close_heading(level),
        }
        self.push(&element.end);
        Some(element)
    }

    /// Writes text, with addresses of the web as links.
    fn text(&mut self, text: &str) {
        let (mut written, mut sought) = (0, 0);
        while self.unlinked == 0
            && self.heading.is_none()
            && let Some(begin) = text[sought..].find("http").map(|found| sought + found)
        {
            let address = address_at(&text[begin..]);
            sought = begin + address.len().max("http".len());
            if !address.is_empty() && !text[..begin].ends_with(char::is_alphanumeric) {
                self.plain(&text[written..begin]);
                self.open_link(address, None);
                self.plain(address);
                self.close_markdown();
                written = sought;
            }
        }
        self.plain(&text[written..]);
    }

    /// Writes plain text.
    fn plain(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(text);
        }
        self.push(&escaped(text));
    }

    fn push(&mut self, html: &str) {
        self.left = self.left.saturating_sub(html.len());
        self.html.push_str(html);
    }

    /// Reads the alternative text of a picture.
    fn alternative(&mut self, event: Event<'_>) {
        let Some(image) = &mut self.image else { return };
        match event {
            Event::Start(Tag::Image { .. }) => image.nested += 1,
            Event::End(TagEnd::Image) if image.nested > 0 => image.nested -= 1,
            Event::End(TagEnd::Image) => {
                if let Some(Image { source, alternative, .. }) = self.image.take() {
                    self.picture(&source, &alternative, None);
                }
            }
            Event::Text(text) | Event::Code(text) => image.alternative.push_str(&text),
            Event::SoftBreak | Event::HardBreak => image.alternative.push(' '),
            _ => {}
        }
    }

    /// Writes a picture that was pushed with the text. Any other becomes a link with its alternative text, because pages load nothing
    /// from other hosts.
    fn picture(&mut self, source: &str, alternative: &str, width: Option<u16>) {
        if let Some(address) = links::picture(self.pictures, source) {
            let width = width.map(|width| format!(" width=\"{width}\"")).unwrap_or_default();
            let html = format!("<img src=\"{}\" alt=\"{}\"{width} loading=\"lazy\">", escaped(address), escaped(alternative));
            return self.push(&html);
        }
        let alternative = if alternative.trim().is_empty() { "picture" } else { alternative };
        self.open_link(source, None);
        self.plain(alternative);
        self.close_markdown();
    }

    fn footnote(&mut self, label: &str) -> usize {
        let next = self.footnotes.len() + 1;
        *self.footnotes.entry(label.to_owned()).or_insert(next)
    }

    fn footnote_reference(&mut self, label: &str) {
        let number = self.footnote(label);
        if self.unlinked == 0 {
            self.push(&format!("<sup><a href=\"#{FOOTNOTE_PREFIX}{number}\">{number}</a></sup>"));
        }
    }

    fn footnote_definition(&mut self, label: &str) {
        let number = self.footnote(label);
        self.open_markdown(&format!("<div id=\"{FOOTNOTE_PREFIX}{number}\"><sup>{number}</sup>"), "</div>");
    }

    fn end_html_block(&mut self) {
        let html = self.block.take().unwrap_or_default();
        self.raw(&html);
        self.dropped = None;
        while self.open.last().and_then(|element| element.raw).is_some_and(elements::ends_with_its_block) {
            self.close_last();
        }
    }

    /// Writes a piece of raw HTML.
    fn raw(&mut self, html: &str) {
        for token in Tokens::new(html) {
            if self.left == 0 {
                return;
            }
            match (token, self.dropped) {
                (Token::Close(name), Some((dropped, _))) if name == dropped => self.dropped = None,
                (_, Some(_)) => {}
                (Token::Text(text), None) => self.raw_text(text),
                (Token::Open(tag), None) => self.raw_start(&tag),
                (Token::Close(name), None) => self.raw_end(&name),
            }
        }
    }

    /// Writes text whose character references are HTML already.
    fn raw_text(&mut self, text: &str) {
        if let Some(heading) = &mut self.heading {
            heading.text.push_str(&raw_html::resolved(text));
        }
        self.push(&text.replace('<', "&lt;").replace('>', "&gt;"));
    }

    fn raw_start(&mut self, tag: &raw_html::Tag<'_>) {
        let around = self.open.len();
        self.dropped = DROPPED.iter().find(|name| **name == tag.name).map(|name| (*name, around));
        let Some(name) = RAW.iter().copied().find(|name| *name == tag.name) else { return };
        while self.open.last().and_then(|element| element.raw).is_some_and(|open| elements::closed_by(name).contains(&open)) {
            self.close_last();
        }
        if self.open.len() >= MAXIMUM_DEPTH {
            return;
        }
        match name {
            "br" => self.push("<br>"),
            "hr" => self.push("<hr>"),
            "img" => {
                let [source, alternative] = ["src", "alt"].map(|name| tag.attribute(name).unwrap_or_default());
                let width = tag.attribute("width").and_then(|width| width.parse().ok());
                self.picture(&source, &alternative, width);
            }
            "a" => self.open_link(&tag.attribute("href").unwrap_or_default(), Some(name)),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.open_heading(name.as_bytes()[1] - b'0', Some(name)),
            _ => self.open_raw(name, tag),
        }
    }

    fn open_raw(&mut self, name: &'static str, tag: &raw_html::Tag<'_>) {
        let is_centred = name == "center" || tag.attribute("align").is_some_and(|align| align.eq_ignore_ascii_case("center"));
        let centre = if is_centred && matches!(name, "center" | "div" | "p" | "td" | "th") { " class=\"center\"" } else { "" };
        let open = if name == "details" && tag.attribute("open").is_some() { " open" } else { "" };
        let (before, element, after) = match name {
            "pre" => ("", "pre tabindex=\"0\"", ""),
            "table" => ("<div class=\"scroll\" tabindex=\"0\">", "table", "</div>"),
            _ => ("", elements::successor(name), ""),
        };
        let spans = ["colspan", "rowspan"].into_iter().filter(|_| matches!(name, "td" | "th"));
        let spans = spans.filter_map(|span| Some((span, tag.attribute(span)?.parse::<u8>().ok()?)));
        let spans: String = spans.map(|(span, count)| format!(" {span}=\"{count}\"")).collect();
        let end = format!("</{}>{after}", element.split(' ').next().unwrap_or_default()).into();
        let role = if matches!(name, "code" | "pre" | "tt") { Role::Unlinked } else { Role::Plain };
        self.open(&format!("{before}<{element}{centre}{open}{spans}>"), Element { end, raw: Some(name), role });
    }

    /// Closes the innermost element of this name, unless Markdown opened an element within it.
    fn raw_end(&mut self, name: &str) {
        let raw = self.open.iter().rev().take(MAXIMUM_DEPTH).map_while(|element| element.raw);
        let Some(depth) = raw.enumerate().find(|(_, raw)| *raw == name).map(|(depth, _)| depth) else { return };
        for _ in 0..=depth {
            self.close_last();
        }
    }
}

/// The address of the web that a text begins with, without the punctuation of the sentence. Empty if there is none.
fn address_at(text: &str) -> &str {
    let rest = text.strip_prefix("http").map(|rest| rest.strip_prefix('s').unwrap_or(rest));
    if rest.is_none_or(|rest| !rest.starts_with("://")) {
        return "";
    }
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`')).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ')', ']', '}', '*', '_'])
}

fn address<'a>(kind: LinkType, target: &'a CowStr<'_>) -> Cow<'a, str> {
    if kind == LinkType::Email { format!("mailto:{target}").into() } else { (**target).into() }
}

/// The label of an alert of GitHub (`> [!NOTE]`).
const fn alert(kind: BlockQuoteKind) -> &'static str {
    match kind {
        BlockQuoteKind::Note => "Note",
        BlockQuoteKind::Tip => "Tip",
        BlockQuoteKind::Important => "Important",
        BlockQuoteKind::Warning => "Warning",
        BlockQuoteKind::Caution => "Caution",
    }
}

pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            _ => html.push(character),
        }
    }
    html
}
