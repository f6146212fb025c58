//! Bounds on what a page repeats of a publisher's texts, however many there are and however long.

use super::visible_text::visible;
use crate::measure::beginning;

/// The longest text in bytes. A command of a long Dockerfile fits.
pub const LONGEST_TEXT: usize = 2048;

/// The beginning of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt<T> {
    pub items: Vec<T>,
    /// How many more there are.
    pub left_out: usize,
}

/// How many bytes of text a page may still repeat.
#[derive(Debug)]
pub struct Allowance(usize);

impl Allowance {
    pub fn new(bytes: usize) -> Self {
        Self(bytes)
    }

    /// Takes a text, or its beginning with an ellipsis, with the characters that mislead made visible.
    pub fn text(&mut self, text: &str) -> String {
        let taken = beginning(text, LONGEST_TEXT.min(self.0));
        let mut shown = visible(taken).into_owned();
        self.0 = self.0.saturating_sub(shown.len());
        if taken.len() < text.len() {
            shown.push('…');
        }
        shown
    }

    /// Takes at most `maximum` items of a list, and as many as the allowance lasts for.
    pub fn list<T, U>(
        &mut self,
        maximum: usize,
        items: impl ExactSizeIterator<Item = T>,
        mut take: impl FnMut(&mut Self, T) -> U,
    ) -> Excerpt<U> {
        let total = items.len();
        let mut taken = Vec::new();
        for item in items.take(maximum) {
            if self.0 == 0 {
                break;
            }
            taken.push(take(self, item));
        }
        Excerpt { left_out: total - taken.len(), items: taken }
    }
}

impl<T> Excerpt<T> {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.left_out == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_text_is_cut_and_a_short_one_is_not() {
        let mut allowance = Allowance::new(1 << 20);
        assert_eq!(allowance.text("short"), "short");
        assert_eq!(allowance.text("gnp\u{202e}"), "gnp⟨U+202E⟩");
        assert_eq!(allowance.text(&"x".repeat(LONGEST_TEXT + 1)), format!("{}…", "x".repeat(LONGEST_TEXT)));
    }

    #[test]
    fn a_list_says_how_much_of_it_is_missing() {
        let shown = Allowance::new(1 << 20).list(2, ["a", "b", "c"].iter(), |allowance, text| allowance.text(text));
        assert_eq!((shown.items, shown.left_out), (vec!["a".to_owned(), "b".to_owned()], 1));
        let shown = Allowance::new(1).list(9, ["a", "b", "c"].iter(), |allowance, text| allowance.text(text));
        assert_eq!((shown.items, shown.left_out), (vec!["a".to_owned()], 2));
    }

    proptest! {
        #[test]
        fn no_more_is_taken_than_allowed(texts: Vec<String>, bytes in 0..200_usize, maximum in 0..20_usize) {
            let shown = Allowance::new(bytes).list(maximum, texts.iter(), |allowance, text| allowance.text(text));
            prop_assert_eq!(shown.items.len() + shown.left_out, texts.len());
            prop_assert!(shown.items.len() <= maximum);
            // A character that misleads is shown as up to fourteen bytes.
            prop_assert!(shown.items.iter().map(|text| text.trim_end_matches('…').len()).sum::<usize>() <= 14 * bytes);
        }
    }
}
