//! The tables against the schema of SQLite. `portability.rs` compares them with that of PostgreSQL.

use super::*;
use crate::metadata::migrations::{METADATA, Migrations, STATISTICS};
use rusqlite::Connection;

/// The columns of a table as SQLite has them: the name, the type, and the place in the primary key.
fn schema(database: &Connection, table: &str) -> Vec<(String, String, u32)> {
    let mut query = database.prepare("SELECT name, type, pk FROM pragma_table_info(?1)").expect("a query");
    let columns = query.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("columns");
    columns.map(|column| column.expect("a column")).collect()
}

fn described(table: &Table) -> Vec<(String, String, u32)> {
    let column = |(number, column): (usize, &Column)| {
        let kind = match column {
            Integer(_) => "INTEGER",
            Boolean(_) => "BOOLEAN",
            Text(_) => "CTEXT",
            Bytes(_) => "BLOB",
        };
        (column.name().to_owned(), kind.to_owned(), if number < table.key { number as u32 + 1 } else { 0 })
    };
    let mut columns: Vec<_> = table.columns.iter().enumerate().map(column).collect();
    columns.sort();
    columns
}

fn compare(migrations: Migrations, tables: &[Table]) {
    let database = Connection::open_in_memory().expect("a database");
    migrations.iter().for_each(|script| database.execute_batch(script).expect("a migration"));
    let mut query = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").expect("a query");
    let names: Vec<String> = query.query_map([], |row| row.get(0)).expect("tables").map(|name| name.expect("a name")).collect();
    for name in names.iter().filter(|name| !OF_ONE_PLACE.contains(&name.as_str())) {
        let Some(table) = tables.iter().find(|table| table.name == name) else {
            panic!("'{name}' is new: list it in metadata/tables.rs, as copied or as a table of one place only");
        };
        let mut columns = schema(&database, name);
        // Both are 64-bit numbers.
        columns.iter_mut().filter(|(_, kind, _)| kind == "BIGINT").for_each(|(_, kind, _)| *kind = "INTEGER".to_owned());
        columns.sort();
        assert_eq!(described(table), columns, "{name}");
    }
    assert!(tables.iter().all(|table| names.iter().any(|name| name == table.name)), "a table does not exist");
}

#[test]
fn the_tables_of_the_metadata_are_those_of_its_schema() {
    compare(METADATA, &METADATA_TABLES);
}

#[test]
fn the_tables_of_the_statistics_are_those_of_their_schema() {
    compare(STATISTICS, &STATISTICS_TABLES);
}
