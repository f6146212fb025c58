//! Text of publishers, with the characters that would mislead a reader made visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Replaces control, bidirectional and invisible characters by their code points, such as `⟨U+202E⟩`, so that a text cannot
/// pretend to be another one (Unicode Technical Report 36, sections 2.5 and 2.6). Line feeds and tabs stay, as do joiners after a
/// character outside ASCII, where scripts and emoji need them.
pub fn visible(text: &str) -> Cow<'_, str> {
    // Printable ASCII, the usual case, needs no table.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut previous = '\0';
    for letter in text.chars() {
        let joins = matches!(letter, '\u{200c}' | '\u{200d}') && !previous.is_ascii() && !is_misleading(previous);
        if is_misleading(letter) && !joins {
            // Writing to a string cannot fail.
            let _ = write!(shown, "⟨U+{:04X}⟩", u32::from(letter));
        } else {
            shown.push(letter);
        }
        previous = letter;
    }
    Cow::Owned(shown)
}

fn is_misleading(letter: char) -> bool {
    letter.is_control() && letter != '\n' && letter != '\t'
        || matches!(
            letter,
            '\u{ad}'                        // soft hyphen
            | '\u{34f}'                     // combining grapheme joiner
            | '\u{61c}'                     // Arabic letter mark
            | '\u{115f}' | '\u{1160}'       // Hangul fillers
            | '\u{180e}'                    // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'       // zero width characters, marks of direction
            | '\u{2028}'..='\u{202e}'       // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}'       // invisible operators, isolates
            | '\u{3164}' | '\u{ffa0}'       // Hangul fillers
            | '\u{feff}'                    // byte order mark
            | '\u{fff9}'..='\u{fffb}'       // interlinear annotation
            | '\u{fffe}' | '\u{ffff}'       // no characters, and forbidden in XML
            | '\u{e0000}'..='\u{e007f}'     // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn characters_that_mislead_are_shown_by_their_code_point() {
        for (text, expected) in [
            ("nginx", "nginx"),
            ("two\nlines\tand a tab", "two\nlines\tand a tab"),
            ("café 日本語", "café 日本語"),
            ("gnp\u{202e}.exe", "gnp⟨U+202E⟩.exe"),
            ("ng\u{200b}inx", "ng⟨U+200B⟩inx"),
            ("a\u{200d}b", "a⟨U+200D⟩b"),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("é\u{200d}\u{200d}", "é\u{200d}⟨U+200D⟩"),
            ("\u{0}\u{1b}[31m\u{85}", "⟨U+0000⟩⟨U+001B⟩[31m⟨U+0085⟩"),
            ("\u{e0041}", "⟨U+E0041⟩"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_contains_no_control_and_shows_again_as_itself(text: String) {
            let shown = visible(&text).into_owned();
            prop_assert!(!shown.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\t'));
            prop_assert!(shown.len() <= text.len() * 14);
            prop_assert_eq!(visible(&shown), shown.as_str());
        }
    }
}
