//! The tables of both schemas, as copying an installation reads and writes them.
//!
//! Their statements are composed of the names of columns. A test compares the columns with the schemas of both engines.

mod cells;
mod copying;

use super::Sql;
use Column::{Boolean, Bytes, Integer, Text};
use std::sync::LazyLock;

pub(crate) use cells::{Cell, Cells};

/// A column, by its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Integer(&'static str),
    Boolean(&'static str),
    Text(&'static str),
    Bytes(&'static str),
}

/// A table whose rows belong to an installation wherever it is.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The columns, beginning with those of the primary key.
    pub(crate) columns: Vec<Column>,
    /// The number of columns of the primary key.
    pub(crate) key: usize,
    statements: Statements,
}

struct Statements {
    count: Sql,
    last: Sql,
    page: Sql,
    insert: Sql,
    insert_group: Sql,
}

/// The rows that one statement inserts, if there are as many.
const GROUP: usize = 50;

/// The tables of the metadata, each after those that it refers to.
pub(crate) static METADATA_TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    vec![
        Table::new("installation", &[Text("id")], &[Integer("created_at"), Bytes("key_check")]),
        Table::new(
            "registry",
            &[Text("id")],
            &[Boolean("verified"), Integer("repository_count"), Integer("created_at"), Text("display_name")],
        ),
        Table::new(
            "registry_alias",
            &[Text("name")],
            &[Text("registry_id"), Text("status"), Boolean("is_primary"), Boolean("is_default"), Integer("created_at")],
        ),
        Table::new(
            "access_key",
            &[Text("id")],
            &[Text("registry_id"), Text("user_name"), Bytes("sealed_secret"), Boolean("active"), Integer("created_at")],
        ),
        Table::new("iam_user", &[Text("registry_id"), Text("name")], &[Integer("created_at"), Text("unique_id")]),
        Table::new("user_policy", &[Text("registry_id"), Text("user_name"), Text("name")], &[Text("document")]),
        Table::new(
            "repository",
            &[Integer("id")],
            &[
                Text("registry_id"),
                Text("name"),
                Integer("image_count"),
                Integer("created_at"),
                Integer("listed_tags"),
                Integer("hidden_tags"),
            ],
        ),
        Table::new("resource_tag", &[Integer("repository_id"), Text("tag_key")], &[Text("tag_value")]),
        Table::new("repository_policy", &[Integer("repository_id")], &[Text("document")]),
        Table::new(
            "repository_catalog_data",
            &[Integer("repository_id")],
            &[
                Text("description"),
                Text("about_text"),
                Text("usage_text"),
                Text("architectures"),
                Text("operating_systems"),
                Boolean("marketplace_certified"),
                Text("logo_name"),
                Bytes("logo"),
            ],
        ),
        Table::new("repository_text", &[Integer("repository_id"), Text("kind")], &[Integer("renderer"), Text("html"), Text("contents")]),
        Table::new("blob", &[Integer("id")], &[Text("digest"), Integer("size"), Text("storage_key"), Integer("created_at")]),
        Table::new("blob_content", &[Integer("blob_id")], &[Bytes("bytes")]),
        Table::new("repository_blob", &[Integer("repository_id"), Integer("blob_id")], &[Integer("created_at")]),
        Table::new(
            "manifest",
            &[Integer("id")],
            &[
                Integer("repository_id"),
                Text("digest"),
                Text("media_type"),
                Text("artifact_media_type"),
                Integer("image_size"),
                Integer("manifest_size"),
                Integer("pushed_at"),
            ],
        ),
        Table::new("manifest_content", &[Integer("manifest_id")], &[Bytes("bytes")]),
        Table::new("manifest_blob", &[Integer("manifest_id"), Integer("blob_id")], &[Integer("repository_id")]),
        Table::new("manifest_child", &[Integer("parent_id"), Integer("child_id")], &[]),
        Table::new("referrer", &[Integer("repository_id"), Text("subject"), Text("digest")], &[Integer("manifest_id"), Text("descriptor")]),
        Table::new(
            "tag",
            &[Integer("repository_id"), Text("name")],
            &[Integer("manifest_id"), Integer("created_at"), Integer("visibility"), Text("version_key"), Boolean("is_stable")],
        ),
        Table::new(
            "manifest_summary",
            &[Integer("manifest_id")],
            &[Text("kind"), Text("platforms"), Integer("created"), Text("annotations"), Text("attaches")],
        ),
        Table::new("manifest_to_summarise", &[Integer("manifest_id")], &[]),
        Table::new("attachment", &[Integer("repository_id"), Text("subject"), Integer("kind"), Integer("manifest_id")], &[]),
        Table::new("tags_to_mark", &[Integer("repository_id")], &[Text("after_name")]),
        Table::new("readme", &[Integer("manifest_id")], &[Text("digest"), Integer("renderer"), Text("html"), Text("contents")]),
        Table::new("readme_picture", &[Integer("manifest_id"), Text("title")], &[Text("media_type"), Text("digest")]),
        Table::new("gallery_stale", &[Integer("repository_id")], &[Integer("changes")]),
        Table::new("gallery_entry", &[Integer("repository_id")], GALLERY_ENTRY),
        Table::new("search_term", &[Text("term")], &[Integer("documents"), Integer("names")]),
        Table::new("search_posting", &[Text("term"), Integer("score"), Integer("repository_id")], &[Integer("weight")]),
        Table::new("search_trigram", &[Text("trigram"), Integer("length"), Text("term")], &[]),
        Table::new("search_version", &[Integer("version")], &[]),
        Table::new("ended_upload", &[Text("id")], &[Integer("until")]),
        Table::new("acme_account", &[Text("directory")], &[Bytes("sealed"), Integer("created_at")]),
        Table::new(
            "acme_certificate",
            &[Text("directory"), Text("domain")],
            &[Bytes("sealed"), Integer("issued"), Integer("attempts"), Integer("retry_at")],
        ),
    ]
});

