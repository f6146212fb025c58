//! Tells the compiler which commit it builds, for `roadstead --version`.
//!
//! Only optimised builds ask git, because a development build would otherwise be compiled anew after each commit.

use std::env;
use std::path::Path;
use std::process::Command;

/// What `git archive` replaces by the commit and its time, so that a tarball knows them without git.
const ARCHIVED: &str = include_str!("commit.txt");

fn main() {
    println!("cargo::rerun-if-changed=commit.txt");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rustc-env=ROADSTEAD_TARGET={}", env::var("TARGET").unwrap_or_default());
    let (commit, seconds) = archived().or_else(checked_out).unwrap_or_default();
    println!("cargo::rustc-env=ROADSTEAD_COMMIT={commit}");
    println!("cargo::rustc-env=ROADSTEAD_COMMIT_TIME={}", env::var("SOURCE_DATE_EPOCH").unwrap_or(seconds));
}

/// The commit of a tarball, and the seconds from the Unix epoch to it.
fn archived() -> Option<(String, String)> {
    parse(ARCHIVED).filter(|(commit, _)| !commit.contains('$'))
}

/// The commit of a working tree.
fn checked_out() -> Option<(String, String)> {
    if env::var("PROFILE").as_deref() == Ok("debug") {
        return None;
    }
    // Without it, a tarball that was unpacked in the working tree of another project would have its commit.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", name])?;
        // A file that does not exist would cause every build to run this script.
        if Path::new(path.trim()).exists() {
            println!("cargo::rerun-if-changed={}", path.trim());
        }
    }
    parse(&git(&["show", "--no-patch", "--format=%h %ct"])?)
}

fn parse(text: &str) -> Option<(String, String)> {
    let (commit, seconds) = text.trim().split_once(' ')?;
    Some((commit.to_owned(), seconds.to_owned()))
}

/// The output of git. `None` without git, or outside of a working tree.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}
