//! What the owner of a repository sets with resource tags.

use super::link::web_address;
use crate::resource_tag::ResourceTag;
use crate::tag::Tag;

/// The beginning of the keys of the gallery. Only these are public.
pub const PREFIX: &str = "roadstead:";

/// The keys, without [`PREFIX`].
pub const FEATURED_TAG: &str = "roadstead:featured-tag";
pub const HIDDEN_TAGS: &str = "roadstead:hidden-tags";
const UNLISTED: &str = "roadstead:unlisted";
const DEPRECATED: &str = "roadstead:deprecated";
const KEYWORDS: &str = "roadstead:keywords";
const SOURCE: &str = "roadstead:source";
const LICENSE: &str = "roadstead:license";
const HOMEPAGE: &str = "roadstead:homepage";

/// The most keywords that are read.
const MOST_KEYWORDS: usize = 20;

/// What the owner of a repository says about it. AWS allows letters, digits, spaces and `+ - = . _ : / @` in values of at most 256
/// characters, so every value is short, and the same configuration applies on AWS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnerSettings {
    /// The tag of the command that is shown first.
    pub featured_tag: Option<Tag>,
    pub hidden_tags: HiddenTags,
    /// Whether the repository is left out of lists, searches and the sitemap.
    pub is_unlisted: bool,
    /// Why the repository is deprecated, or its successor. Empty if the owner says only that it is.
    pub deprecated: Option<String>,
    pub keywords: Vec<String>,
    /// An address of `http` or `https`.
    pub source: Option<String>,
    pub license: Option<String>,
    /// An address of `http` or `https`.
    pub homepage: Option<String>,
}

impl OwnerSettings {
    /// Reads the settings from resource tags, of which it ignores all others and malformed values.
    pub fn of(tags: &[ResourceTag]) -> Self {
        let mut settings = Self::default();
        for ResourceTag { key, value } in tags {
            let value = value.trim();
            match key.as_str() {
                FEATURED_TAG => settings.featured_tag = Tag::parse(value).ok(),
                HIDDEN_TAGS => settings.hidden_tags = HiddenTags::parse(value),
                UNLISTED => settings.is_unlisted = value.eq_ignore_ascii_case("true"),
                DEPRECATED => settings.deprecated = (!value.eq_ignore_ascii_case("false")).then(|| reason(value)),
                KEYWORDS => settings.keywords = value.split_whitespace().take(MOST_KEYWORDS).map(str::to_owned).collect(),
                SOURCE => settings.source = web_address(value).map(str::to_owned),
                LICENSE => settings.license = (!value.is_empty()).then(|| value.to_owned()),
                HOMEPAGE => settings.homepage = web_address(value).map(str::to_owned),
                _ => {}
            }
        }
        settings
    }
}

/// The reason of a deprecation; `true` gives none.
fn reason(value: &str) -> String {
    if value.eq_ignore_ascii_case("true") { String::new() } else { value.to_owned() }
}

/// The tags that the owner hides, by their beginnings and endings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HiddenTags {
    beginnings: Vec<String>,
    endings: Vec<String>,
}

impl HiddenTags {
    /// Parses words separated by spaces. A word that begins with `-` or `.`, as no tag does, is an ending, and any other a beginning.
    pub fn parse(value: &str) -> Self {
        let (endings, beginnings) = value.split_whitespace().map(str::to_owned).partition(|word: &String| word.starts_with(['-', '.']));
        Self { beginnings, endings }
    }

    pub fn hides(&self, tag: &str) -> bool {
        self.beginnings.iter().any(|beginning| tag.starts_with(beginning)) || self.endings.iter().any(|ending| tag.ends_with(ending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(tags: &[(&str, &str)]) -> OwnerSettings {
        let tags: Vec<_> = tags.iter().map(|(key, value)| ResourceTag { key: (*key).to_owned(), value: (*value).to_owned() }).collect();
        OwnerSettings::of(&tags)
    }

    #[test]
    fn settings_are_read_from_resource_tags_and_others_are_ignored() {
        let all = settings(&[
            ("roadstead:featured-tag", "1.0"),
            ("roadstead:hidden-tags", "nightly- -dev"),
            ("roadstead:unlisted", "true"),
            ("roadstead:deprecated", "use acme/app"),
            ("roadstead:keywords", "web  server"),
            ("roadstead:source", "https://example.com/app"),
            ("roadstead:license", "Apache-2.0"),
            ("roadstead:homepage", "javascript:alert(1)"),
            ("team", "roadstead:unlisted"),
        ]);
        assert_eq!(all.featured_tag.as_ref().map(Tag::as_str), Some("1.0"));
        assert!(all.hidden_tags.hides("nightly-1") && all.hidden_tags.hides("2-dev") && !all.hidden_tags.hides("1.0"));
        assert!(all.is_unlisted);
        assert_eq!(all.deprecated.as_deref(), Some("use acme/app"));
        assert_eq!(all.keywords, ["web", "server"]);
        assert_eq!((all.source.as_deref(), all.license.as_deref()), (Some("https://example.com/app"), Some("Apache-2.0")));
        assert_eq!(all.homepage, None);
        assert_eq!(settings(&[("roadstead:featured-tag", "-x"), ("roadstead:unlisted", "no"), ("other", "1")]), OwnerSettings::default());
    }

    #[test]
    fn a_deprecation_needs_no_reason() {
        assert_eq!(settings(&[("roadstead:deprecated", "true")]).deprecated.as_deref(), Some(""));
        assert_eq!(settings(&[("roadstead:deprecated", "false")]).deprecated, None);
    }

    #[test]
    fn an_empty_list_hides_nothing() {
        assert!(!HiddenTags::parse("  ").hides("1.0"));
    }
}
