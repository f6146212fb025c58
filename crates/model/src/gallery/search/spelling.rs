//! Typing errors: which known word a person may have meant.

use std::collections::HashSet;

/// Words shorter than this are taken as they are typed.
const SHORTEST: usize = 4;
/// From this length on, two edits are forgiven.
const LONG: usize = 8;

/// The number of edits that are forgiven in a word.
pub fn forgiven(word: &str) -> usize {
    match word.chars().count() {
        ..SHORTEST => 0,
        SHORTEST..LONG => 1,
        LONG.. => 2,
    }
}

/// The parts of three letters of a word, of which its ends are padded. Words that differ in few letters share most of them.
pub fn trigrams(word: &str) -> HashSet<String> {
    let letters: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
    letters.windows(3).map(|part| part.iter().collect()).collect()
}

/// Of known words and the numbers of repositories that have them, the one that `typed` most likely stands for: the one with the fewest
/// edits, then the most frequent.
pub fn closest<'a>(typed: &str, known: impl Iterator<Item = (&'a str, u64)>) -> Option<&'a str> {
    let most = forgiven(typed);
    let near = known.filter_map(|(word, documents)| {
        let edits = edits(typed, word);
        (edits <= most && edits > 0).then_some((edits, std::cmp::Reverse(documents), word))
    });
    near.min().map(|(_, _, word)| word)
}

/// The number of edits between two words: letters inserted, deleted or replaced, and neighbours swapped (the optimal string alignment
/// distance).
fn edits(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, wanted) in other.iter().enumerate() {
            let mut best = (last[column] + usize::from(letter != wanted)).min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && *letter == other[column - 1] && one[row - 1] == *wanted {
                best = best.min(before[column - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_swap_and_a_replaced_a_missing_and_a_surplus_letter_are_one_edit_each() {
        for (one, other, expected) in
            [("ngnix", "nginx", 1), ("redus", "redis", 1), ("reds", "redis", 1), ("rediss", "redis", 1), ("", "ab", 2), ("abc", "cab", 2)]
        {
            assert_eq!(edits(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn the_nearest_word_is_meant_and_of_equally_near_ones_the_most_frequent() {
        let known = [("nginx", 90), ("nginy", 3), ("redis", 50), ("kubernetes", 40), ("post", 7)];
        let closest = |typed| closest(typed, known.into_iter());
        assert_eq!(closest("ngnix"), Some("nginx"));
        assert_eq!(closest("nginz"), Some("nginx"));
        assert_eq!(closest("kubernets"), Some("kubernetes"));
        assert_eq!(closest("kubrenets"), Some("kubernetes"), "two edits of a long word");
        assert_eq!(closest("rdeiss"), None, "two edits of a short one");
        assert_eq!(closest("pos"), None, "three letters are taken as typed");
    }

    proptest! {
        #[test]
        fn edits_are_counted_alike_in_both_directions(one in "[a-d]{0,8}", other in "[a-d]{0,8}") {
            let count = edits(&one, &other);
            prop_assert_eq!(count, edits(&other, &one));
            prop_assert_eq!(count == 0, one == other);
            prop_assert!(count <= one.len().max(other.len()) && count >= one.len().abs_diff(other.len()));
        }

        #[test]
        fn a_swap_within_a_word_leaves_a_trigram_to_find_it_by(word in "[a-z]{5,12}", place in 0_usize..11) {
            let mut letters: Vec<char> = word.chars().collect();
            let place = place % (letters.len() - 1);
            letters.swap(place, place + 1);
            let swapped: String = letters.into_iter().collect();
            prop_assert!(!trigrams(&word).is_disjoint(&trigrams(&swapped)));
        }
    }
}
