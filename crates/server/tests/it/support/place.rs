//! Where servers under test keep their metadata: in their data directory, or, if `ROADSTEAD_TEST_POSTGRES` is the URL of a superuser of a
//! PostgreSQL server, in a database of their own there. Blobs are in the data directory either way.

use super::Credentials;
use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The root key and the master key of servers on PostgreSQL, which make none themselves.
const ROOT_KEY: (&str, &str) = ("AKIATESTROOTKEY00000", "a-secret-of-the-root-key-in-tests");
const MASTER_KEY: &str = "6f1d3c0b5a49788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f00f";

thread_local! {
    static ON_FILES: Cell<bool> = const { Cell::new(false) };
}

/// Lets the servers and commands of this test use the embedded engine everywhere, because it is about local files.
pub(crate) fn on_files() {
    ON_FILES.set(true);
}

/// The URL of the PostgreSQL server, if the test is to use one.
fn postgres() -> Option<String> {
    std::env::var("ROADSTEAD_TEST_POSTGRES").ok().filter(|url| !url.is_empty() && !ON_FILES.get())
}

/// A directory for a server that is to leave nothing behind: none if the server makes one itself.
pub(super) fn temporary_directory() -> Option<PathBuf> {
    postgres().map(|_| tempfile::Builder::new().prefix("roadstead-").tempdir().unwrap().keep())
}

/// The root key of a server that wrote no file with one.
pub(super) fn root_key() -> Option<Credentials> {
    postgres().map(|_| Credentials { id: ROOT_KEY.0.to_owned(), secret: ROOT_KEY.1.to_owned() })
}

/// Environment variables for a command on a data directory, with the database that belongs to it.
pub(super) fn settings(arguments: &[&str], environment: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    match (postgres(), data_directory(arguments, environment)) {
        (Some(server), Some(data)) => vec![
            ("ROADSTEAD_DATABASE", database(&server, data)),
            ("ROADSTEAD_MASTER_KEY", MASTER_KEY.to_owned()),
            ("ROADSTEAD_ACCESS_KEY_ID", ROOT_KEY.0.to_owned()),
            ("ROADSTEAD_SECRET_ACCESS_KEY", ROOT_KEY.1.to_owned()),
            ("ROADSTEAD_DRAIN", "0s".to_owned()),
        ],
        _ => Vec::new(),
    }
}

fn data_directory<'a>(arguments: &[&'a str], environment: &[(&str, &'a str)]) -> Option<&'a str> {
    let flag = arguments.iter().position(|argument| *argument == "--data").and_then(|at| arguments.get(at + 1)).copied();
    flag.or_else(|| environment.iter().find(|(name, _)| *name == "ROADSTEAD_DATA").map(|(_, data)| *data))
}

/// The URL of the database of a data directory, which is created when it is first asked for.
fn database(server: &str, data: &str) -> String {
    static CREATED: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let name = format!("it_{:016x}", hasher.finish());
    if CREATED.lock().unwrap().get_or_insert_default().insert(name.clone()) {
        let mut psql = Command::new("psql");
        psql.args([server, "-qXc", &format!("CREATE DATABASE {name}")]).stdin(Stdio::null());
        assert!(psql.status().unwrap().success(), "{name} is created");
    }
    let (place, query) = server.split_once('?').unwrap_or((server, ""));
    let (host, _) = place.rsplit_once('/').unwrap();
    format!("{host}/{name}?{query}")
}
