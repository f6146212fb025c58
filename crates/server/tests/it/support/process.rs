//! Runs the binary under test.

use super::place;
use serde_json::Value;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The timeout of everything here, even on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The exit code and output of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Returns the standard output. Fails unless the command succeeded without a warning.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// Returns the standard output as JSON, or null if it is empty. Fails like [`Self::ok`].
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.ok();
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }
}

/// Runs the binary until it exits by itself.
pub(crate) fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let mut child = command(arguments, environment).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let read = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let read_errors = thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).map(|_| text)
    });
    let code = wait(&mut child).code();
    Ended { code, stdout: read.join().unwrap().unwrap(), stderr: read_errors.join().unwrap().unwrap() }
}

/// The binary, in an environment without other settings of Roadstead.
pub(crate) fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ROADSTEAD_")) {
        command.env_remove(name);
    }
    command
        .args(arguments)
        .env_remove("RUST_LOG")
        .envs(place::settings(arguments, environment))
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command
}

pub(super) fn wait(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    panic!("the process did not end in {PATIENCE:?}");
}

/// Polls a condition. Fails with the message if it does not become true in time.
#[track_caller]
pub(crate) fn wait_until(message: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "{message}");
        thread::sleep(Duration::from_millis(10));
    }
}
