//! The output of commands: a table for people, JSON for programs. Nothing else is written to stdout.

use super::failure::Failure;
use clap::ValueEnum;
use roadstead_registry::Error;
use serde::Serialize;
use std::io::Write;

/// The output format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Columns with headings
    #[default]
    Table,
    /// JSON; a list where there can be several records
    Json,
}

/// A row of a table, or a JSON object.
pub(super) trait Record: Serialize {
    /// The headings of the columns.
    const HEADINGS: &'static [&'static str];
    /// The cells, in the order of the headings.
    fn cells(&self) -> Vec<String>;
}

impl Output {
    /// Prints one record.
    pub(super) fn one<R: Record>(self, record: &R) -> Result<(), Failure> {
        self.print(record, || table(std::slice::from_ref(record)))
    }

    /// Prints a list of records.
    pub(super) fn many<R: Record>(self, records: impl Iterator<Item = R>) -> Result<(), Failure> {
        let records: Vec<R> = records.collect();
        self.print(&records, || table(&records))
    }

    /// Prints a value as JSON, or the text of `for_people`.
    pub(super) fn print(self, value: &impl Serialize, for_people: impl FnOnce() -> String) -> Result<(), Failure> {
        match self {
            Self::Table => write(&for_people()),
            Self::Json => write(&(serde_json::to_string_pretty(value).map_err(|error| Error::Internal(error.to_string()))? + "\n")),
        }
    }
}

/// Writes to stdout. Failures are reported, because the text may contain a secret that is shown only once.
pub(super) fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::Failed(format!("the command succeeded, but its output cannot be written: {error}")))
}

/// Records in aligned columns, two spaces apart.
pub(super) fn table<R: Record>(records: &[R]) -> String {
    let headings = R::HEADINGS.iter().map(|heading| (*heading).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(headings).chain(records.iter().map(Record::cells)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..R::HEADINGS.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: String = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
        cells.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A boolean as a cell.
pub(super) fn yes_or_no(on: bool) -> String {
    (if on { "yes" } else { "no" }).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Ship {
        name: &'static str,
        home: &'static str,
    }

    impl Record for Ship {
        const HEADINGS: &'static [&'static str] = &["SHIP", "HOME"];

        fn cells(&self) -> Vec<String> {
            vec![self.name.to_owned(), self.home.to_owned()]
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks() {
        let ships = [Ship { name: "Ångström", home: "Uppsala" }, Ship { name: "Ark", home: "" }];
        assert_eq!(table(&ships), "SHIP      HOME\nÅngström  Uppsala\nArk\n");
    }

    #[test]
    fn an_empty_table_has_its_headings() {
        assert_eq!(table::<Ship>(&[]), "SHIP  HOME\n");
    }
}
