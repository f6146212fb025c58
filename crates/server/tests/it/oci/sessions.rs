//! Upload sessions: chunks, offsets, restarts.

use super::code;
use crate::support::{Connection, Harbour, Server, sha256};
use serde_json::json;

#[test]
fn a_chunk_in_the_wrong_place_leaves_the_session_unharmed() {
    let harbour = Harbour::new();
    let location = harbour.start_upload();
    let chunk = |method: &str, path: &str, range: &str, bytes: &[u8]| harbour.send(method, path, &[("content-range", range)], bytes);
    assert_eq!(chunk("PATCH", &location, "0-4", b"01234").header("range"), Some("0-4"));
    let digest = sha256(b"0123456789");
    let close = format!("{location}?digest={digest}");
    for (method, path, range) in [("PATCH", &location, "0-4"), ("PATCH", &location, "7-11"), ("PUT", &close, "6-10")] {
        let answer = chunk(method, path, range, b"xxxxx");
        assert_eq!(code(&answer), (416, "BLOB_UPLOAD_INVALID".into()), "{range}");
        assert_eq!((answer.header("range"), answer.header("location")), (Some("0-4"), Some(location.as_str())));
    }
    for range in ["bytes 5-9/10", "5-", "9-5", "5-9-", "x"] {
        assert_eq!(code(&chunk("PATCH", &location, range, b"56789")), (400, "BLOB_UPLOAD_INVALID".into()), "{range}");
    }
    assert_eq!(code(&chunk("PATCH", &location, "5-8", b"56789")), (400, "SIZE_INVALID".into()));
    let status = harbour.send("GET", &location, &[], b"");
    assert_eq!((status.status, status.header("range")), (204, Some("0-4")));
    assert_eq!(chunk("PUT", &close, "5-9", b"56789").status, 201);
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/blobs/{digest}")).body, b"0123456789");
    assert_eq!(code(&harbour.send("GET", &location, &[], b"")), (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[test]
fn an_upload_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let harbour = Harbour::on(Server::start_in(folder.path(), &["--alias", "pier"]));
    harbour.create("app");
    let location = harbour.start_upload();
    assert_eq!(harbour.send("PATCH", &location, &[], b"before ").header("range"), Some("0-6"));
    let login = harbour.login.clone();
    assert!(harbour.server.stop().success());

    let harbour = Harbour { server: Server::start_in(folder.path(), &[]), login };
    assert_eq!(harbour.send("GET", &location, &[], b"").header("range"), Some("0-6"));
    assert_eq!(harbour.send("PATCH", &location, &[("content-range", "7-11")], b"after").header("range"), Some("0-11"));
    let digest = sha256(b"before after");
    let closed = harbour.send("PUT", &format!("{location}?digest={digest}"), &[], b"");
    assert_eq!((closed.status, closed.header("docker-content-digest")), (201, Some(digest.as_str())));
    assert_eq!(harbour.server.get(closed.header("location").unwrap()).body, b"before after");
}

#[test]
fn what_arrived_before_a_connection_broke_is_kept() {
    let harbour = Harbour::new();
    let location = harbour.start_upload();
    let mut connection = Connection::to(harbour.server.address());
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\ncontent-length: 100\r\n\r\n0123456789",
        harbour.server.address(),
        harbour.login
    );
    connection.write(head.as_bytes());
    drop(connection);
    let mut range = String::new();
    for _ in 0..100 {
        range = harbour.send("GET", &location, &[], b"").header("range").unwrap().to_owned();
        if range != "0-0" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(range, "0-9");
    let digest = sha256(b"0123456789");
    assert_eq!(harbour.send("PUT", &format!("{location}?digest={digest}"), &[], b"").status, 201);
}

#[test]
fn create_on_push_makes_the_repository_of_the_first_upload() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--create-on-push"]));
    harbour.push_blob("team/app", b"first");
    assert_eq!(harbour.server.get("/v2/_catalog").json(), json!({ "repositories": ["pier/team/app"] }));
    assert_eq!(harbour.server.get("/v2/pier/none/tags/list").status, 404);
}
