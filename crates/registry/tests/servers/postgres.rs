//! A PostgreSQL server for the tests of a process.

#![allow(clippy::print_stderr)] // what could not be tried is named

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// PostgreSQL refuses to run as root, so the tests of root run it as nobody.
const NOBODY: u32 = 65534;
/// Runs the server until the process that holds its standard input ends, and then removes its folder.
const RUN: &str = r#"
"$0" -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off -c max_connections=200 </dev/null &
cat
kill -INT $!
wait
rm -rf "$1"
"#;

pub(crate) struct Postgres {
    /// Has its data and its socket.
    pub(crate) folder: PathBuf,
    pub(crate) binaries: PathBuf,
    /// Its standard input is closed when this process ends, however it does.
    _shell: Child,
}

impl Postgres {
    /// The server that all tests share. `None` if PostgreSQL is not installed, which it must be in CI.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| binaries().map(Self::start));
        if shared.is_none() {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL must be installed in CI");
            eprintln!("PostgreSQL is not installed: nothing was tried on it");
        }
        shared.as_ref()
    }

    fn start(binaries: PathBuf) -> Self {
        let folder = folder_of_nobody();
        let data = folder.join("data");
        let mut initdb = as_nobody(&binaries.join("initdb"), &folder);
        // Where no locale is set, as on a bare machine, PostgreSQL would take SQL_ASCII for the encoding.
        initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"]).arg(&data);
        assert!(initdb.status().expect("initdb runs").success(), "initdb fails");
        let access = "local all locked scram-sha-256\nlocal all,replication all trust\n";
        std::fs::write(data.join("pg_hba.conf"), access).expect("a file");
        Self::run(binaries, folder)
    }

    /// Runs a server on the data in a folder.
    pub(crate) fn run(binaries: PathBuf, folder: PathBuf) -> Self {
        let mut server = as_nobody("sh".as_ref(), &folder);
        server.args(["-c", RUN]).arg(binaries.join("postgres")).arg(&folder).stdin(Stdio::piped());
        let postgres = Self { folder, binaries, _shell: server.spawn().expect("a shell") };
        for _ in 0..1200 {
            if postgres.try_sql("postgres", "SELECT 1").is_ok() {
                return postgres;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not answer");
    }

    /// The URL of a database, as a user without a password.
    pub(crate) fn url(&self, login: &str, database: &str) -> String {
        format!("postgres://{login}@/{database}?host={}", self.folder.display())
    }

    /// Creates an empty database, and returns its URL as its owner.
    pub(crate) fn create_database(&self, name: &str) -> String {
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("postgres", name)
    }

    /// Runs one statement, and returns what it prints.
    #[track_caller]
    pub(crate) fn sql(&self, database: &str, statement: &str) -> String {
        self.try_sql(database, statement).unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    fn try_sql(&self, database: &str, statement: &str) -> Result<String, String> {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-X", "-q", "-t", "-A", "-U", "postgres", "-d", database, "-c", statement, "-h"]).arg(&self.folder);
        let ended = psql.stdin(Stdio::null()).output().expect("psql runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim_end().to_owned();
        if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
    }
}

/// A folder that the server can use.
pub(crate) fn folder_of_nobody() -> PathBuf {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    // Only root can change the owner, and only root must.
    let _ = chown(&folder, Some(NOBODY), Some(NOBODY));
    folder
}

/// A program that runs in a folder as nobody, if this process runs as root.
pub(crate) fn as_nobody(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = versions.chain(std::env::split_paths(&path));
    folders.find(|folder| ["initdb", "postgres", "psql"].iter().all(|program| folder.join(program).exists()))
}
