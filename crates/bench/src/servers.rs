//! The servers that `compare` starts, each on a free loopback port and with its own directory.

use crate::client::{Client, Request};
use crate::failure::{Result, failure};
use crate::process::Process;
use crate::target::{Kind, Target};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// The maximum time from the start of a server to its first response.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The interval at which a starting server is polled.
const POLL_INTERVAL: Duration = Duration::from_micros(500);

/// Replaces Roadstead's default quotas, which are AWS's and too low for some shapes.
const QUOTA: &str = "10000000";

/// A program that `compare` knows how to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Roadstead,
    Distribution,
    DockerRegistry,
    Zot,
    Olareg,
    Angos,
    Nginx,
    Hyper,
}

/// A running server, which is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) target: Target,
    /// The time from the start of the process to its first response.
    pub(crate) started_in: Duration,
    program: Program,
    binary: PathBuf,
    folder: PathBuf,
    child: Child,
}

impl Program {
    pub(crate) const ALL: [Self; 8] =
        [Self::Roadstead, Self::Olareg, Self::Zot, Self::Angos, Self::Distribution, Self::DockerRegistry, Self::Nginx, Self::Hyper];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Roadstead => "roadstead",
            Self::Distribution => "distribution",
            Self::DockerRegistry => "docker-registry",
            Self::Zot => "zot",
            Self::Olareg => "olareg",
            Self::Angos => "angos",
            Self::Nginx => "nginx",
            Self::Hyper => "hyper",
        }
    }

    /// The name of the binary on the PATH.
    pub(crate) const fn binary(self) -> &'static str {
        match self {
            Self::Distribution => "registry",
            _ => self.name(),
        }
    }

    /// What the server, with the configuration used here, syncs before it acknowledges a push.
    pub(crate) const fn durability(self) -> &'static str {
        match self {
            Self::Roadstead => {
                "fsync of every file and directory of a blob, and of the metadata (concurrent commits share one). Quotas are raised"
            }
            Self::Distribution => "fsync of every file and directory that it writes",
            Self::DockerRegistry => "no fsync of manifests and tags",
            Self::Zot => "no fsync (its default; `commit: false`)",
            Self::Olareg => "no fsync",
            Self::Angos => "no fsync (its default; `sync_to_disk = false`)",
            Self::Nginx | Self::Hyper => "accepts no pushes",
        }
    }

    fn command(self, binary: &Path, folder: &Path, port: u16) -> Result<Command> {
        let mut command = Command::new(binary);
        let address = format!("127.0.0.1:{port}");
        let write = |name: &str, text: String| fs::write(folder.join(name), text).map(|()| folder.join(name));
        match self {
            Self::Roadstead => command
                .args(["serve", "--alias", "benchmark", "--create-on-push", "--listen", &address])
                .args(["--limit-repositories", QUOTA, "--limit-images-per-repository", QUOTA, "--data"])
                .arg(folder.join("data")),
            Self::Distribution | Self::DockerRegistry => command.arg("serve").arg(write("config.yml", distribution(folder, &address))?),
            Self::Zot => command.arg("serve").arg(write("config.json", zot(folder, port))?),
            Self::Olareg => {
                let port = port.to_string();
                command.args(["serve", "--addr", "127.0.0.1", "--port", &port, "--dir"]).arg(folder)
            }
            Self::Angos => command.arg("-c").arg(write("config.toml", angos(folder, port))?).arg("server"),
            Self::Nginx => command.arg("-c").arg(write("nginx.conf", nginx(folder, &address))?).args(["-e", "stderr"]),
            Self::Hyper => command.args(["ceiling", "--listen", &address]),
        };
        Ok(command)
    }
}

fn distribution(folder: &Path, address: &str) -> String {
    format!(
        "version: 0.1\nstorage:\n  cache:\n    blobdescriptor: inmemory\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: {address}\n",
        folder.join("data").display()
    )
}

fn zot(folder: &Path, port: u16) -> String {
    serde_json::json!({
        "storage": { "rootDirectory": folder.join("data") },
        "http": { "address": "127.0.0.1", "port": port.to_string() },
        "log": { "level": "info", "output": folder.join("zot.log") },
    })
    .to_string()
}

fn angos(folder: &Path, port: u16) -> String {
    let data = folder.join("data");
    format!(
        "[server]\nbind_address = \"127.0.0.1\"\nport = {port}\n\n[blob_store.fs]\nroot_dir = \"{0}\"\n\n[metadata_store.fs]\nroot_dir = \"{0}\"\n\n\
         [global.access_policy]\ndefault = \"allow\"\n",
        data.display()
    )
}

/// Configured to serve files: sendfile, no log.
fn nginx(folder: &Path, address: &str) -> String {
    let folder = folder.display();
    format!(
        "user root;\ndaemon off;\nworker_processes auto;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n  \
         sendfile on;\n  tcp_nopush on;\n  open_file_cache max=1000;\n  keepalive_requests 100000000;\n  client_body_temp_path {folder}/body;\n  \
         server {{ listen {address}; root {folder}; default_type application/octet-stream; }}\n}}\n"
    )
}

impl Server {
    pub(crate) async fn start(program: Program, binary: &Path, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (child, started_in) = launch(program, binary, folder, port).await.map_err(|error| error.context(program.name()))?;
        let mut target: Target =
            format!("{}=http://127.0.0.1:{port}{}", program.name(), if program == Program::Roadstead { "/benchmark" } else { "" })
                .parse()?;
        target.process = Process::listening_on(port);
        match program {
            Program::Roadstead => target.login = Some(root_key(&folder.join("data/credentials"))?),
            Program::Nginx => target.kind = Kind::Files(folder.to_owned()),
            Program::Hyper => target.kind = Kind::Fixed,
            _ => {}
        }
        Ok(Self { target, started_in, program, binary: binary.to_owned(), folder: folder.to_owned(), child })
    }

    /// Stops the server and starts it again on the same data.
    pub(crate) async fn restart(mut self) -> Result<Self> {
        self.stop().await?;
        Self::start(self.program, &self.binary, &self.folder).await
    }

    /// Sends SIGTERM and waits until the process has ended.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            Command::new("kill").arg(pid.to_string()).status().await?;
        }
        self.child.wait().await?;
        Ok(())
    }
}

async fn launch(program: Program, binary: &Path, folder: &Path, port: u16) -> Result<(Child, Duration)> {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    let begun = Instant::now();
    let mut command = program.command(binary, folder, port)?;
    let mut child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true).spawn()?;
    loop {
        // Any response counts, including a challenge to authenticate.
        if Client::new(&format!("127.0.0.1:{port}")).send(Request::get("/v2/").expect(&[200, 401, 403, 404])).await.is_ok() {
            return Ok((child, begun.elapsed()));
        }
        if let Some(status) = child.try_wait()? {
            let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
            return Err(failure!("ended with {status}: {}", log.lines().last().unwrap_or_default()));
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
