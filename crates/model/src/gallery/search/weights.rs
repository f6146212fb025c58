//! The ranking as data: what a word weighs by where it stands, and what a repository is worth by itself.

use super::words::{frequent_words, indexed_words, joined, words_of_name};
use std::collections::BTreeMap;

/// The last segment of the name, whole.
const WHOLE_NAME: i64 = 60;
/// A word of the last segment of the name.
const NAME: i64 = 40;
/// A word of the other segments, of the alias, or of the display name.
const PATH: i64 = 25;
/// A word of the kind, such as `helm`, or of the owner's keywords.
const KIND: i64 = 20;
const DESCRIPTION: i64 = 12;
/// A word of the long texts.
const TEXT: i64 = 4;

/// Words of this weight or more name things: their spelling is suggested.
pub const NAMING: i64 = KIND;

const VERIFIED: i64 = 10;
const DEPRECATED: i64 = -20;
const EMPTY: i64 = -30;
/// For each doubling of the pulls of 30 days.
const PULLS_DOUBLED: i64 = 2;

/// How many tenths of its weight a word counts if the query has it whole, and if the query has only its beginning.
pub const EXACT: i64 = 10;
pub const PREFIX: i64 = 6;

/// The number of words of the long texts that are indexed.
const TEXT_WORDS: usize = 200;
/// The number of words of the keywords that are indexed.
const KEYWORDS: usize = 50;

/// What a repository is found by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Document<'a> {
    pub alias: &'a str,
    pub name: &'a str,
    /// The display name of a verified publisher.
    pub display_name: Option<&'a str>,
    /// The name of the kind, such as `Helm chart`.
    pub kind: Option<&'a str>,
    pub keywords: Option<&'a str>,
    pub description: Option<&'a str>,
    pub about: Option<&'a str>,
    pub usage: Option<&'a str>,
}

impl Document<'_> {
    /// The words that the repository is found by, each with its best weight.
    pub fn weights(&self) -> BTreeMap<String, i64> {
        let (path, name) = self.name.rsplit_once('/').unwrap_or(("", self.name));
        let mut weights = BTreeMap::new();
        // From the lightest to the heaviest, so that the best weight of a word remains.
        let texts = [self.about, self.usage].map(Option::unwrap_or_default);
        put(&mut weights, TEXT, frequent_words(&texts, TEXT_WORDS));
        put(&mut weights, DESCRIPTION, indexed_words(self.description.unwrap_or_default()));
        put(&mut weights, KIND, words_of_name(self.keywords.unwrap_or_default()).take(KEYWORDS));
        put(&mut weights, KIND, indexed_words(self.kind.unwrap_or_default()));
        for segment in path.split('/').chain([self.alias, self.display_name.unwrap_or_default()]) {
            put(&mut weights, PATH, words_of_name(segment));
        }
        put(&mut weights, NAME, words_of_name(name));
        put(&mut weights, WHOLE_NAME, [joined(name)]);
        weights
    }
}

fn put(weights: &mut BTreeMap<String, i64>, weight: i64, words: impl IntoIterator<Item = String>) {
    weights.extend(words.into_iter().filter(|word| !word.is_empty()).map(|word| (word, weight)));
}

/// What a repository is worth whatever is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The step of the pulls of 30 days, by [`recent_pulls_step`].
    pub recent_pulls_step: i64,
    pub verified: bool,
    pub deprecated: bool,
    /// Whether it has no image yet.
    pub empty: bool,
}

impl Standing {
    /// What is added to the weight of every word.
    pub fn boost(self) -> i64 {
        let worth = |holds: bool, worth: i64| if holds { worth } else { 0 };
        PULLS_DOUBLED * self.recent_pulls_step
            + worth(self.verified, VERIFIED)
            + worth(self.deprecated, DEPRECATED)
            + worth(self.empty, EMPTY)
    }
}

/// The rank of a repository by the weights of the words of a query, in tenths: their mean, and the boost.
pub fn rank(weights_in_tenths: i64, words: i64, boost: i64) -> i64 {
    weights_in_tenths / words.max(1) + EXACT * boost
}

/// How often pulls have doubled: a step of the boost. `previous` is the step so far.
pub fn recent_pulls_step(pulls: u64, previous: Option<i64>) -> i64 {
    step(pulls, 1.0, previous)
}

/// The place in lists without words, eight steps for each doubling of the pulls. `previous` is the step so far.
pub fn pulls_step(pulls: u64, previous: Option<i64>) -> i64 {
    step(pulls, 8.0, previous)
}

/// A step is kept until the number is half a step below it, so that a number that swings about a border does not rewrite the index.
fn step(pulls: u64, steps_per_doubling: f64, previous: Option<i64>) -> i64 {
    let exact = (1.0 + pulls as f64).log2() * steps_per_doubling;
    match previous {
        Some(previous) if exact >= previous as f64 - 0.5 && exact < previous as f64 + 1.0 => previous,
        _ => exact as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_best_place_of_a_word_counts() {
        let document = Document {
            alias: "bitnami",
            name: "charts/nginx-ingress",
            display_name: Some("Bitnami by VMware"),
            kind: Some("Helm chart"),
            keywords: Some("proxy load-balancer"),
            description: Some("nginx as an ingress in Kubernetes"),
            about: Some("charts charts nginx tls"),
            usage: None,
        };
        let weights = document.weights();
        let expected = [
            ("nginxingress", 60),
            ("nginx", 40),
            ("ingress", 40),
            ("bitnami", 25),
            ("charts", 25),
            ("vmware", 25),
            ("helm", 20),
            ("loadbalancer", 20),
            ("kubernetes", 12),
            ("tls", 4),
        ];
        for (word, weight) in expected {
            assert_eq!(weights.get(word), Some(&weight), "{word}");
        }
    }

    #[test]
    fn a_name_of_one_word_weighs_most() {
        let document = Document { alias: "docker", name: "library/nginx", ..Document::default() };
        let weights: Vec<_> = document.weights().into_iter().collect();
        assert_eq!(weights, [("docker".to_owned(), 25), ("library".to_owned(), 25), ("nginx".to_owned(), 60)]);
    }

    #[test]
    fn popular_verified_current_and_filled_repositories_are_worth_more() {
        let standing = Standing { recent_pulls_step: 22, verified: true, deprecated: false, empty: false };
        assert_eq!(standing.boost(), 54);
        assert_eq!(Standing { deprecated: true, empty: true, ..standing }.boost(), 4);
        assert_eq!((rank(600, 1, 54), rank(360 + 600, 2, 0)), (1140, 480));
    }

    #[test]
    fn a_step_changes_upwards_at_once_and_downwards_with_half_a_step_of_slack() {
        let table =
            [(0, None, 0), (1, None, 1), (7, None, 3), (1023, Some(9), 10), (1000, Some(10), 10), (800, Some(10), 10), (700, Some(10), 9)];
        for (pulls, previous, expected) in table {
            assert_eq!(recent_pulls_step(pulls, previous), expected, "{pulls} after {previous:?}");
        }
        assert_eq!((pulls_step(0, None), pulls_step(1, None), pulls_step(5_000_000, None)), (0, 8, 178));
    }

    proptest! {
        #[test]
        fn a_step_is_never_more_than_one_and_a_half_off(pulls in any::<u64>(), previous in 0_i64..64) {
            let (fresh, kept) = (recent_pulls_step(pulls, None), recent_pulls_step(pulls, Some(previous)));
            prop_assert!(kept == fresh || kept == fresh + 1);
            prop_assert_eq!(recent_pulls_step(pulls, Some(kept)), kept);
        }
    }
}
