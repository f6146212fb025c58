//! An S3 server for tests. It is started once for all tests of a process, and ends with the process.

use super::S3;
use super::credentials::Credentials;
use crate::places::S3Options;
use object_store::aws::AmazonS3ConfigKey as Key;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const BUCKET: &str = "bucket";
const KEY: &str = "AKIATEST";
const SECRET: &str = "a secret of tests";

/// Where the server listens. `None` if it is not installed, which it must be in CI.
pub(in crate::blobs) fn address() -> Option<SocketAddr> {
    static SERVER: OnceLock<Option<SocketAddr>> = OnceLock::new();
    *SERVER.get_or_init(|| {
        let program = program();
        if program.is_none() {
            assert!(std::env::var_os("CI").is_none(), "versitygw must be installed in CI (tests/install.sh scale)");
            eprintln!("versitygw is not installed (tests/install.sh scale): the store in S3 was not tested");
        }
        program.map(|program| start(&program))
    })
}

fn program() -> Option<PathBuf> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = [cache].into_iter().chain(std::env::split_paths(&path)).map(|folder| folder.join("versitygw"));
    programs.find(|program| program.exists())
}

/// Starts the server, and a shell that ends it when this process ends, which closes the shell's input.
fn start(program: &Path) -> SocketAddr {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    std::fs::create_dir_all(folder.join("objects").join(BUCKET)).expect("a bucket");
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let script =
        "\"$0\" --keep-alive --quiet --port \"$1\" posix objects > log 2>&1 & echo started; read end; kill $!; cd /; rm -rf \"$2\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(program).arg(address.to_string()).arg(&folder).current_dir(&folder);
    shell.env("ROOT_ACCESS_KEY", KEY).env("ROOT_SECRET_KEY", SECRET).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = shell.spawn().expect("a shell");
    let mut line = String::new();
    BufReader::new(shell.stdout.take().expect("piped")).read_line(&mut line).expect("started");
    // The shell's input stays open as long as this process lives.
    std::mem::forget(shell);
    for _ in 0..200 {
        if TcpStream::connect(address).is_ok() {
            return address;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("versitygw does not answer: {}", std::fs::read_to_string(folder.join("log")).unwrap_or_default());
}

pub(super) fn credentials() -> Credentials {
    let settings = vec![(Key::AccessKeyId, KEY.to_owned()), (Key::SecretAccessKey, SECRET.to_owned())];
    Credentials { settings, ..Credentials::default() }
}

/// The options of a store at this address, which may be that of a proxy.
pub(super) fn options(address: SocketAddr, prefix: &str) -> S3Options {
    S3Options {
        bucket: BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(format!("http://{address}")),
        region: None,
        path_style: true,
        memory: 64 << 20,
    }
}

/// Opens a store of tests.
pub(in crate::blobs) async fn open(address: SocketAddr, prefix: &str) -> S3 {
    S3::open_with(&options(address, prefix), &credentials()).await.expect("a store")
}
