//! Output for people: progress on stderr, and the results as a table.

use crate::counter::Count;
use crate::load::Measured;
use std::fmt::{Display, Write};

/// Writes a line of progress, or an error, to stderr.
pub(crate) fn tell(line: impl Display) {
    #[expect(clippy::print_stderr, reason = "progress and errors of a command")]
    {
        eprintln!("roadstead-bench: {line}");
    }
}

/// A Markdown table with one row per load and target. `ratio` is relative to the first row of the load.
pub(crate) fn table(rows: &[Measured]) -> String {
    let counted = rows.first().map_or(&[][..], |row| &row.counts);
    let (names, lines): (String, String) = counted.iter().map(|count| (format!(" {} |", count.name), "---|")).unzip();
    let mut text = format!(
        "| shape | connections | target | ops/s | MB/s | p50 ms | p99 ms | max ms | CPU µs/op | CPU s/GB | ratio | RssAnon MB | errors |{names}\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|{lines}\n",
    );
    for row in rows {
        let first = rows.iter().find(|first| first.load() == row.load()).unwrap_or(row);
        let figure = |value: Option<f64>| value.map_or_else(String::new, short);
        let bulk = row.cpu_per_gigabyte.is_some();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |{}",
            row.shape,
            row.connections,
            row.target,
            short(row.operations_per_second),
            if bulk { short(row.megabytes_per_second) } else { String::new() },
            short(row.p50),
            short(row.p99),
            short(row.max),
            figure(row.cpu_per_operation),
            figure(row.cpu_per_gigabyte),
            figure(ratio(row, first)),
            figure(row.memory.map(|memory| memory.anonymous as f64 / 1e6)),
            row.errors,
            row.counts.iter().map(|count| format!(" {} |", short(count.per_operation))).collect::<String>(),
        );
        if let Some(error) = &row.error {
            let _ = writeln!(text, "<!-- {}: {error} -->", row.target);
        }
    }
    text
}

/// The cost relative to the first target's: CPU time, or elapsed time where CPU time is unknown.
fn ratio(row: &Measured, first: &Measured) -> Option<f64> {
    let cost = |row: &Measured| row.cpu_per_operation.unwrap_or(1e6 / row.operations_per_second);
    Some(cost(row) / cost(first)).filter(|ratio| ratio.is_finite())
}

/// Three significant digits; the measurements are not more precise.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The medians of the runs of each target and load, in order of first appearance.
pub(crate) fn medians(runs: &[Measured]) -> Vec<Measured> {
    let mut rows: Vec<Measured> = Vec::new();
    for run in runs {
        let is_of_same = |other: &Measured| (other.load(), &other.target) == (run.load(), &run.target);
        if rows.iter().any(is_of_same) {
            continue;
        }
        let same: Vec<&Measured> = runs.iter().filter(|other| is_of_same(other)).collect();
        let of = |value: fn(&Measured) -> f64| median(same.iter().map(|run| value(run)).collect());
        let of_some = |value: fn(&Measured) -> Option<f64>| {
            let values: Vec<f64> = same.iter().filter_map(|run| value(run)).collect();
            (!values.is_empty()).then(|| median(values))
        };
        rows.push(Measured {
            operations: same.iter().map(|run| run.operations).sum(),
            errors: same.iter().map(|run| run.errors).sum(),
            error: same.iter().find_map(|run| run.error.clone()),
            operations_per_second: of(|run| run.operations_per_second),
            megabytes_per_second: of(|run| run.megabytes_per_second),
            p50: of(|run| run.p50),
            p99: of(|run| run.p99),
            max: same.iter().map(|run| run.max).fold(0.0, f64::max),
            cpu_per_operation: of_some(|run| run.cpu_per_operation),
            cpu_per_gigabyte: of_some(|run| run.cpu_per_gigabyte),
            memory: same.iter().filter_map(|run| run.memory).max_by_key(|memory| memory.anonymous),
            counts: median_counts(&same),
            ..run.clone()
        });
    }
    rows
}

fn median_counts(runs: &[&Measured]) -> Vec<Count> {
    let names = runs.first().map_or(&[][..], |run| &run.counts);
    let of = |at: usize| median(runs.iter().filter_map(|run| run.counts.get(at)).map(|count| count.per_operation).collect());
    names.iter().enumerate().map(|(at, count)| Count { name: count.name.clone(), per_operation: of(at) }).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(target: &str, cpu: f64, max: f64) -> Measured {
        Measured {
            target: target.to_owned(),
            shape: "blob-head".to_owned(),
            connections: 8,
            operations: 10,
            errors: 0,
            error: None,
            operations_per_second: 1000.0,
            megabytes_per_second: 0.0,
            p50: 1.0,
            p99: 2.0,
            max,
            cpu_per_operation: Some(cpu),
            cpu_per_gigabyte: None,
            memory: None,
            counts: vec![Count { name: "statements".to_owned(), per_operation: cpu / 100.0 }],
        }
    }

    #[test]
    fn the_median_of_runs_is_shown_with_the_worst_case_and_the_ratio_to_the_first() {
        let runs =
            [run("a", 30.0, 5.0), run("b", 90.0, 5.0), run("a", 10.0, 9.0), run("b", 60.0, 5.0), run("a", 20.0, 5.0), run("b", 60.0, 5.0)];
        let rows = medians(&runs);
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].cpu_per_operation, rows[0].max, rows[0].operations), (Some(20.0), 9.0, 30));
        let text = table(&rows);
        assert!(text.contains("| blob-head | 8 | b | 1000 |  | 1.00 | 2.00 | 5.00 | 60.0 |  | 3.00 |  | 0 | 0.60 |"), "{text}");
        let with_more = [&runs[..], &[Measured { connections: 64, ..run("a", 30.0, 5.0) }]].concat();
        assert_eq!(medians(&with_more).len(), 3, "runs with other connections are another load");
        assert!(text.starts_with("| shape | connections | target |") && text.contains("| errors | statements |\n"), "{text}");
    }
}