const GALLERY_ENTRY: &[Column] = &[
    Text("registry_id"),
    Text("alias"),
    Text("name"),
    Boolean("listed"),
    Boolean("verified"),
    Text("display_name"),
    Text("kind"),
    Text("description"),
    Text("operating_systems"),
    Text("architectures"),
    Boolean("signed"),
    Text("deprecated"),
    Text("logo_name"),
    Integer("pulls"),
    Integer("recent_pulls"),
    Integer("pulls_step"),
    Integer("recent_pulls_step"),
    Integer("updated_at"),
    Integer("created_at"),
];

/// The tables of the statistics.
pub(crate) static STATISTICS_TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    vec![
        Table::new("pull_day", &[Integer("repository_id"), Integer("day"), Boolean("robot")], &[Integer("pulls")]),
        Table::new("image_pull_day", &[Integer("repository_id"), Integer("day"), Integer("manifest_id")], &[Integer("pulls")]),
        Table::new("tag_pull_day", &[Integer("repository_id"), Integer("day"), Text("tag")], &[Integer("pulls")]),
        Table::new("image_pulls", &[Integer("repository_id"), Integer("manifest_id")], &[Integer("pulls")]),
        Table::new("tag_pulls", &[Integer("repository_id"), Text("tag")], &[Integer("pulls")]),
        Table::new("download_volume", &[Integer("month"), Integer("caller")], &[Integer("bytes")]),
        Table::new("repository_pulls", &[Integer("repository_id")], &[Integer("total"), Integer("robots"), Integer("last_day")]),
    ]
});

/// The tables of one place only, which are not copied: unfinished uploads, what processes that run tell each other, answers to challenges of
/// certificate authorities, and the versions of the schemas.
#[cfg(test)]
pub(crate) const OF_ONE_PLACE: &[&str] =
    &["schema_version", "upload", "leader", "unfinished_transfer", "bulletin", "scrub", "acme_challenge"];

impl Column {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Integer(name) | Boolean(name) | Text(name) | Bytes(name) => name,
        }
    }
}

impl Table {
    fn new(name: &'static str, key: &[Column], rest: &[Column]) -> Self {
        let columns = [key, rest].concat();
        let statements = Statements::of(name, &columns, key.len());
        Self { name, columns, key: key.len(), statements }
    }
}

impl Statements {
    fn of(table: &str, columns: &[Column], key: usize) -> Self {
        let names = |columns: &[Column]| columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(", ");
        let (all, keys) = (names(columns), names(&columns[..key]));
        let descending = keys.split(", ").map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
        let row = |number: usize| parameters(number * columns.len(), columns.len());
        let rows = |count: usize| (0..count).map(row).collect::<Vec<_>>().join(", ");
        let insert = |count| sql(format!("INSERT INTO {table} ({all}) VALUES {}", rows(count)));
        Self {
            count: sql(format!("SELECT COUNT(*) FROM {table}")),
            last: sql(format!("SELECT {key}, {keys} FROM {table} ORDER BY {descending} LIMIT 1")),
            page: sql(format!(
                "SELECT {}, {all} FROM {table} WHERE ({keys}) > {} ORDER BY {keys} LIMIT ?{}",
                columns.len(),
                parameters(0, key),
                key + 1
            )),
            insert: insert(1),
            insert_group: insert(GROUP),
        }
    }
}

/// `count` parameters in parentheses, numbered after the first `before` ones.
fn parameters(before: usize, count: usize) -> String {
    let numbered: Vec<_> = (before + 1..=before + count).map(|number| format!("?{number}")).collect();
    format!("({})", numbered.join(", "))
}

/// A statement that is composed once, and used until the process ends.
fn sql(text: String) -> Sql {
    Sql(Box::leak(text.into_boxed_str()))
}

#[cfg(test)]
mod tests;
