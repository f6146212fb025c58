//! The words of texts and names, in lower case.

use std::collections::HashMap;

/// The most letters and digits of a word. What follows is dropped, in the index as in a query.
const LONGEST: usize = 64;

/// The words of a text: its runs of letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let runs = text.split(|character: char| !character.is_alphanumeric());
    runs.filter(|run| !run.is_empty()).map(|run| cut(&run.to_lowercase()))
}

/// The words that a text is found by: [`words`], and the letters of those that also have digits, so that `python` finds `python3`.
pub fn indexed_words(text: &str) -> impl Iterator<Item = String> {
    words(text).flat_map(|word| {
        let parts = if word.contains(char::is_numeric) { parts_of_letters(&word) } else { Vec::new() };
        std::iter::once(word).chain(parts)
    })
}

/// The words that a name is found by: [`indexed_words`], and neighbours joined, so that `kubeproxy` finds `kube-proxy`.
pub fn words_of_name(name: &str) -> impl Iterator<Item = String> {
    let runs: Vec<String> = words(name).collect();
    let pairs: Vec<String> = runs.windows(2).map(|pair| cut(&pair.concat())).collect();
    indexed_words(name).collect::<Vec<_>>().into_iter().chain(pairs)
}

/// All words of a text joined into one. Empty if there are none.
pub fn joined(text: &str) -> String {
    cut(&words(text).collect::<String>())
}

/// The `most` words that occur most often in these texts; of equally frequent ones, those that occur first.
pub fn frequent_words(texts: &[&str], most: usize) -> Vec<String> {
    let mut counts: HashMap<String, (usize, usize)> = HashMap::new();
    for (place, word) in texts.iter().flat_map(|text| indexed_words(text)).enumerate() {
        counts.entry(word).or_insert((0, place)).0 += 1;
    }
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_unstable_by_key(|(_, (count, place))| (std::cmp::Reverse(*count), *place));
    ranked.into_iter().take(most).map(|(word, _)| word).collect()
}

fn parts_of_letters(word: &str) -> Vec<String> {
    let parts = word.split(char::is_numeric);
    // Single letters between digits, as in hashes, say nothing.
    parts.filter(|part| part.chars().nth(1).is_some()).map(str::to_owned).collect()
}

fn cut(word: &str) -> String {
    word.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
        let mut words: Vec<_> = words.collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn a_text_is_split_at_what_is_neither_letter_nor_digit() {
        assert_eq!(words("Kube-Proxy: a proxy, v1.27!").collect::<Vec<_>>(), ["kube", "proxy", "a", "proxy", "v1", "27"]);
        assert_eq!(words("ÉCOLE straße 日本語 🦀").collect::<Vec<_>>(), ["école", "straße", "日本語"]);
        assert_eq!(words(" '\";--% \u{202e}").count(), 0);
    }

    #[test]
    fn a_word_with_digits_is_also_found_by_its_letters() {
        assert_eq!(sorted(indexed_words("python3")), ["python", "python3"]);
        assert_eq!(sorted(indexed_words("x86 k5n6o2s4 amd64v2")), ["amd", "amd64v2", "k5n6o2s4", "x86"]);
    }

    #[test]
    fn a_name_is_also_found_by_neighbours_joined() {
        assert_eq!(sorted(words_of_name("kube-proxy")), ["kube", "kubeproxy", "proxy"]);
        assert_eq!(sorted(words_of_name("aws-otel-collector")), ["aws", "awsotel", "collector", "otel", "otelcollector"]);
        assert_eq!(joined("aws-otel-collector"), "awsotelcollector");
    }

    #[test]
    fn of_a_long_text_the_most_frequent_words_are_kept_then_the_first() {
        assert_eq!(frequent_words(&["b a c a", "c a d"], 3), ["a", "c", "b"]);
        assert_eq!(frequent_words(&[], 3), [""; 0]);
    }

    proptest! {
        #[test]
        fn words_are_short_lower_case_and_split_no_further(text in "\\PC{0,300}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty() && word.chars().count() <= LONGEST);
                prop_assert_eq!(words(&word).next(), Some(word.clone()));
            }
        }

        #[test]
        fn whatever_names_a_repository_finds_it(name in "[a-z0-9]{1,8}([-._][a-z0-9]{1,8}){0,4}") {
            let found: Vec<_> = words_of_name(&name).collect();
            prop_assert!(words(&name).all(|word| found.contains(&word)));
        }
    }
}
