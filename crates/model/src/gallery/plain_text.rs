//! Texts of publishers as one line.

use super::visible_text::visible;

/// Makes one line of a text: runs of white space become one space, and what exceeds `maximum` characters an ellipsis.
pub fn one_line(text: &str, maximum: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for (nth, word) in text.split_whitespace().enumerate() {
        let space = (nth > 0).then_some(' ');
        for character in space.into_iter().chain(word.chars()) {
            if length == maximum {
                line.push('…');
                return visible(&line).into_owned();
            }
            line.push(character);
            length += 1;
        }
    }
    visible(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_line_has_single_spaces_and_a_length() {
        for (text, maximum, expected) in
            [(" a \n\n b\tc ", 10, "a b c"), ("äöü ß", 4, "äöü …"), ("äöü ", 3, "äöü"), ("", 3, ""), ("a\u{202e}", 3, "a⟨U+202E⟩")]
        {
            assert_eq!(one_line(text, maximum), expected);
        }
    }

    proptest! {
        #[test]
        fn a_line_is_bounded(text in any::<String>(), maximum in 0_usize..50) {
            let line = one_line(&text, maximum);
            prop_assert!(!line.contains(char::is_control));
            prop_assert!(line.chars().count() <= 9 * maximum + 1);
        }
    }
}
