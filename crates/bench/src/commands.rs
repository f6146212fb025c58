//! How each program is started, and the configuration that it gets.

use crate::failure::{Result, failure};
use crate::places::{Places, S3};
use crate::programs::Program;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Replaces Roadstead's default quotas, which are AWS's and too low for some shapes.
const QUOTA: &str = "10000000";
/// The root key of every Roadstead that shares a database. It serves loopback, and only while it is measured.
pub(crate) const ROOT_KEY: (&str, &str) = ("AKIABENCHMARKBENCHMA", "benchmarkbenchmarkbenchmarkbenchmarkbenc");
/// Its master key.
const MASTER_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A program to start, and where.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: Program,
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) places: Places,
}

impl Launch {
    /// The processes to start. The last one listens on the port; if there are several, the others do the work.
    pub(crate) fn commands(&self, port: u16) -> Result<Vec<Command>> {
        let Some(replicas) = self.program.replicas() else { return Ok(vec![self.command(port)?]) };
        let ports: [u16; 3] = free_ports()?;
        let ports = ports.get(..replicas).unwrap_or_default();
        let mut commands = ports.iter().map(|port| self.command(*port)).collect::<Result<Vec<_>>>()?;
        // Debian's nginx is not on the PATH of users.
        let nginx = Path::new("/usr/sbin/nginx");
        let mut balancer = Command::new(if nginx.exists() { nginx } else { Path::new("nginx") });
        balancer.arg("-c").arg(self.write("nginx.conf", balance(&self.folder, port, ports))?).args(["-e", "stderr"]);
        commands.push(balancer);
        Ok(commands)
    }

    fn command(&self, port: u16) -> Result<Command> {
        let mut command = Command::new(&self.binary);
        let s3 = self.places.s3(self.program);
        match self.program.base() {
            Program::Distribution | Program::DockerRegistry => {
                command.arg("serve").arg(self.write("config.yml", distribution(&self.folder, s3, port))?)
            }
            Program::Zot => command.arg("serve").arg(self.write("config.json", zot(&self.folder, port))?),
            Program::Olareg => command.args(["serve", "--addr", "127.0.0.1", "--port", &port.to_string(), "--dir"]).arg(&self.folder),
            Program::Angos => command.arg("-c").arg(self.write("config.toml", angos(&self.folder, s3, port))?).arg("server"),
            Program::Nginx => command.arg("-c").arg(self.write("nginx.conf", serve_files(&self.folder, port))?).args(["-e", "stderr"]),
            Program::Hyper => command.args(["ceiling", "--listen", &address(port)]),
            _ => self.roadstead(&mut command, port),
        };
        Ok(command)
    }

    fn roadstead<'a>(&self, command: &'a mut Command, port: u16) -> &'a mut Command {
        command.args(["serve", "--alias", "benchmark", "--create-on-push", "--listen", &address(port)]);
        command.args(["--limit-repositories", QUOTA, "--limit-images-per-repository", QUOTA]);
        if let Some(database) = self.places.database(self.program) {
            // No load balancer has to notice that it stops.
            command.args(["--database", &database, "--drain", "0s"]).env("ROADSTEAD_MASTER_KEY", MASTER_KEY);
            command.env("ROADSTEAD_ACCESS_KEY_ID", ROOT_KEY.0).env("ROADSTEAD_SECRET_ACCESS_KEY", ROOT_KEY.1);
        }
        match self.places.s3(self.program) {
            Some(s3) => {
                command.args(["--blobs", &format!("s3://{}", self.program.name()), "--s3-path-style"]);
                command.args(["--s3-endpoint", &s3.endpoint, "--s3-region", S3::REGION])
            }
            None => command.arg("--data").arg(self.folder.join("data")),
        }
    }

    fn write(&self, name: &str, text: String) -> Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

/// Different ports that nothing listens on.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.as_ref().map_err(|error| failure!("no free port: {error}"))?.local_addr()?.port();
    }
    Ok(ports)
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// Blobs in S3 pass through the server, as they do with the others.
fn distribution(folder: &Path, s3: Option<&S3>, port: u16) -> String {
    let storage = s3.map_or_else(
        || format!("  filesystem:\n    rootdirectory: {}\n", folder.join("data").display()),
        |S3 { endpoint, key, secret }| {
            format!(
                "  redirect:\n    disable: true\n  s3:\n    accesskey: {key}\n    secretkey: {secret}\n    regionendpoint: {endpoint}\n    \
                 region: {}\n    bucket: {}\n    forcepathstyle: true\n",
                S3::REGION,
                Program::DistributionS3.name()
            )
        },
    );
    format!("version: 0.1\nstorage:\n  cache:\n    blobdescriptor: inmemory\n{storage}http:\n  addr: {}\n", address(port))
}

fn zot(folder: &Path, port: u16) -> String {
    serde_json::json!({
        "storage": { "rootDirectory": folder.join("data") },
        "http": { "address": "127.0.0.1", "port": port.to_string() },
        "log": { "level": "info", "output": folder.join("zot.log") },
    })
    .to_string()
}

/// Metadata are kept in the same place as blobs.
fn angos(folder: &Path, s3: Option<&S3>, port: u16) -> String {
    let stores = s3.map_or_else(
        || format!("[blob_store.fs]\nroot_dir = \"{0}\"\n\n[metadata_store.fs]\nroot_dir = \"{0}\"\n", folder.join("data").display()),
        |S3 { endpoint, key, secret }| {
            format!(
                "[blob_store.s3]\naccess_key_id = \"{key}\"\nsecret_key = \"{secret}\"\nendpoint = \"{endpoint}\"\nregion = \"{}\"\n\
                 bucket = \"{}\"\n",
                S3::REGION,
                Program::AngosS3.name()
            )
        },
    );
    format!("[server]\nbind_address = \"127.0.0.1\"\nport = {port}\n\n{stores}\n[global.access_policy]\ndefault = \"allow\"\n")
}

/// nginx in the foreground, without an access log.
fn nginx(folder: &Path, rest: &str) -> String {
    let folder = folder.display();
    format!(
        "user root;\ndaemon off;\nworker_processes auto;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n  access_log off;\n  \
         keepalive_requests 100000000;\n  client_body_temp_path {folder}/body;\n  proxy_temp_path {folder}/proxy;\n{rest}}}\n"
    )
}

/// Configured to serve files: sendfile.
fn serve_files(folder: &Path, port: u16) -> String {
    let server = format!(
        "  sendfile on;\n  tcp_nopush on;\n  open_file_cache max=1000;\n  \
         server {{ listen {}; root {}; default_type application/octet-stream; }}\n",
        address(port),
        folder.display()
    );
    nginx(folder, &server)
}

/// Hands every request to the next replica, and passes bodies on as they arrive.
fn balance(folder: &Path, port: u16, replicas: &[u16]) -> String {
    let servers: String = replicas.iter().map(|port| format!("server {} max_fails=0; ", address(*port))).collect();
    let server = format!(
        "  upstream replicas {{ {servers}keepalive 256; keepalive_requests 100000000; }}\n  server {{\n    listen {};\n    client_max_body_size 0;\n    \
         location / {{\n      proxy_pass http://replicas;\n      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      \
         proxy_set_header Host $http_host;\n      proxy_request_buffering off;\n      proxy_buffering off;\n    }}\n  }}\n",
        address(port)
    );
    nginx(folder, &server)
}
