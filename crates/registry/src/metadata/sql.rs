//! Statements, written in SQL that both SQLite and PostgreSQL run, with numbered parameters (`?1`).

use super::parameters::Value;

/// An SQL statement. [`statements`] lists them by name, so that a test can prepare every one on PostgreSQL.
pub(crate) struct Sql(pub(crate) &'static str);

/// A statement and its parameters.
pub(crate) type Bound<'a> = (&'a Sql, &'a [Value<'a>]);

/// Declares the statements of a file and, for tests, their list `STATEMENTS`.
macro_rules! statements {
    ($($visible:vis $name:ident = $text:expr;)*) => {
        $($visible static $name: $crate::metadata::Sql = $crate::metadata::Sql($text);)*
        #[cfg(test)]
        pub(crate) static STATEMENTS: &[(&str, &$crate::metadata::Sql)] = &[$((stringify!($name), &$name)),*];
    };
}
pub(crate) use statements;

/// Translates a migration for PostgreSQL.
pub(crate) fn for_postgres(script: &str) -> String {
    let words =
        [("INTEGER", "BIGINT"), ("BLOB", "BYTEA"), ("CTEXT", "TEXT COLLATE \"C\""), ("json_quote(", "to_json("), (" WITHOUT ROWID", "")];
    words.iter().fold(script.to_owned(), |text, (ours, theirs)| text.replace(ours, theirs))
}
