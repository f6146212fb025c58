//! Tests on a PostgreSQL server.

#[path = "../../../../registry/tests/servers/postgres.rs"]
mod server;

use super::place::on_files;
use super::process::{Ended, run};
use server::{as_nobody, folder_of_nobody};

use server::Postgres;

/// The server that all tests share, for one that names its places itself. `None` if PostgreSQL is not installed.
pub(crate) fn postgres() -> Option<&'static Postgres> {
    on_files();
    Postgres::shared()
}

/// A standby of the server.
pub(crate) fn standby_of(primary: &Postgres) -> Postgres {
    let folder = folder_of_nobody();
    let mut copy = as_nobody(&primary.binaries.join("pg_basebackup"), &folder);
    let copied = copy.args(["-U", "postgres", "-c", "fast", "-R", "-h"]).arg(&primary.folder).arg("-D").arg(folder.join("data")).status();
    assert!(copied.unwrap().success(), "pg_basebackup fails");
    Postgres::run(primary.binaries.clone(), folder)
}

/// The end of a server that must be refused.
#[track_caller]
pub(crate) fn refused(flags: &[&str], environment: &[(&str, &str)]) -> String {
    let Ended { code, stdout, stderr } = run(&[&["serve", "--listen", "127.0.0.1:0"], flags].concat(), environment);
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    let line = stderr.lines().last().unwrap_or_default();
    line.strip_prefix("roadstead: ").unwrap_or_else(|| panic!("{stderr}")).to_owned()
}
