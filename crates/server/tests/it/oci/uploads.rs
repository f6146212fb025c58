//! Uploads whose connections stall or break, whose responses are lost, and that are never completed.

use super::code;
use super::redirects::with_bucket;
use crate::support::{Connection, Credentials, Harbour, Server, sha256, wait_until};
use serde_json::json;
use std::thread::sleep;
use std::time::Duration;

/// Sends the head of a request with a body of `length` bytes, and the bytes `sent`.
fn begin(harbour: &Harbour, method: &str, path: &str, length: usize, sent: &[u8]) -> Connection {
    let mut connection = Connection::to(harbour.server.address());
    let (host, login) = (harbour.server.address(), &harbour.login);
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {login}\r\ncontent-length: {length}\r\n\r\n");
    connection.write(head.as_bytes());
    connection.write(sent);
    connection
}

/// Waits until the server reads a request that was begun.
fn wait_until_read(harbour: &Harbour) {
    wait_until("the request did not begin", || harbour.server.metric(r#"roadstead_http_requests_in_flight{door="oci"}"#) == 1);
}

/// Waits until the status of an upload has this range.
fn wait_for_range(harbour: &Harbour, location: &str, range: &str) {
    let mut told = String::new();
    for _ in 0..500 {
        let status = harbour.send("GET", location, &[], b"");
        told = status.header("range").unwrap().to_owned();
        if told == range {
            return;
        }
        sleep(Duration::from_millis(10));
    }
    assert_eq!(told, range);
}

#[test]
fn a_closing_put_whose_answer_was_lost_is_answered_as_before() {
    let harbour = Harbour::new();
    let digest = sha256(b"all of it");
    for (patch, put) in [(b"all of it".as_slice(), b"".as_slice()), (b"", b"all of it")] {
        let location = harbour.start_upload();
        assert_eq!(harbour.send("PATCH", &location, &[], patch).status, 202);
        let close = format!("{location}?digest={digest}");
        for body in [put, put, b"all of it"] {
            let closed = harbour.send("PUT", &close, &[], body);
            assert_eq!((closed.status, closed.header("docker-content-digest")), (201, Some(digest.as_str())));
            assert_eq!(closed.header("location"), Some(format!("/v2/pier/app/blobs/{digest}").as_str()));
        }
        assert_eq!(code(&harbour.send("PUT", &close, &[], b"all of them")), (404, "BLOB_UPLOAD_UNKNOWN".into()));
        assert_eq!(harbour.server.send("PUT", &close, &[], b"").status, 401);
        let other = format!("{location}?digest={}", sha256(b"nowhere"));
        assert_eq!(code(&harbour.send("PUT", &other, &[], b"")), (404, "BLOB_UPLOAD_UNKNOWN".into()));
    }
    // A retry gives no access to blobs of other repositories.
    harbour.create("other");
    let elsewhere = format!("/v2/pier/other/blobs/uploads/none?digest={digest}");
    assert_eq!(code(&harbour.send("PUT", &elsewhere, &[], b"")), (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[test]
fn a_put_of_everything_that_broke_is_sent_again_and_succeeds() {
    let harbour = Harbour::new();
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for length in [1000, bytes.len()] {
        let (whole, half) = (&bytes[..length], &bytes[..length / 2]);
        let digest = sha256(whole);
        let location = harbour.start_upload();
        let close = format!("{location}?digest={digest}");
        let broken = begin(&harbour, "PUT", &close, length, half);
        // Whichever of two requests begins later goes on.
        wait_until_read(&harbour);
        drop(broken);
        // The server may have noticed by now or not.
        wait_for_range(&harbour, &location, "0-0");
        assert_eq!(harbour.send("PUT", &close, &[], whole).status, 201);
        assert!(harbour.server.get(&format!("/v2/pier/app/blobs/{digest}")).body == whole);
    }
    let digest = sha256(b"in one request");
    let push = format!("/v2/pier/app/blobs/uploads/?digest={digest}");
    drop(begin(&harbour, "POST", &push, 14, b"in one"));
    assert_eq!(harbour.send("POST", &push, &[], b"in one request").status, 201);
}

#[test]
fn a_put_that_hangs_gives_way_to_the_same_put() {
    let harbour = Harbour::new();
    let location = harbour.start_upload();
    let digest = sha256(b"0123456789");
    let close = format!("{location}?digest={digest}");
    let mut hung = begin(&harbour, "PUT", &close, 10, b"01234");
    wait_until_read(&harbour);
    assert_eq!(harbour.send("PUT", &close, &[], b"0123456789").status, 201);
    hung.write(b"56789");
    assert_ne!(hung.read("PUT").status, 500);
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/blobs/{digest}")).body, b"0123456789");
}

#[test]
fn a_chunk_goes_on_where_a_hung_one_got_to_and_no_byte_of_that_one_comes_in_between() {
    let harbour = Harbour::new();
    for unit in [1, 40_000] {
        let bytes = |text: &[u8]| text.iter().flat_map(|byte| vec![*byte; unit]).collect::<Vec<_>>();
        let location = harbour.start_upload();
        let mut hung = begin(&harbour, "PATCH", &location, 10 * unit, &bytes(b"0123"));
        wait_for_range(&harbour, &location, &format!("0-{}", 4 * unit - 1));
        let chunk = |range: String, text: &[u8]| {
            let headers = [("content-range", range.as_str())];
            harbour.send("PATCH", &location, if range.is_empty() { &[] } else { &headers }, &bytes(text))
        };
        for range in [format!("0-{}", unit - 1), String::new()] {
            let refused = chunk(range, b"x");
            assert_eq!(code(&refused), (416, "BLOB_UPLOAD_INVALID".into()));
            assert_eq!(refused.header("range"), Some(format!("0-{}", 4 * unit - 1).as_str()));
            assert_eq!(refused.header("location"), Some(location.as_str()));
        }
        let next = chunk(format!("{}-{}", 4 * unit, 6 * unit - 1), b"ab");
        assert_eq!((next.status, next.header("range")), (202, Some(format!("0-{}", 6 * unit - 1).as_str())));
        hung.write(&bytes(b"456789"));
        assert_eq!(hung.read("PATCH").status, 416);
        let digest = sha256(&bytes(b"0123abcd"));
        assert_eq!(harbour.send("PUT", &format!("{location}?digest={digest}"), &[], &bytes(b"cd")).status, 201);
        assert!(harbour.server.get(&format!("/v2/pier/app/blobs/{digest}")).body == bytes(b"0123abcd"));
    }
}

#[test]
fn what_goes_while_it_is_written_to_is_told_gone() {
    let harbour = Harbour::new();
    let location = harbour.start_upload();
    let mut hung = begin(&harbour, "PATCH", &location, 10, b"01234");
    wait_for_range(&harbour, &location, "0-4");
    assert_eq!(harbour.send("DELETE", &location, &[], b"").status, 204);
    assert_eq!(code(&hung.read("PATCH")), (404, "BLOB_UPLOAD_UNKNOWN".into()));

    for method in ["PATCH", "PUT"] {
        let location = harbour.start_upload();
        let query = if method == "PUT" { format!("?digest={}", sha256(b"0123456789")) } else { String::new() };
        let mut hung = begin(&harbour, method, &format!("{location}{query}"), 10, b"01234");
        sleep(Duration::from_millis(50));
        let delete = json!({ "repositoryName": "app", "force": true });
        assert_eq!(harbour.server.aws("DeleteRepository", &delete).status, 200);
        hung.write(b"56789");
        assert_eq!(code(&hung.read(method)), (404, "NAME_UNKNOWN".into()), "{method}");
        harbour.create("app");
    }
}

#[test]
fn unfinished_uploads_are_limited_from_their_first_byte_and_those_that_end_make_room() {
    let flags = ["--alias", "pier", "--limit-uploads-per-repository", "2", "--limit-uploads", "3"];
    let harbour = Harbour::on(Server::start(&flags));
    harbour.create("app");
    harbour.create("other");
    let mut locations: Vec<String> = (0..10).map(|_| harbour.start_upload()).collect();
    let fill = |location: &str| harbour.send("PATCH", location, &[], b"x");
    assert_eq!([fill(&locations[0]).status, fill(&locations[1]).status], [202, 202]);
    let refused = fill(&locations[2]);
    assert_eq!((code(&refused), refused.header("retry-after")), ((429, "TOOMANYREQUESTS".into()), Some("10")));
    assert!(refused.text().contains("maximum allowed number of unfinished uploads which is '2'"), "{refused:?}");
    let part = |repository: &str| {
        let begun = harbour.server.aws("InitiateLayerUpload", &json!({ "repositoryName": repository })).json();
        let part = json!({ "repositoryName": repository, "uploadId": begun["uploadId"], "partFirstByte": 0, "partLastByte": 0, "layerPartBlob": "eA==" });
        harbour.server.aws("UploadLayerPart", &part)
    };
    let refused = part("app").json();
    assert_eq!(refused["__type"], "LimitExceededException", "{refused}");
    assert_eq!(part("other").status, 200);
    assert!(part("other").text().contains("The registry with id '000000000000' already has"));
    assert_eq!(harbour.send("DELETE", &locations.remove(0), &[], b"").status, 204);
    assert_eq!(fill(&locations[1]).status, 202);
    let close = format!("{}?digest={}", locations[0], sha256(b"x"));
    assert_eq!(harbour.send("PUT", &close, &[], b"").status, 201);
    assert_eq!(fill(&locations[2]).status, 202);
    assert_eq!(fill(&locations[3]).status, 429);
}

#[test]
fn an_upload_in_one_request_counts_while_it_arrives_in_files_and_in_a_bucket() {
    let limit = ["--limit-uploads-per-repository", "1"];
    let files = Harbour::on(Server::start(&[&["--alias", "pier", "--create-on-push"], &limit[..]].concat()));
    let bucket = with_bucket("counted", &limit);
    for harbour in [Some(&files), bucket.as_ref().map(|bucket| &bucket.harbour)].into_iter().flatten() {
        let path = |bytes: &[u8]| format!("/v2/pier/app/blobs/uploads/?digest={}", sha256(bytes));
        let (first, second) = (vec![1; 2_000_000], vec![2; 600_000]);
        let received = || harbour.server.metric("roadstead_network_received_bytes_total");
        let before = received();
        let mut arriving = begin(harbour, "POST", &path(&first), first.len(), &first[1..]);
        // More than the server's buffers hold, so the first batch was counted.
        wait_until("the upload does not arrive", || received() - before > 1_900_000);
        assert_eq!(harbour.send("POST", &path(&second), &[], &second).status, 429);
        arriving.write(&first[..1]);
        assert_eq!(arriving.read("POST").status, 201);
        assert_eq!(harbour.send("POST", &path(&second), &[], &second).status, 201);
    }
}

#[test]
fn a_session_is_known_to_the_caller_that_started_it_under_its_own_id_until_it_ends() {
    let harbour = Harbour::new();
    harbour.create("other");
    let command = |arguments: &[&str]| harbour.server.command(arguments);
    command(&["user", "create", "ann"]);
    command(&["policy", "attach", "AmazonElasticContainerRegistryPublicFullAccess", "--user", "ann"]);
    let ann = harbour.server.login(&Credentials::of(&command(&["access-key", "create", "--user", "ann"])));
    let (digest, nowhere) = (sha256(b"mine"), sha256(b"nowhere"));
    for sent in [b"".as_slice(), b"mi"] {
        let location = harbour.start_upload();
        assert_eq!(harbour.send("PATCH", &location, &[], sent).status, 202);
        let altered = |at: usize| {
            let mut bytes = location.clone().into_bytes();
            let at = bytes.len() - at;
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            String::from_utf8(bytes).unwrap()
        };
        let strangers = [
            (&harbour.login, altered(1)),
            (&harbour.login, altered(20)),
            (&harbour.login, altered(36)),
            (&harbour.login, location.replace("/app/", "/other/")),
            (&ann, location.clone()),
        ];
        for (login, location) in strangers {
            for (method, path) in [
                ("GET", location.clone()),
                ("PATCH", location.clone()),
                ("DELETE", location.clone()),
                ("PUT", format!("{location}?digest={nowhere}")),
            ] {
                let answer = harbour.server.send(method, &path, &[("authorization", login)], b"");
                assert_eq!(code(&answer), (404, "BLOB_UPLOAD_UNKNOWN".into()), "{method} {path}");
            }
        }
        // Another login of the same caller goes on.
        let again = harbour.server.login(&harbour.server.credentials());
        let rest = &b"mine"[sent.len()..];
        assert_eq!(harbour.server.send("PATCH", &location, &[("authorization", &again)], rest).header("range"), Some("0-3"));
        assert_eq!(harbour.send("PUT", &format!("{location}?digest={digest}"), &[], b"").status, 201);
        assert_eq!(code(&harbour.send("PATCH", &location, &[], b"x")), (404, "BLOB_UPLOAD_UNKNOWN".into()));
    }
    for sent in [None, Some(b"x".as_slice())] {
        let location = harbour.start_upload();
        sent.inspect(|sent| assert_eq!(harbour.send("PATCH", &location, &[], sent).status, 202));
        assert_eq!(harbour.send("DELETE", &location, &[], b"").status, 204);
        for method in ["GET", "PATCH", "DELETE"] {
            assert_eq!(code(&harbour.send(method, &location, &[], b"")), (404, "BLOB_UPLOAD_UNKNOWN".into()), "{method}");
        }
    }
}
