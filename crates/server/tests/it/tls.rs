//! HTTPS from PEM files, and their renewal while the server runs.

use crate::support::{Connection, Identity, Server, connect_http2, run, wait_until};
use http_body_util::{BodyExt, Empty};
use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn start(identity: &Identity, flags: &[&str]) -> Server {
    Server::start(&[&identity.flags(), flags].concat())
}

#[test]
fn half_a_handshake_does_not_keep_a_server_that_stops() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let mut server = start(&identity, &[]);
    let mut silent = TcpStream::connect(server.address()).unwrap();
    silent.write_all(&[22]).unwrap();
    assert!(identity.get(&server, "/healthz").unwrap().starts_with("HTTP/1.1 200 "));
    let stopped = Instant::now();
    server.terminate();
    assert!(server.wait().success());
    assert!(stopped.elapsed() < Duration::from_secs(6), "{:?}", stopped.elapsed());
}

#[test]
fn browsers_are_bound_to_https_and_what_operators_ask_is_plain_at_an_address_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let server = start(&identity, &["--hsts", "1d", "--admin-listen", "127.0.0.1:0"]);
    let answer = identity.get(&server, "/v2/").unwrap();
    assert!(answer.contains("\r\nstrict-transport-security: max-age=86400\r\n"), "{answer}");
    assert!(identity.get(&server, "/metrics").unwrap().starts_with("HTTP/1.1 404 "));
    let metrics = Connection::to(server.admin_address()).send("GET", "/metrics", &[], b"");
    assert_eq!((metrics.status, metrics.header("strict-transport-security")), (200, None));
    assert!(!identity.get(&start(&identity, &[]), "/v2/").unwrap().contains("strict-transport-security"));
}

#[test]
fn https_is_answered_and_what_the_server_writes_starts_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let server = start(&identity, &[]);
    let origin = format!("https://localhost:{}", server.address().port());
    assert_eq!(server.url(), origin);
    let answer = identity.get(&server, "/v2/").unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains(&format!(r#"Bearer realm="{origin}/token/""#)), "{answer}");
}

#[tokio::test]
async fn http2_is_spoken_with_those_who_offer_it() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let server = start(&identity, &[]);
    let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(identity.client(&[b"h2", b"http/1.1"]));
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut client, connection) = connect_http2(stream).await;
    let request = http::Request::get("https://localhost/healthz").body(Empty::<bytes::Bytes>::new()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "alive\n");
    drop(client);
    let _ = connection.await.unwrap();
}

#[test]
fn a_renewed_certificate_is_taken_over_without_a_restart_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = Identity::write_to(folder.path());
    let server = start(&first, &[]);
    std::fs::write(folder.path().join("chain.pem"), "not a certificate").unwrap();
    server.wait_for_event(|event| event["message"] == "the new certificate cannot be used: the old one stays in use");
    assert!(first.get(&server, "/healthz").unwrap().ends_with("alive\n"));

    let second = Identity::write_to(folder.path());
    wait_until("the certificate was not renewed", || second.get(&server, "/healthz").is_ok());
    assert!(first.get(&server, "/healthz").is_err());
}

#[test]
fn plain_http_on_a_secure_port_is_told_to_use_https_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let server = start(&identity, &[]);
    let upload = [b"PUT /v2/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n".as_slice(), &[0; 1_000_000]].concat();
    for request in
        [b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".as_slice(), b"P", upload.as_slice(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())) && body.contains("https://"), "{answer}");
    }
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"\x00nothing that anybody speaks").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert!(identity.get(&server, "/healthz").unwrap().ends_with("alive\n"));
}

#[test]
fn a_certificate_that_clients_refuse_because_of_its_dates_is_served_with_a_warning_and_its_expiry_is_a_metric() {
    let folder = tempfile::tempdir().unwrap();
    let expired = Identity::expired(folder.path());
    let server = start(&expired, &["--admin-listen", "127.0.0.1:0"]);
    let warning = server.wait_for_event(|event| event["message"] == "the certificate has expired, so clients refuse it: renew it");
    assert_eq!(warning["level"], "WARN");
    let metrics = Connection::to(server.admin_address()).send("GET", "/metrics", &[], b"");
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains(r#"roadstead_tls_certificate_expiry_timestamp_seconds{domain="localhost"} 978307200"#), "{metrics}");
}

#[test]
fn after_http2_was_agreed_on_nothing_else_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::write_to(folder.path());
    let server = start(&identity, &[]);
    for (protocols, is_answered) in [([b"h2".as_slice()].as_slice(), false), (&[b"http/1.1"], true), (&[], true)] {
        let mut stream = identity.connect(&server, protocols).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        // HTTP/1.1 is a connection error, answered with GOAWAY (RFC 9113 §3.4).
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(answer.starts_with(b"HTTP/1.1 200 "), is_answered, "{protocols:?}: {answer:?}");
    }
}

#[test]
fn files_that_cannot_be_used_are_refused_at_start_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    Identity::write_to(folder.path());
    let other_chain = std::fs::read_to_string(path("chain.pem")).unwrap();
    std::fs::rename(path("key.pem"), path("old.pem")).unwrap();
    Identity::write_to(folder.path());
    std::fs::write(path("empty.pem"), "").unwrap();
    std::fs::write(path("der.pem"), [0x30, 0x82, 0x01, 0x00]).unwrap();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(path("encrypted.pem"), encrypted).unwrap();
    let chain = std::fs::read_to_string(path("chain.pem")).unwrap();
    std::fs::write(path("reversed.pem"), format!("{other_chain}{chain}")).unwrap();
    let data = path("data");
    for (certificate, key, code, reason) in [
        ("none.pem", "key.pem", 1, "none.pem' cannot be read: "),
        ("empty.pem", "key.pem", 1, "empty.pem' holds no certificate"),
        ("chain.pem", "empty.pem", 1, "empty.pem' holds no private key: "),
        ("chain.pem", "old.pem", 1, "cannot be used together: the key belongs to another certificate"),
        ("reversed.pem", "key.pem", 1, "the certificate of the key must come first, before those of the authorities that issued it"),
        ("key.pem", "chain.pem", 1, "key.pem' holds no certificate, but a private key: are --tls-cert and --tls-key swapped?"),
        ("der.pem", "key.pem", 1, "der.pem' holds no certificate in PEM form: convert it with 'openssl x509 -inform der -in "),
        ("chain.pem", "encrypted.pem", 1, "encrypted.pem' holds an encrypted private key: decrypt it with 'openssl pkey -in "),
        ("chain.pem", "", 2, "--tls-key: is not set, but --tls-cert is: set both or neither"),
    ] {
        let (certificate, key_path) = (path(certificate), path(key));
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data", &data, "--tls-cert", &certificate];
        if !key.is_empty() {
            arguments.extend(["--tls-key", &key_path]);
        }
        let ended = run(&arguments, &[]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(reason), "{ended:?}");
    }
    assert!(!folder.path().join("data").exists());
}
