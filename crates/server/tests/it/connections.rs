//! Connections: accepted heads, keep-alive, and limits.

use crate::support::{Answer, Connection, Harbour, Server, sha256, wait_until};
use serde_json::json;
use std::time::{Duration, Instant};

const LARGE: usize = 16 << 20;

fn says_close(answer: &Answer) -> bool {
    answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
}

#[test]
fn heads_that_servers_and_proxies_read_differently_are_refused_and_end_the_connection() {
    let server = Server::start(&[]);
    let smuggled = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Comment: b\nContent-Length: 34\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 34\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 34\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n",
        "POST /token HTTP/1.1\r\nHost: a\r\nX: y\r\n Content-Length: 34\r\n\r\n",
    ] {
        for pieces in [usize::MAX, 7] {
            let mut connection = Connection::to(server.address());
            let bytes = [head, smuggled].concat();
            bytes.as_bytes().chunks(pieces.min(bytes.len())).for_each(|piece| connection.write(piece));
            let answer = connection.read("POST");
            assert_eq!((answer.status, says_close(&answer)), (400, true), "{head:?}: {answer:?}");
            assert!(connection.is_closed(), "{head:?}");
        }
    }
}

#[test]
fn requests_of_every_framing_follow_each_other_on_one_connection() {
    let server = Server::start(&[]);
    let mut connection = Connection::to(server.address());
    connection.write(b"\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\nPOST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\na\nb\n");
    connection.write(b"POST /token HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\na=\nb\r\n0\r\nX: z\r\n\r\n");
    connection.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    let statuses: Vec<u16> = ["GET", "POST", "POST", "GET"].iter().map(|method| connection.read(method).status).collect();
    assert_eq!((statuses[0], statuses[3]), (200, 200), "{statuses:?}");
}

