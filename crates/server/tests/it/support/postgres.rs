//! A PostgreSQL server for the tests of this process.

#![allow(clippy::print_stderr)] // what could not be tried is named

use super::place::on_files;
use super::process::{Ended, PATIENCE, run};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

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
    folder: PathBuf,
    binaries: PathBuf,
    /// Its standard input is closed when this process ends, however it does.
    _shell: Child,
}

impl Postgres {
    /// The server that all tests share, or `None` where PostgreSQL is not installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        // Tests of a database name their places themselves.
        on_files();
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
        let initdb = as_nobody(&binaries.join("initdb"), &folder).args(["-A", "trust", "-U", "postgres", "-D"]).arg(&data).status();
        assert!(initdb.unwrap().success(), "initdb fails");
        let access = "local all locked scram-sha-256\nlocal all,replication all trust\n";
        std::fs::write(data.join("pg_hba.conf"), access).unwrap();
        Self::run(binaries, folder)
    }

    /// A standby of the server.
    pub(crate) fn standby(&self) -> Self {
        let folder = folder_of_nobody();
        let mut copy = as_nobody(&self.binaries.join("pg_basebackup"), &folder);
        let copied = copy.args(["-U", "postgres", "-c", "fast", "-R", "-h"]).arg(&self.folder).arg("-D").arg(folder.join("data")).status();
        assert!(copied.unwrap().success(), "pg_basebackup fails");
        Self::run(self.binaries.clone(), folder)
    }

    fn run(binaries: PathBuf, folder: PathBuf) -> Self {
        let mut server = as_nobody("sh".as_ref(), &folder);
        server.args(["-c", RUN]).arg(binaries.join("postgres")).arg(&folder).stdin(Stdio::piped());
        let postgres = Self { folder, binaries, _shell: server.spawn().unwrap() };
        let begun = Instant::now();
        while postgres.try_sql("postgres", "SELECT 1").is_err() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        postgres
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
        let ended = psql.stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        if ended.status.success() { Ok(text(ended.stdout)) } else { Err(text(ended.stderr)) }
    }
}

/// A folder that the server can use.
fn folder_of_nobody() -> PathBuf {
    let folder = tempfile::tempdir().unwrap().keep();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Only root can change the owner, and only root must.
    let _ = chown(&folder, Some(NOBODY), Some(NOBODY));
    folder
}

fn as_nobody(program: &Path, folder: &Path) -> Command {
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

/// The end of a server that must be refused.
#[track_caller]
pub(crate) fn refused(flags: &[&str], environment: &[(&str, &str)]) -> String {
    let Ended { code, stdout, stderr } = run(&[&["serve", "--listen", "127.0.0.1:0"], flags].concat(), environment);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    let line = stderr.lines().last().unwrap_or_default();
    line.strip_prefix("roadstead: ").unwrap_or_else(|| panic!("{stderr}")).to_owned()
}
