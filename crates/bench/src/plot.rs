//! Bar charts as SVG, with one panel per shape and one bar per target.

use crate::load::Measured;
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const LABEL: f64 = 200.0;
const BAR: f64 = 16.0;
const GAP: f64 = 4.0;
const TITLE: f64 = 30.0;
const COLOURS: [&str; 8] = ["#1f77b4", "#7f7f7f", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#bcbd22"];

/// The metric that the bars show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// CPU time per operation, or per gigabyte for bulk data.
    Cpu,
    /// Operations or megabytes per second.
    Throughput,
}

impl Metric {
    fn of(self, row: &Measured) -> Option<(f64, &'static str)> {
        match self {
            Self::Cpu => row.cpu_per_gigabyte.map(|value| (value, "s/GB")).or(row.cpu_per_operation.map(|value| (value, "µs"))),
            Self::Throughput if row.cpu_per_gigabyte.is_some() => Some((row.megabytes_per_second, "MB/s")),
            Self::Throughput => Some((row.operations_per_second, "/s")),
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Cpu => "Server CPU per operation or gigabyte (less is better)",
            Self::Throughput => "Operations or megabytes per second (more is better)",
        }
    }
}

/// Draws the panels. Bars are relative to the longest one of their panel.
pub(crate) fn bars(rows: &[Measured], metric: Metric) -> String {
    let mut loads: Vec<_> = rows.iter().map(Measured::load).collect();
    loads.dedup();
    let mut targets: Vec<&str> = Vec::new();
    for row in rows {
        if !targets.contains(&row.target.as_str()) {
            targets.push(&row.target);
        }
    }
    let (mut body, mut y) = (String::new(), TITLE);
    let _ = writeln!(body, r#"<text x="0" y="16" font-weight="bold">{}</text>"#, metric.title());
    for load in loads {
        let panel: Vec<(&Measured, f64, &str)> =
            rows.iter().filter(|row| row.load() == load).filter_map(|row| metric.of(row).map(|(value, unit)| (row, value, unit))).collect();
        let largest = panel.iter().map(|(_, value, _)| *value).fold(f64::MIN_POSITIVE, f64::max);
        let _ = writeln!(body, r#"<text x="0" y="{}" font-weight="bold">{}</text>"#, y + BAR, load.0);
        y += BAR + GAP;
        for (row, value, unit) in panel {
            let colour = targets.iter().position(|target| *target == row.target).map_or("#000", |at| COLOURS[at % COLOURS.len()]);
            let length = (value / largest * (WIDTH - LABEL - 120.0)).max(1.0);
            let _ = writeln!(
                body,
                r#"<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{LABEL}" y="{y}" width="{length:.0}" height="{BAR}" fill="{colour}"/><text x="{:.0}" y="{}">{} {unit}</text>"#,
                LABEL - 6.0,
                y + BAR - GAP,
                row.target,
                LABEL + length + 6.0,
                y + BAR - GAP,
                if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") },
            );
            y += BAR + GAP;
        }
        y += 2.0 * GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}