#[test]
fn a_request_is_refused_before_its_body_and_the_client_may_still_send_it() {
    let harbour = Harbour::new();
    let body = vec![0; LARGE];
    let upload = harbour.start_upload();
    let login = ("authorization", harbour.login.as_str());
    for (method, path, headers, status) in [
        ("PATCH", upload.as_str(), vec![], 401),
        ("PUT", "/v2/pier/app/manifests/v1", vec![], 401),
        ("PUT", "/v2/pier/app/manifests/v1", vec![login], 413),
        ("PATCH", upload.as_str(), vec![login, ("content-range", "5-16777220")], 416),
        ("PATCH", "/v2/pier/app/blobs/uploads/00000000-0000-4000-8000-000000000000", vec![login], 404),
        ("POST", "/", vec![("x-amz-target", "SpencerFrontendService.Nothing")], 400),
        ("POST", "/token", vec![], 413),
        ("PUT", "/nothing", vec![], 405),
        ("PUT", "/", vec![], 405),
    ] {
        let mut connection = Connection::to(harbour.server.address());
        // Sends the whole body, like clients that read the answer only afterwards.
        let answer = connection.send(method, path, &headers, &body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(says_close(&answer), "{method} {path}: {answer:?}");
        assert!(connection.is_closed());
    }
}

#[test]
fn the_answer_comes_before_the_body_does() {
    let harbour = Harbour::new();
    let upload = harbour.start_upload();
    let mut connection = Connection::to(harbour.server.address());
    connection.write(format!("PATCH {upload} HTTP/1.1\r\nhost: a\r\ncontent-length: {LARGE}\r\n\r\n").as_bytes());
    let answer = connection.read("PATCH");
    assert_eq!((answer.status, says_close(&answer)), (401, true));
    // Nothing more is sent, so the lingering close ends soon.
    let begun = Instant::now();
    assert!(connection.is_closed());
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_client_that_waits_to_be_asked_for_its_body_is_not_asked_when_it_is_refused() {
    let harbour = Harbour::new();
    let upload = harbour.start_upload();
    for (length, status) in [(LARGE, 401), (10, 401)] {
        let mut connection = Connection::to(harbour.server.address());
        connection
            .write(format!("PATCH {upload} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n").as_bytes());
        let raw = connection.read_to_end();
        assert!(raw.starts_with(&format!("HTTP/1.1 {status} ")) && !raw.contains("100 Continue"), "{raw}");
        assert!(raw.contains("connection: close\r\n"), "{raw}");
    }
    let mut connection = Connection::to(harbour.server.address());
    let login = &harbour.login;
    connection.write(
        format!("PATCH {upload} HTTP/1.1\r\nhost: a\r\nauthorization: {login}\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            .as_bytes(),
    );
    assert_eq!(connection.read_status(), 100);
    connection.write(b"ab");
    let answer = connection.read("PATCH");
    assert_eq!((answer.status, says_close(&answer)), (202, false), "{answer:?}");
}

#[test]
fn a_small_body_that_nobody_wants_costs_no_connection_and_neither_does_a_chunked_one_that_was_received() {
    let harbour = Harbour::new();
    let mut connection = Connection::to(harbour.server.address());
    for _ in 0..3 {
        let answer = connection.send("POST", "/", &[("x-amz-target", "SpencerFrontendService.Nothing")], b"{}");
        assert_eq!((answer.status, says_close(&answer)), (400, false), "{answer:?}");
        let answer = connection.send("PUT", "/v2/pier/app/manifests/v1", &[], &[b' '; 2000]);
        assert_eq!((answer.status, says_close(&answer)), (401, false), "{answer:?}");
    }
    let upload = harbour.start_upload();
    let headers = [("authorization", harbour.login.as_str()), ("transfer-encoding", "chunked")];
    for _ in 0..3 {
        let answer = connection.send("PATCH", &upload, &headers, b"3\r\nabc\r\n0\r\n\r\n");
        assert_eq!((answer.status, says_close(&answer)), (202, false), "{answer:?}");
    }
    let path = format!("{upload}?digest={}", sha256(b"abcabcabc"));
    assert_eq!(connection.send("PUT", &path, &headers[..1], b"").status, 201);
}

/// A connection with a request in flight.
fn busy(server: &Server, forwarded_for: &str) -> Connection {
    let mut connection = Connection::to(server.address());
    let forwarded = format!("x-forwarded-for: {forwarded_for}\r\n");
    let head = format!("POST /token HTTP/1.1\r\nhost: a\r\n{forwarded}expect: 100-continue\r\ncontent-length: 10\r\n\r\n");
    connection.write(head.as_bytes());
    assert_eq!(connection.read_status(), 100);
    connection
}

#[test]
fn idle_connections_of_an_address_make_room_and_busy_ones_do_not() {
    let server = Server::start(&["--max-connections-per-address", "3"]);
    let mut idle: Vec<Connection> = (0..3).map(|_| Connection::to(server.address())).collect();
    for connection in &mut idle {
        assert_eq!(connection.send("GET", "/healthz", &[], b"").status, 200);
    }
    idle[0].write(b"GET /healthz HTTP/1.1\r\nhost: a\r\n");
    assert_eq!(server.get("/healthz").status, 200);
    assert!(idle[0].is_closed(), "an incomplete head does not make a connection busy");
    assert_eq!(idle[2].send("GET", "/healthz", &[], b"").status, 200);

    let _busy: Vec<Connection> = (0..3).map(|_| busy(&server, "")).collect();
    let refused = server.get("/healthz");
    assert_eq!((refused.status, refused.header("retry-after"), says_close(&refused)), (503, Some("1"), true));
}

#[test]
fn all_connections_together_have_a_bound_and_a_proxy_is_held_to_no_other() {
    let server = Server::start(&["--trusted-proxy", "127.0.0.1", "--max-connections", "8", "--max-connections-per-address", "2"]);
    let busy: Vec<Connection> = (0..8).map(|number| busy(&server, &format!("198.51.100.{number}"))).collect();
    assert_eq!(server.get("/healthz").status, 503);
    drop(busy);
    wait_until("the places were not freed", || server.get("/healthz").status == 200);
    assert!(server.get("/metrics").text().contains(r#"roadstead_connections_refused_total{bound="all"} "#));
}

#[test]
fn requests_through_a_proxy_are_counted_by_the_address_that_it_forwards() {
    let server = Server::start(&["--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "2"]);
    let from = |client: &str, method: &str, path: &str| {
        let target = ("x-amz-target", "SpencerFrontendService.DescribeRegistries");
        server.send(method, path, &[("x-forwarded-for", client), target], b"")
    };
    let held: Vec<Connection> = ["2001:db8::1", "2001:db8::2"].iter().map(|client| busy(&server, client)).collect();
    let refused = from("2001:db8::3", "GET", "/v2/");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["errors"][0]["code"], json!("TOOMANYREQUESTS"));
    assert_eq!(from("2001:db8::3", "POST", "/").json()["__type"], json!("ThrottlingException"));
    assert_eq!(from("2001:db8::3", "GET", "/healthz").status, 429);
    assert_eq!(from("2001:db8:0:1::3", "GET", "/healthz").status, 200);
    assert_eq!(server.get("/healthz").status, 200, "a request of the proxy itself is not limited");
    drop(held);
    wait_until("finished requests are still counted", || from("2001:db8::3", "GET", "/healthz").status == 200);
}
