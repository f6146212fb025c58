//! The database of a world: a file in its folder or, with `ROADSTEAD_TEST_POSTGRES=postgres://…`, a database of its own on that server,
//! copied from one that is migrated once.

#![allow(clippy::print_stderr)] // what could not be tried is named

use roadstead_registry::{BlobsPlace, DatabasePlace, Installation, OpenOptions, PostgresOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// The master key of worlds on PostgreSQL.
pub(crate) const KEY: [u8; 32] = [7; 32];
/// What a first start adds to a migrated database.
const EMPTY: &str = "DELETE FROM access_key; DELETE FROM registry_alias; DELETE FROM registry; DELETE FROM installation";

/// The URL of a server on which tests may create databases, if they are to run on PostgreSQL.
fn server() -> Option<PostgresOptions> {
    let url = std::env::var("ROADSTEAD_TEST_POSTGRES").ok()?;
    match DatabasePlace::parse(&url).expect("the URL of a PostgreSQL server") {
        DatabasePlace::Postgres(options) => Some(options),
        DatabasePlace::File => None,
    }
}

/// Whether the tests run on PostgreSQL. What concerns SQLite's files cannot be tested then.
pub(crate) fn is_postgres(why: &str) -> bool {
    let is_postgres = server().is_some();
    if is_postgres {
        eprintln!("not run on PostgreSQL: {why}");
    }
    is_postgres
}

/// Whether the tests run on SQLite, where one server has the database to itself.
pub(crate) fn is_sqlite(why: &str) -> bool {
    let is_sqlite = server().is_none();
    if is_sqlite {
        eprintln!("not run on SQLite: {why}");
    }
    is_sqlite
}

pub(crate) enum Database {
    File,
    Postgres(PostgresOptions),
}

impl Database {
    pub(crate) async fn new() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let Some(server) = server() else { return Self::File };
        let template = TEMPLATE.get_or_init(|| make_template(&server)).await;
        let name = new_name("world");
        // A template cannot be copied while another session is connected to it, such as one that copies it.
        let admin = connect(&server).await;
        admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.expect("a database");
        Self::Postgres(PostgresOptions { database: name, ..server })
    }

    pub(crate) fn options(&self, folder: &Path) -> OpenOptions {
        let options = OpenOptions::new(folder);
        match self {
            Self::File => options,
            Self::Postgres(database) => of_postgres(options, database.clone()),
        }
    }

    /// The name of the database on PostgreSQL.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::File => "a file",
            Self::Postgres(options) => &options.database,
        }
    }

    /// The tables of one of the files in a folder, all of which are in one database on PostgreSQL.
    pub(crate) fn tables(&self, folder: &Path, file: &str) -> Tables {
        match self {
            Self::File => Tables::File(folder.join(file)),
            Self::Postgres(options) => Tables::Postgres(options.clone()),
        }
    }
}

/// Tables that a test looks into, with SQL that both engines understand.
pub(crate) enum Tables {
    File(PathBuf),
    Postgres(PostgresOptions),
}

impl Tables {
    pub(crate) fn run(&self, sql: &str) {
        match self {
            Self::File(path) => rusqlite::Connection::open(path).and_then(|file| file.execute_batch(sql)).expect("ran"),
            Self::Postgres(options) => apart(async || connect(options).await.batch_execute(sql).await.expect("ran")),
        }
    }

    /// The number that a query finds.
    pub(crate) fn number(&self, query: &str) -> i64 {
        match self {
            Self::File(path) => {
                let file = rusqlite::Connection::open(path).expect("a database");
                file.query_row(query, [], |row| row.get(0)).expect("a number")
            }
            Self::Postgres(options) => apart(async || connect(options).await.query_one(query, &[]).await.expect("a row").get(0)),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres(options) = self {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", options.database);
            let server = server().expect("the server");
            apart(async || connect(&server).await.batch_execute(&drop).await.expect("dropped"));
        }
    }
}

fn of_postgres(options: OpenOptions, database: PostgresOptions) -> OpenOptions {
    let database = DatabasePlace::Postgres(PostgresOptions { connections: 6, ..database });
    OpenOptions { database, blobs: BlobsPlace::Folder, master_key: Some(KEY), ..options }
}

async fn make_template(server: &PostgresOptions) -> String {
    let name = new_name("template");
    connect(server).await.batch_execute(&format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")).await.expect("a database");
    let database = PostgresOptions { database: name.clone(), ..server.clone() };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = of_postgres(OpenOptions::new(folder.path()), database.clone());
    Installation::open(options).await.expect("an installation").close().await;
    connect(&database).await.batch_execute(EMPTY).await.expect("emptied");
    let admin = connect(server).await;
    let sessions = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{name}'");
    while admin.query_one(&sessions, &[]).await.expect("a count").get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
    name
}

fn new_name(kind: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("roadstead_{kind}_{}_{}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed))
}

async fn connect(options: &PostgresOptions) -> Client {
    let mut config = tokio_postgres::Config::new();
    match &options.host {
        roadstead_registry::PostgresHost::Name(name) => config.host(name),
        roadstead_registry::PostgresHost::Socket(folder) => config.host_path(folder),
    };
    config.port(options.port).user(&options.user).dbname(&options.database);
    if let Some(password) = options.password.read().expect("a password") {
        config.password(password);
    }
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Runs a future to its end on a thread and a runtime of its own.
fn apart<T: Send>(work: impl AsyncFnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let run = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work());
        scope.spawn(run).join().expect("no panic")
    })
}
