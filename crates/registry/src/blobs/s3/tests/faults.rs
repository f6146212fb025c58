//! Tests with a server that fails, and with one that refuses.

use super::*;
use crate::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a proxy does to a connection.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It answers 503 to the first request.
    Refuses,
    /// It ends after this many bytes of responses.
    CutsAfter(usize),
}

/// A proxy before the server that spoils as many new connections as it is told.
struct Proxy {
    address: SocketAddr,
    /// How many connections are still to be spoilt.
    left: Arc<AtomicUsize>,
    /// Ends the connections that are open.
    end: watch::Sender<()>,
}

impl Proxy {
    async fn start(server: SocketAddr, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, left, end) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)), watch::Sender::new(()));
        let (spoils, ended) = (left.clone(), end.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_spoilt = spoils.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                let (fault, mut ended) = (is_spoilt.then_some(fault), ended.subscribe());
                tokio::spawn(async move {
                    tokio::select! {
                        _ = ended.changed() => {}
                        _ = forward(client, server, fault) => {}
                    }
                });
            }
        });
        Self { address, left, end }
    }

    /// Ends the connections that are open, and spoils this many new ones.
    fn spoil(&self, connections: usize) {
        self.left.store(connections, Ordering::SeqCst);
        self.end.send_replace(());
    }

    /// Whether as many connections were spoilt as it was told.
    fn is_done(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

async fn forward(mut client: TcpStream, server: SocketAddr, fault: Option<Fault>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    match fault {
        None => tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop),
        Some(Fault::Refuses) => {
            let _ = client.read(&mut [0; 4096]).await?;
            client.write_all(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            client.shutdown().await
        }
        Some(Fault::CutsAfter(bytes)) => {
            let ((mut from_client, mut to_client), (from_server, mut to_server)) = (client.split(), server.split());
            let mut limited = from_server.take(bytes as u64);
            tokio::select! {
                sent = tokio::io::copy(&mut from_client, &mut to_server) => sent.map(drop),
                received = tokio::io::copy(&mut limited, &mut to_client) => received.map(drop),
            }
        }
    }
}

/// A store behind a proxy.
async fn behind(fault: Fault) -> Option<(S3, Proxy)> {
    let proxy = Proxy::start(test_server::address()?, fault).await;
    Some((open(proxy.address, &prefix()).await, proxy))
}

async fn put(store: &S3, bytes: &[u8]) -> Result<String> {
    Upload::new().finish(store, bytes, &sha256(bytes)).await
}

#[tokio::test]
async fn a_blob_is_read_on_where_its_response_broke_off() {
    let Some((store, proxy)) = behind(Fault::CutsAfter(3 * MIB)).await else { return };
    let bytes = sample(20 * MIB);
    let key = put(&store, &bytes).await.expect("a key");
    proxy.spoil(3);
    let reader = store.open_blob(&key, bytes.len() as u64);
    let mut read = Vec::new();
    while read.len() < bytes.len() {
        let length = (64 << 10).min(bytes.len() - read.len());
        read.extend_from_slice(&reader.copy(read.len() as u64, length).await.expect("the next bytes"));
    }
    assert!(read == bytes && proxy.is_done());
}

#[tokio::test]
async fn a_server_that_is_overloaded_for_a_while_is_asked_again() {
    let Some((store, proxy)) = behind(Fault::Refuses).await else { return };
    let bytes = sample(30 * MIB);
    let mut upload = Upload::new();
    proxy.spoil(3);
    upload.append(&store, &bytes[..20 * MIB]).await.expect("appended");
    proxy.spoil(2);
    let key = upload.finish(&store, &bytes[20 * MIB..], &sha256(&bytes)).await.expect("a key");
    assert!(content(&store, &key, bytes.len()).await.expect("a blob") == bytes);
    assert!(proxy.is_done() && store.metrics().failures >= 5);
}

#[tokio::test]
async fn a_server_that_stays_overloaded_is_unavailable_and_the_session_can_be_continued() {
    let Some((store, proxy)) = behind(Fault::Refuses).await else { return };
    let bytes = sample(MIB);
    let mut upload = Upload::new();
    upload.append(&store, &bytes[..MIB / 2]).await.expect("appended");
    proxy.spoil(usize::MAX);
    for failed in [store.check_ready().await, put(&store, &bytes).await.map(drop), upload.append(&store, &bytes).await] {
        assert!(matches!(failed, Err(Error::Unavailable(_))), "{failed:?}");
    }
    proxy.spoil(0);
    let key = upload.finish(&store, &bytes[MIB / 2..], &sha256(&bytes)).await.expect("a key");
    assert!(content(&store, &key, bytes.len()).await.expect("a blob") == bytes);
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_is_refused_by_name_and_a_server_that_is_not_there_is_not() {
    let Some(address) = test_server::address() else { return };
    let options = test_server::options(address, &prefix());
    let absent = crate::places::S3Options { bucket: "absent".to_owned(), ..options.clone() };
    match S3::open_with(&absent, &test_server::credentials(), BlobAccess::Write).await.map(drop) {
        Err(Error::Internal(text)) => assert!(text.contains("'absent'") && text.contains("NoSuchBucket"), "{text}"),
        other => panic!("{other:?}"),
    }
    let mut wrong = test_server::credentials();
    wrong.settings[1].1 = "another secret".to_owned();
    match S3::open_with(&options, &wrong, BlobAccess::Write).await.map(drop) {
        Err(Error::Internal(text)) => assert!(text.contains("storing an object") && !text.contains("another secret"), "{text}"),
        other => panic!("{other:?}"),
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.and_then(|free| free.local_addr()).expect("a free port");
    match S3::open_with(&test_server::options(nobody, ""), &test_server::credentials(), BlobAccess::Write).await.map(drop) {
        Err(Error::Unavailable(text)) => assert!(text.contains(&nobody.to_string()), "{text}"),
        other => panic!("{other:?}"),
    }
}

/// A server that answers every request in this way.
async fn answering(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            tokio::spawn(async move {
                let _ = client.read(&mut [0; 4096]).await;
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_server_that_answers_is_waited_for_only_if_it_may_answer_otherwise_later() {
    for (status, is_final) in [
        ("200 OK", true),
        ("301 Moved Permanently", true),
        ("400 Bad Request", true),
        ("405 Method Not Allowed", true),
        ("429 Too Many Requests", false),
        ("503 Slow Down", false),
    ] {
        let options = test_server::options(answering(status).await, &prefix());
        match S3::open_with(&options, &test_server::credentials(), BlobAccess::Write).await.map(drop) {
            Err(Error::Internal(text)) if is_final => assert!(text.contains("storing an object failed"), "{text}"),
            Err(Error::Unavailable(text)) if !is_final => assert!(text.contains("cannot be reached"), "{text}"),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_presigned_url_is_good_for_anyone_and_says_that_it_is_bytes() {
    let Some(address) = test_server::address() else { return };
    let store = open(address, &prefix()).await;
    let key = put(&store, b"<html>").await.expect("a key");
    let url = store.presign(&key, Duration::from_secs(60)).await.expect("a URL");
    let path = url.strip_prefix(&format!("http://{address}")).expect("at the endpoint");
    let mut connection = TcpStream::connect(address).await.expect("connected");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut response = String::new();
    connection.read_to_string(&mut response).await.expect("received");
    assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    assert!(response.to_lowercase().contains("content-type: application/octet-stream") && response.ends_with("<html>"), "{response}");
}
