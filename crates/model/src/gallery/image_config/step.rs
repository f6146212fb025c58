//! The history of an image, aligned with its layers.

use super::HistoryEntry;
use crate::timestamp::Timestamp;

/// A step of the build, or a layer that no step accounts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The instruction, as a Dockerfile would have it.
    pub instruction: Option<String>,
    pub comment: Option<String>,
    pub created: Option<Timestamp>,
    /// The number of the layer that the step produced, from 0; `None` if it produced none.
    pub layer: Option<usize>,
}

/// Aligns a history with the layers of the manifest, of which there are `layers`.
///
/// A history whose steps do not produce exactly these layers, as some tools write when they squash an image, says nothing about any
/// one layer: the layers come first, without instructions, and then the steps, without layers.
pub fn steps(history: &[HistoryEntry], layers: usize) -> Vec<Step> {
    if history.iter().filter(|entry| !entry.empty_layer).count() == layers {
        let mut next = 0..layers;
        return history.iter().map(|entry| step(entry, if entry.empty_layer { None } else { next.next() })).collect();
    }
    let unaccounted = |layer| Step { instruction: None, comment: None, created: None, layer: Some(layer) };
    (0..layers).map(unaccounted).chain(history.iter().map(|entry| step(entry, None))).collect()
}

fn step(entry: &HistoryEntry, layer: Option<usize>) -> Step {
    Step {
        instruction: entry.created_by.as_deref().map(instruction),
        // BuildKit marks each of its steps.
        comment: entry.comment.clone().filter(|comment| !comment.starts_with("buildkit.")),
        created: entry.created,
        layer,
    }
}

/// The instruction of a Dockerfile from which a builder made the command in the history.
///
/// Docker's classic builder writes `/bin/sh -c #(nop)  CMD ["sh"]` and `|1 VERSION=2 /bin/sh -c make`; BuildKit
/// `RUN |1 VERSION=2 /bin/sh -c make # buildkit`.
fn instruction(created_by: &str) -> String {
    const SHELL: &str = "/bin/sh -c ";
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    if let Some(instruction) = text.strip_prefix(SHELL).and_then(|text| text.trim_start().strip_prefix("#(nop)")) {
        return instruction.trim_start().to_owned();
    }
    let run = text.strip_prefix("RUN ").unwrap_or(text);
    let command = run.strip_prefix(SHELL).or_else(|| run.strip_prefix('|').and_then(|run| Some(run.split_once(SHELL)?.1)));
    match command {
        Some(command) => format!("RUN {}", command.trim_start()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_of_the_history_become_instructions() {
        for (created_by, expected) in [
            ("/bin/sh -c #(nop)  CMD [\"nginx\"]", "CMD [\"nginx\"]"),
            ("/bin/sh -c #(nop) ADD file:37a76ec18f98 in / ", "ADD file:37a76ec18f98 in /"),
            ("/bin/sh -c apt-get update", "RUN apt-get update"),
            ("RUN /bin/sh -c set -x     && make # buildkit", "RUN set -x     && make"),
            ("RUN |2 A=1 B=2 /bin/sh -c make # buildkit", "RUN make"),
            ("|1 A=1 /bin/sh -c make", "RUN make"),
            ("COPY /app /app # buildkit", "COPY /app /app"),
            ("RUN |1 A=1 /bin/bash -c make # buildkit", "RUN |1 A=1 /bin/bash -c make"),
            ("bazel build ...", "bazel build ..."),
            ("# buildkit", ""),
            ("", ""),
        ] {
            assert_eq!(instruction(created_by), expected, "{created_by}");
        }
    }

    fn entry(created_by: &str, empty_layer: bool) -> HistoryEntry {
        HistoryEntry { created_by: Some(created_by.to_owned()), empty_layer, ..HistoryEntry::default() }
    }

    #[test]
    fn steps_that_produce_no_layer_stand_between_those_that_do() {
        let history = [entry("ADD a /", false), entry("ENV A=1", true), entry("COPY b /", false)];
        let layers: Vec<_> = steps(&history, 2).into_iter().map(|step| (step.instruction.unwrap(), step.layer)).collect();
        assert_eq!(layers, [("ADD a /".to_owned(), Some(0)), ("ENV A=1".to_owned(), None), ("COPY b /".to_owned(), Some(1))]);
    }

    #[test]
    fn a_history_that_does_not_fit_is_told_apart_from_the_layers() {
        let steps = steps(&[entry("ADD a /", false)], 2);
        let seen: Vec<_> = steps.iter().map(|step| (step.instruction.as_deref(), step.layer)).collect();
        assert_eq!(seen, [(None, Some(0)), (None, Some(1)), (Some("ADD a /"), None)]);
    }

    #[test]
    fn the_mark_of_buildkit_is_no_comment() {
        let commented = |comment: &str| HistoryEntry { comment: Some(comment.to_owned()), ..HistoryEntry::default() };
        let comments: Vec<_> = steps(&[commented("buildkit.dockerfile.v0"), commented("by hand")], 2);
        assert_eq!(comments.iter().map(|step| step.comment.as_deref()).collect::<Vec<_>>(), [None, Some("by hand")]);
    }

    proptest! {
        #[test]
        fn every_layer_belongs_to_exactly_one_step(empty: Vec<bool>, layers in 0..40_usize, text: String) {
            let history: Vec<_> = empty.into_iter().map(|empty| entry(&text, empty)).collect();
            let numbers: Vec<_> = steps(&history, layers).into_iter().filter_map(|step| step.layer).collect();
            prop_assert_eq!(numbers, (0..layers).collect::<Vec<_>>());
            prop_assert!(instruction(&text).len() <= text.len() + "RUN ".len());
        }
    }
}
