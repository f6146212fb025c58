//! The servers that `compare` starts, each on a free loopback port and with its own directory.

use crate::client::{Client, Request};
use crate::commands::{Launch, ROOT_KEY, free_ports};
use crate::failure::{Result, failure};
use crate::process::Process;
use crate::programs::Program;
use crate::target::{Kind, Target};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The maximum time from the start of a server to its first response.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval at which a starting server is polled.
const POLL_INTERVAL: Duration = Duration::from_micros(500);

/// A running server, which is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) target: Target,
    /// The time from the start of the process to its first response.
    pub(crate) started_in: Duration,
    launch: Launch,
    children: Vec<Child>,
}

impl Server {
    pub(crate) async fn start(launch: Launch) -> Result<Self> {
        let Launch { program, folder, .. } = &launch;
        fs::create_dir_all(folder)?;
        let [port] = free_ports()?;
        let (children, started_in) = start(&launch, port).await.map_err(|error| error.context(program.name()))?;
        let path = if program.base() == Program::Roadstead { "/benchmark" } else { "" };
        let mut target: Target = format!("{}=http://127.0.0.1:{port}{path}", program.name()).parse()?;
        target.process = match &children[..] {
            [workers @ .., _] if !workers.is_empty() => Some(Process::new(workers.iter().filter_map(Child::id).collect())),
            _ => Process::listening_on(port),
        };
        match program.base() {
            _ if program.needs_database() => target.login = Some((ROOT_KEY.0.to_owned(), ROOT_KEY.1.to_owned())),
            Program::Roadstead => target.login = Some(root_key(&folder.join("data/credentials"))?),
            Program::Nginx => target.kind = Kind::Files(folder.clone()),
            Program::Hyper => target.kind = Kind::Fixed,
            _ => {}
        }
        Ok(Self { target, started_in, launch, children })
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) async fn restart(mut self) -> Result<Self> {
        self.stop().await?;
        Self::start(self.launch.clone()).await
    }

    /// Sends SIGTERM to the processes and waits until they have ended.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        for child in &self.children {
            if let Some(pid) = child.id() {
                Command::new("kill").arg(pid.to_string()).status().await?;
            }
        }
        for child in &mut self.children {
            child.wait().await?;
        }
        Ok(())
    }
}

async fn start(launch: &Launch, port: u16) -> Result<(Vec<Child>, Duration)> {
    let log = fs::OpenOptions::new().create(true).append(true).open(launch.folder.join("log"))?;
    let begun = Instant::now();
    let mut children = Vec::new();
    for mut command in launch.commands(port)? {
        let command = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
        children.push(command.kill_on_drop(true).spawn()?);
    }
    loop {
        // Any response of the program counts, including a challenge to authenticate.
        if Client::new(&format!("127.0.0.1:{port}")).send(Request::get("/v2/").expect(&[200, 401, 403, 404])).await.is_ok() {
            return Ok((children, begun.elapsed()));
        }
        for child in &mut children {
            if let Some(status) = child.try_wait()? {
                let log = fs::read_to_string(launch.folder.join("log")).unwrap_or_default();
                return Err(failure!("ended with {status}: {}", log.lines().last().unwrap_or_default()));
            }
        }
        if begun.elapsed() > START_TIMEOUT {
            return Err(failure!("does not answer within {START_TIMEOUT:?}"));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The root access key in the shared-credentials file that Roadstead writes.
fn root_key(path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path)?;
    let value = |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start_matches([' ', '=']).to_owned()));
    value("aws_access_key_id").zip(value("aws_secret_access_key")).ok_or_else(|| failure!("no access key in {}", path.display()))
}
