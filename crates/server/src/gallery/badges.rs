//! Badges, for READMEs: as SVG, and as JSON in the endpoint format of shields.io.
//!
//! A badge that has nothing to show says so, also that of a repository that does not exist: a broken picture explains nothing.

mod width;

use super::page::{Failure, Page};
use super::route::{Badge, BadgeFormat, Place};
use super::visit::Visit;
use super::{cross_origin, filters};
use askama::Template;
use roadstead_model::gallery::TagRow;
use roadstead_model::gallery::visible_text::visible;
use serde_json::json;
use width::width;

/// The platforms that a badge names.
const MOST_PLATFORMS: usize = 3;
/// The longest label and message in characters. A tag may have 128.
const LONGEST: usize = 64;

/// A fact in two words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    label: String,
    message: String,
    color: Color,
}

/// How good the fact is. White text has a contrast of at least 4.5 on each (WCAG 2.2, success criterion 1.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Good,
    Plain,
    Nothing,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place, badge: Badge, format: BadgeFormat) -> Result<Page, Failure> {
    let fact = match find(visit, place, badge).await {
        Ok(fact) => fact,
        Err(Failure::NotFound) => Fact::new(badge.name(), "not found", Color::Nothing),
        Err(failure) => return Err(failure),
    };
    let page = match format {
        BadgeFormat::Svg => fact.svg()?,
        BadgeFormat::Json => fact.json(),
    };
    Ok(cross_origin::shared(page))
}

async fn find(visit: &Visit<'_>, place: &Place, badge: Badge) -> Result<Fact, Failure> {
    let repository = visit.key(place).await?;
    let show: fn(&TagRow) -> Fact = match badge {
        Badge::Pulls => {
            let pulls = visit.installation().pull_totals(&repository).await?;
            return Ok(Fact::new("pulls", &filters::count_text(pulls.total), Color::Plain));
        }
        Badge::Tag => tag,
        Badge::Size => size,
        Badge::Platforms => platforms,
        Badge::Signed => signature,
    };
    let featured = visit.installation().featured_tag(&repository).await?.tag;
    Ok(featured.map_or_else(|| Fact::new(badge.name(), "none", Color::Nothing), |featured| show(&featured.row)))
}

fn tag(row: &TagRow) -> Fact {
    Fact::new("tag", row.name.as_str(), Color::Plain)
}

fn size(row: &TagRow) -> Fact {
    let (least, most) = row.sizes();
    let (least, most) = (filters::size_text(least), filters::size_text(most));
    let message = if least == most { most } else { format!("{least} – {most}") };
    Fact::new("size", &message, Color::Plain)
}

fn platforms(row: &TagRow) -> Fact {
    let named: Vec<_> = row.platforms.iter().take(MOST_PLATFORMS).map(|entry| entry.platform.to_string()).collect();
    let more = row.platforms.len() - named.len();
    match (named.join(" | "), more) {
        (names, _) if names.is_empty() => Fact::new("platforms", "none", Color::Nothing),
        (names, 0) => Fact::new("platforms", &names, Color::Plain),
        (names, more) => Fact::new("platforms", &format!("{names} | +{more}"), Color::Plain),
    }
}

/// The registry does not check signatures, so it cannot say more.
fn signature(row: &TagRow) -> Fact {
    let (message, color) = if row.attached.signatures { ("attached", Color::Good) } else { ("none", Color::Nothing) };
    Fact::new("signature", message, color)
}

#[derive(Template)]
#[template(path = "badges/badge.svg")]
struct Picture<'a> {
    label: &'a str,
    message: &'a str,
    width: u32,
    label_width: u32,
    label_text: u32,
    message_width: u32,
    message_text: u32,
    message_x: u32,
    fill: &'static str,
}

impl Color {
    fn fill(self) -> &'static str {
        match self {
            Self::Good => "#1f7a3d",
            Self::Plain => "#0b62a8",
            Self::Nothing => "#6a737d",
        }
    }
}

impl Fact {
    fn new(label: &str, message: &str, color: Color) -> Self {
        Self { label: cut(label), message: cut(message), color }
    }

    fn svg(&self) -> Result<Page, Failure> {
        /// The space beside a text in pixels.
        const PADDING: u32 = 6;
        let (label_text, message_text) = (width(&self.label), width(&self.message));
        let (label_width, message_width) = (label_text + 2 * PADDING, message_text + 2 * PADDING);
        Page::rendered(
            "image/svg+xml",
            &Picture {
                label: &self.label,
                message: &self.message,
                width: label_width + message_width,
                label_width,
                label_text,
                message_width,
                message_text,
                message_x: label_width + PADDING,
                fill: self.color.fill(),
            },
        )
    }

    /// See shields.io, "Endpoint badge".
    fn json(&self) -> Page {
        let Self { label, message, color } = self;
        Page::json(&json!({ "schemaVersion": 1, "label": label, "message": message, "color": color.fill() }))
    }
}

/// Cuts a text that is too long for a badge, and shows characters that mislead.
fn cut(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_is_wide_enough_for_its_texts_and_escapes_them() {
        let fact = Fact::new("platforms", "linux/<amd64>&\"\u{202e}", Color::Plain);
        let svg = String::from_utf8(fact.svg().expect("a badge").body.to_vec()).expect("text");
        assert!(!svg.contains("<amd64>") && svg.contains("⟨U+202E⟩"), "{svg}");
        let attribute = |name: &str| -> u32 {
            let rest = svg.split_once(&format!("{name}=\"")).expect("an attribute").1;
            rest.split('"').next().expect("a value").parse().expect("a number")
        };
        assert_eq!(attribute(" width"), width("platforms") + width(&fact.message) + 24);
    }

    #[test]
    fn a_long_text_is_cut() {
        let fact = Fact::new("tag", &"é".repeat(128), Color::Plain);
        assert_eq!(fact.message, format!("{}…", "é".repeat(LONGEST)));
    }

    #[test]
    fn a_badge_for_shields_io_has_the_members_that_it_needs() {
        let body = Fact::new("tag", "1.27", Color::Good).json().body;
        let badge: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(badge, json!({"schemaVersion": 1, "label": "tag", "message": "1.27", "color": "#1f7a3d"}));
    }
}
