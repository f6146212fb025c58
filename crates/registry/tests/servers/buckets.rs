//! An S3 server for the tests of a process: versitygw, or the one that `ROADSTEAD_TEST_S3` names. Both that are known keep each bucket in
//! a directory.

#![allow(clippy::print_stderr)] // what could not be tried is named

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// Runs the server until the process that holds its standard input ends, and then removes its folder.
const RUN: &str = r#"folder=$0; "$@" >"$folder/log" 2>&1 </dev/null & cat; kill $!; wait; rm -rf "$folder""#;

pub(crate) struct Buckets {
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    /// Its standard input is closed when this process ends, however it does.
    _shell: Child,
}

impl Buckets {
    /// The credentials of the server, as variables of the environment.
    pub(crate) const CREDENTIALS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIABUCKET"), ("AWS_SECRET_ACCESS_KEY", "hunter3hunter3")];

    /// The server that all tests share. `None` if it is not installed, which it must be in CI.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Buckets>> = OnceLock::new();
        let name = name();
        let shared = SHARED.get_or_init(|| find(&name).map(|program| Self::start(&name, &program)));
        if shared.is_none() {
            assert!(std::env::var_os("CI").is_none(), "{name} must be installed in CI (tests/install.sh scale)");
            eprintln!("{name} is not installed (tests/install.sh scale): nothing was tried in a bucket");
        }
        shared.as_ref()
    }

    fn start(name: &str, program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        std::fs::create_dir(folder.join("objects")).expect("a folder of buckets");
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let mut shell = Command::new("sh");
        shell.args(["-c", RUN]).arg(&folder).arg(program).stdin(Stdio::piped());
        let ([(_, key), (_, secret)], objects) = (Self::CREDENTIALS, folder.join("objects"));
        match name {
            "versitygw" => {
                shell.args(["--keep-alive", "--quiet", "--port", &address.to_string(), "posix"]).arg(objects);
                shell.envs([("ROOT_ACCESS_KEY", key), ("ROOT_SECRET_KEY", secret)])
            }
            "minio" => {
                shell.args(["server", "--quiet", "--address", &address.to_string()]).arg(objects);
                shell.envs([("MINIO_ROOT_USER", key), ("MINIO_ROOT_PASSWORD", secret), ("MINIO_BROWSER", "off")])
            }
            other => panic!("ROADSTEAD_TEST_S3: {other} is neither versitygw nor minio"),
        };
        let buckets = Self { folder, address, _shell: shell.spawn().expect("a shell") };
        for _ in 0..1200 {
            if TcpStream::connect(address).is_ok() {
                return buckets;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} does not answer: {}", std::fs::read_to_string(buckets.folder.join("log")).unwrap_or_default());
    }

    /// Creates a bucket, unless it exists.
    pub(crate) fn create(&self, name: &str) {
        std::fs::create_dir_all(self.folder.join("objects").join(name)).expect("a bucket");
    }
}

/// The name of the server.
pub(crate) fn name() -> String {
    std::env::var("ROADSTEAD_TEST_S3").unwrap_or_else(|_| "versitygw".to_owned())
}

fn find(name: &str) -> Option<PathBuf> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = [cache].into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join(name));
    programs.find(|program| program.exists())
}

/// The URL of a server, or of a proxy before it.
pub(crate) fn endpoint(address: SocketAddr) -> String {
    format!("http://{address}")
}
