//! A server under test, on a free port of the loopback interface.

use super::place;
use super::process::{Ended, PATIENCE, command, run, wait};
use super::{Answer, Connection, Credentials, sign};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json"];

/// A running server, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    url: String,
    data: PathBuf,
    alias: String,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    /// Starts a server on a temporary data directory, with additional flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        match place::temporary_directory() {
            Some(data) => Self::start_in(&data, flags),
            None => Self::start_with(&[&["--ephemeral"], flags].concat(), &[]),
        }
    }

    /// Starts a server on a data directory, with additional flags.
    pub(crate) fn start_in(data: &Path, flags: &[&str]) -> Self {
        Self::start_with(&[&["--data", data.to_str().unwrap()], flags].concat(), &[])
    }

    /// Starts a server with these flags in addition to its address and log format, and with these environment variables.
    pub(crate) fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::follow(command(&[&SERVE, flags].concat(), environment))
    }

    /// Starts a server on a data directory, under a umask.
    pub(crate) fn start_under(umask: &str, data: &Path, flags: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_roadstead")]);
        shell.args(SERVE).args(["--data", data.to_str().unwrap()]).args(flags).stdin(Stdio::null());
        Self::follow(shell)
    }

    fn follow(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let events = follow(BufReader::new(child.stderr.take().unwrap()), log.clone());
        let begun = Instant::now();
        let ready = loop {
            match events.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(event) if event["message"] == "ready" => break event,
                Ok(_) => {}
                Err(_) => {
                    let _ = child.kill();
                    panic!("the server did not get ready: {:?} {:?}", child.wait(), log.lock().unwrap());
                }
            }
        };
        // There is no data directory if everything is in a database and a bucket.
        let text = |key: &str| ready[key].as_str().unwrap_or_default().to_owned();
        Self { child, address: text("address").parse().unwrap(), url: text("url"), data: text("data").into(), alias: text("alias"), log }
    }

    /// The base of this server's URLs.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn alias(&self) -> &str {
        &self.alias
    }

    /// The address of `--admin-listen`.
    pub(crate) fn admin_address(&self) -> SocketAddr {
        self.wait_for_event(|event| event["message"] == "ready")["admin"].as_str().unwrap().parse().unwrap()
    }

    /// The root access key that the server was given, or that it wrote to a file.
    pub(crate) fn credentials(&self) -> Credentials {
        if let Some(given) = place::root_key() {
            return given;
        }
        let text = std::fs::read_to_string(self.data.join("credentials")).unwrap();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.split_once('=').filter(|(name, _)| name.trim() == key));
            line.unwrap_or_else(|| panic!("no {key} in {text}")).1.trim().to_owned()
        };
        Credentials { id: value("aws_access_key_id"), secret: value("aws_secret_access_key") }
    }

    /// Sends one request on a new connection.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        Connection::to(self.address).send(method, path, headers, body)
    }

    /// A number from `/metrics`; zero while it is absent.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse::<f64>().unwrap() as u64)
    }

    /// Gets a path without additional headers.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// Calls an operation of the AWS API, signed with the root access key.
    pub(crate) fn aws(&self, operation: &str, input: &Value) -> Answer {
        self.aws_as(&self.credentials(), operation, input)
    }

    /// Calls an operation of the AWS API, signed with an access key.
    pub(crate) fn aws_as(&self, credentials: &Credentials, operation: &str, input: &Value) -> Answer {
        let body = input.to_string();
        let headers = self.aws_headers_as(credentials, operation, body.as_bytes());
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.send("POST", "/", &headers, body.as_bytes())
    }

    /// The `Authorization` header of the OCI door for the holder of an access key.
    pub(crate) fn login(&self, credentials: &Credentials) -> String {
        let answer = self.aws_as(credentials, "GetAuthorizationToken", &json!({})).json();
        format!("Basic {}", answer["authorizationData"]["authorizationToken"].as_str().unwrap())
    }

    /// The headers of a signed call of the AWS API, including `host`.
    pub(crate) fn aws_headers(&self, operation: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        self.aws_headers_as(&self.credentials(), operation, body)
    }

    fn aws_headers_as(&self, credentials: &Credentials, operation: &str, body: &[u8]) -> Vec<(&'static str, String)> {
        let unsigned = vec![
            ("host", self.address.to_string()),
            ("content-type", "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target", format!("SpencerFrontendService.{operation}")),
        ];
        sign(unsigned, credentials, "us-east-1", "ecr-public", body)
    }

    /// Runs a command on this server's data directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run(arguments, &[("ROADSTEAD_DATA", self.data.to_str().unwrap())])
    }

    /// Runs a command that must succeed. Returns its JSON output, or null if it prints nothing.
    pub(crate) fn command(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat()).json()
    }

    /// Waits for a log event, which may have been logged before, and returns it.
    pub(crate) fn wait_for_event(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(event) = self.log.lock().unwrap().iter().find(|event| wanted(event)) {
                return event.clone();
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("not logged: {:?}", self.log.lock().unwrap());
    }

    /// Waits until this number of log events is wanted, and returns them.
    pub(crate) fn wait_for_events(&self, number: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let found: Vec<Value> = self.log.lock().unwrap().iter().filter(|event| wanted(event)).cloned().collect();
            if found.len() >= number {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{} of {number} are logged", found.len());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The log so far, as text.
    pub(crate) fn logged(&self) -> String {
        self.log.lock().unwrap().iter().map(|event| event.to_string() + "\n").collect()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Sends SIGHUP, after which the server reopens its log files.
    pub(crate) fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Waits until the server has exited.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// Kills the server, which cannot tidy up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.wait();
        self.data = PathBuf::new();
    }

    /// Sends SIGTERM, and waits until the server has exited.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let temporary = self.data.file_name().is_some_and(|name| name.to_string_lossy().starts_with("roadstead-"));
        // A server killed by a failed test does not remove its temporary directory, and one on PostgreSQL was given it.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if temporary && self.data.starts_with(std::env::temp_dir()) {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}

/// Collects log events. A line that is not JSON becomes a string.
fn follow(lines: impl BufRead + Send + 'static, log: Arc<Mutex<Vec<Value>>>) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
            log.lock().unwrap().push(event.clone());
            let _ = sender.send(event);
        }
    });
    receiver
}
