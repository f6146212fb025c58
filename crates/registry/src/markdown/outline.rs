//! The headings of a text: their levels on the page, their ids, and the table of contents.

use roadstead_model::gallery::plain_text;
use std::collections::HashMap;

/// A heading that the table of contents lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// From 2 to 6. The page itself has the only heading of level 1.
    pub level: u8,
    /// The `id` of the element, which begins with `ID_PREFIX`.
    pub id: String,
    /// Plain text of one line.
    pub text: String,
}

/// What the ids of headings begin with, so that they never equal an id of the page.
pub(super) const ID_PREFIX: &str = "h-";
/// What the ids of footnotes begin with.
pub(super) const FOOTNOTE_PREFIX: &str = "fn-";

/// The number of headings in a table of contents.
const MAXIMUM_CONTENTS: usize = 60;
const MAXIMUM_TEXT: usize = 120;
const MAXIMUM_ID: usize = 80;

/// Collects the headings of a text.
#[derive(Default)]
pub(super) struct Outline {
    /// The written levels of the headings that enclose the current place.
    enclosing: Vec<u8>,
    /// How many headings have had an id.
    ids: HashMap<String, usize>,
    contents: Vec<Heading>,
}

impl Outline {
    /// Enters a heading of a written level from 1 to 6. Returns its level on the page: headings of a text begin at 2 and never skip a
    /// level downwards, as screen readers expect.
    pub(super) fn enter(&mut self, written: u8) -> u8 {
        while self.enclosing.last().is_some_and(|level| *level >= written) {
            self.enclosing.pop();
        }
        self.enclosing.push(written);
        u8::try_from(self.enclosing.len() + 1).map_or(6, |level| level.min(6))
    }

    /// Adds a heading to the table of contents. Returns its id.
    pub(super) fn add(&mut self, level: u8, text: &str) -> String {
        let text = plain_text::one_line(text, MAXIMUM_TEXT);
        let id = self.unique(format!("{ID_PREFIX}{}", slug(&text)));
        if self.contents.len() < MAXIMUM_CONTENTS && !text.is_empty() {
            self.contents.push(Heading { level, id: id.clone(), text });
        }
        id
    }

    /// Numbers an id that is taken, as GitHub does.
    fn unique(&mut self, id: String) -> String {
        let mut candidate = id.clone();
        // A numbered id may itself be taken by a heading that ends in a number.
        while self.ids.contains_key(&candidate) {
            let number = self.ids.entry(id.clone()).or_default();
            *number += 1;
            candidate = format!("{id}-{number}");
        }
        self.ids.insert(candidate.clone(), 0);
        candidate
    }

    pub(super) fn into_contents(self) -> Vec<Heading> {
        self.contents
    }
}

/// The fragment that GitHub gives to a heading: lower case, spaces as hyphens, no punctuation.
pub(super) fn slug(text: &str) -> String {
    let kept = text.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ => c.is_alphanumeric().then_some(c),
    });
    let slug: String = kept.flat_map(char::to_lowercase).take(MAXIMUM_ID).collect();
    if slug.is_empty() { "section".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn levels_begin_at_two_and_skip_none() {
        let mut outline = Outline::default();
        let levels: Vec<u8> = [1, 2, 2, 4, 3, 1, 6, 3].into_iter().map(|level| outline.enter(level)).collect();
        assert_eq!(levels, [2, 3, 3, 4, 4, 2, 3, 3]);
        let mut outline = Outline::default();
        assert_eq!([3, 5, 3].map(|level| outline.enter(level)), [2, 3, 2]);
    }

    #[test]
    fn ids_are_the_fragments_of_github_behind_a_prefix() {
        let mut outline = Outline::default();
        let ids = ["How to use it?", "Usage", "Usage", "Usage-1", "日本語", "***"].map(|text| outline.add(2, text));
        assert_eq!(ids, ["h-how-to-use-it", "h-usage", "h-usage-1", "h-usage-1-1", "h-日本語", "h-section"]);
        assert_eq!(outline.into_contents().len(), 6);
    }

    proptest! {
        #[test]
        fn every_id_is_unique(texts in proptest::collection::vec("[aA1 -]{0,4}", 0..40)) {
            let mut outline = Outline::default();
            let ids: HashSet<String> = texts.iter().map(|text| outline.add(2, text)).collect();
            prop_assert_eq!(ids.len(), texts.len());
        }
    }
}
