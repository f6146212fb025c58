//! Blob files truncated by something other than the server.

use crate::support::{Harbour, Identity, Server, connect_http2};
use http_body_util::{BodyExt, Empty};
use rustls::pki_types::ServerName;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// A data directory with blobs of the repository `pier/app`, and a certificate to serve them with.
struct Store {
    folder: tempfile::TempDir,
    identity: Identity,
}

impl Store {
    /// Pushes blobs of these lengths, all of the letter `a`. Also returns their digests.
    fn of(lengths: &[usize]) -> (Self, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::write_to(folder.path());
        let harbour = Harbour::on(Server::start_in(&folder.path().join("data"), &["--alias", "pier"]));
        harbour.create("app");
        let digests = lengths.iter().map(|length| harbour.push_blob("app", &vec![b'a'; *length])).collect();
        assert!(harbour.server.stop().success());
        (Self { folder, identity }, digests)
    }

    fn serve(&self, secure: bool) -> Server {
        let flags = self.identity.flags();
        Server::start_in(&self.folder.path().join("data"), if secure { &flags } else { &[] })
    }

    /// The file of a blob.
    fn file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let folder = self.folder.path().join("data/blobs/sha256").join(&hex[..2]);
        let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(hex)).unwrap()
    }

    fn get(&self, server: &Server, secure: bool, path: &str) -> String {
        if secure {
            self.identity.get(server, path).unwrap()
        } else {
            read_all(&mut asked(TcpStream::connect(server.address()).unwrap(), path))
        }
    }
}

fn asked<S: Write>(mut stream: S, path: &str) -> S {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    stream
}

/// Reads until the connection ends, properly or not.
fn read_all(stream: &mut impl Read) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn a_blob_that_was_cut_short_is_an_error_until_it_is_whole_again_and_others_are_served() {
    let (store, digests) = Store::of(&[3 << 20, 100_000]);
    let [path, other] = [0, 1].map(|at: usize| format!("/v2/pier/app/blobs/{}", digests[at]));
    for secure in [false, true] {
        let server = store.serve(secure);
        for _ in 0..2 {
            let whole = store.get(&server, secure, &path);
            assert!(whole.starts_with("HTTP/1.1 200 ") && whole.len() > 3 << 20);
        }
        for length in [1 << 20, (3 << 20) - 1, 0] {
            cut(&store.file(&digests[0]), length);
            let refused = store.get(&server, secure, &path);
            assert!(
                refused.starts_with("HTTP/1.1 500 ") && refused.contains(r#""code":"UNKNOWN","message":"internal error""#),
                "{refused}"
            );
            assert!(store.get(&server, secure, &other).starts_with("HTTP/1.1 200 "));
        }
        File::create(store.file(&digests[0])).unwrap().write_all(&vec![b'a'; 3 << 20]).unwrap();
        assert!(store.get(&server, secure, &path).len() > 3 << 20);
        assert!(server.stop().success());
    }
}

const LARGE: usize = 48 << 20;

#[test]
fn a_blob_that_is_cut_short_while_it_is_sent_ends_that_answer_and_nothing_else() {
    for secure in [false, true] {
        let (store, digests) = Store::of(&[LARGE]);
        let server = store.serve(secure);
        let path = format!("/v2/pier/app/blobs/{}", digests[0]);
        let mut begun = [0; 10_000];
        let received = if secure {
            let mut stream = asked(store.identity.connect(&server, &[b"http/1.1"]).unwrap(), &path);
            stream.read_exact(&mut begun).unwrap();
            cut(&store.file(&digests[0]), 1 << 20);
            read_all(&mut stream)
        } else {
            let mut stream = asked(TcpStream::connect(server.address()).unwrap(), &path);
            stream.read_exact(&mut begun).unwrap();
            cut(&store.file(&digests[0]), 1 << 20);
            read_all(&mut stream)
        };
        assert!(begun.starts_with(b"HTTP/1.1 200 ") && received.len() < LARGE - begun.len());
        assert!(store.get(&server, secure, "/healthz").ends_with("alive\n"));
        assert!(server.stop().success());
    }
}

#[tokio::test]
async fn a_blob_that_is_cut_short_while_it_is_sent_over_http2_ends_that_answer_and_nothing_else() {
    let (store, digests) = tokio::task::spawn_blocking(|| Store::of(&[LARGE])).await.unwrap();
    for secure in [true, false] {
        let server = store.serve(secure);
        let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let path = format!("/v2/pier/app/blobs/{}", digests[0]);
        let (received, status) = if secure {
            let connector = tokio_rustls::TlsConnector::from(store.identity.client(&[b"h2"]));
            let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
            pull_while(stream, &path, || cut(&store.file(&digests[0]), 1 << 20)).await
        } else {
            pull_while(stream, &path, || cut(&store.file(&digests[0]), 1 << 20)).await
        };
        assert!(received < LARGE && status == 200, "{received}");
        assert!(store.get(&server, secure, "/healthz").ends_with("alive\n"));
        assert!(server.stop().success());
        File::create(store.file(&digests[0])).unwrap().write_all(&vec![b'a'; LARGE]).unwrap();
    }
}

/// Pulls over HTTP/2, and calls `meanwhile` after the first frame. Returns the number of bytes received, and the status of a later
/// `/healthz` on the same connection.
async fn pull_while<S>(stream: S, path: &str, meanwhile: impl FnOnce()) -> (usize, u16)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut client, connection) = connect_http2(stream).await;
    let request = |path: &str| http::Request::get(format!("http://localhost{path}")).body(Empty::<bytes::Bytes>::new()).unwrap();
    let mut answer = client.send_request(request(path)).await.unwrap().into_body();
    let mut received = answer.frame().await.unwrap().unwrap().into_data().unwrap().len();
    meanwhile();
    while let Some(Ok(frame)) = answer.frame().await {
        received += frame.into_data().map_or(0, |bytes| bytes.len());
    }
    let status = client.send_request(request("/healthz")).await.unwrap().status().as_u16();
    drop((client, answer));
    let _ = connection.await.unwrap();
    (received, status)
}
