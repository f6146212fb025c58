//! Blobs: ranges, conditions, mounts, deletion.

use super::{code, error};
use crate::support::{Harbour, IMAGE, INDEX, sha256};
use serde_json::json;

#[test]
fn a_blob_is_read_whole_in_part_or_not_again() {
    let harbour = Harbour::new();
    let bytes: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
    let digest = harbour.push_blob("app", &bytes);
    let path = format!("/v2/pier/app/blobs/{digest}");
    let tag = format!("\"{digest}\"");

    let whole = harbour.server.get(&path);
    assert_eq!((whole.status, &whole.body), (200, &bytes));
    for (name, value) in [
        ("content-length", "10000"),
        ("content-type", "application/octet-stream"),
        ("docker-content-digest", &digest),
        ("etag", &tag),
        ("accept-ranges", "bytes"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        ("docker-distribution-api-version", "registry/2.0"),
    ] {
        assert_eq!(whole.header(name), Some(value), "{name}");
    }
    let head = harbour.server.send("HEAD", &path, &[("range", "bytes=0-9")], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("10000")));

    for (range, first, last) in
        [("bytes=0-0", 0, 0), ("bytes=500-1499", 500, 1499), ("bytes=9000-", 9000, 9999), ("bytes=-500", 9500, 9999)]
    {
        let part = harbour.get_with(&path, "range", range);
        let content_range = format!("bytes {first}-{last}/10000");
        assert_eq!((part.status, part.header("content-range")), (206, Some(content_range.as_str())));
        assert_eq!(part.body, bytes[first..=last]);
    }
    for range in ["bytes=10000-", "bytes=5-4", "bytes=-0"] {
        let none = harbour.get_with(&path, "range", range);
        assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */10000")), "{range}");
    }
    for (name, value, status) in
        [("if-none-match", tag.as_str(), 304), ("if-none-match", "*", 304), ("if-none-match", "\"x\", W/\"y\"", 200)]
    {
        let answer = harbour.get_with(&path, name, value);
        assert_eq!((answer.status, answer.header("etag")), (status, Some(tag.as_str())), "{value}");
    }
    let same = harbour.server.send("GET", &path, &[("range", "bytes=0-1"), ("if-range", &tag)], b"");
    let other = harbour.server.send("GET", &path, &[("range", "bytes=0-1"), ("if-range", "\"other\"")], b"");
    assert_eq!((same.status, other.status, other.body.len()), (206, 200, 10_000));
}

#[test]
fn several_ranges_come_in_one_answer() {
    let harbour = Harbour::new();
    let digest = harbour.push_blob("app", b"0123456789abcdefghij");
    let answer = harbour.get_with(&format!("/v2/pier/app/blobs/{digest}"), "range", "bytes=10-12,0-1,-1");
    let boundary = answer.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, bytes: &str| {
        format!("--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {range}/20\r\n\r\n{bytes}\r\n")
    };
    let expected = part("10-12", "abc") + &part("0-1", "01") + &part("19-19", "j") + &format!("--{boundary}--\r\n");
    assert_eq!((answer.status, answer.text()), (206, expected));
}

/// containerd pulls several parts of a large layer concurrently.
#[test]
fn a_blob_is_put_together_from_parts_that_are_pulled_at_the_same_time() {
    let harbour = Harbour::new();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let path = format!("/v2/pier/app/blobs/{}", harbour.push_blob("app", &bytes));
    let parts: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let pull = |first: usize| {
            let (harbour, path) = (&harbour, &path);
            scope.spawn(move || {
                let part = harbour.get_with(path, "range", &format!("bytes={first}-{}", first + 299_999));
                assert_eq!(part.status, 206);
                part.body
            })
        };
        let pulls: Vec<_> = (0..10).map(|number| pull(number * 300_000)).collect();
        pulls.into_iter().map(|pulled| pulled.join().unwrap()).collect()
    });
    assert!(parts.concat() == bytes);
}

#[test]
fn an_empty_blob_is_a_blob() {
    let harbour = Harbour::new();
    let digest = harbour.push_blob("app", b"");
    let answer = harbour.server.get(&format!("/v2/pier/app/blobs/{digest}"));
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("0"), 0));
    for (range, status) in [("bytes=0-", 200), ("bytes=0-9", 200), ("bytes=-1", 200), ("bytes=1-", 416)] {
        assert_eq!(harbour.get_with(&format!("/v2/pier/app/blobs/{digest}"), "range", range).status, status, "{range}");
    }
}

#[test]
fn a_blob_with_another_digest_is_refused() {
    let harbour = Harbour::new();
    let digest = sha256(b"expected");
    let answer = harbour.send("POST", &format!("/v2/pier/app/blobs/uploads/?digest={digest}"), &[], b"other");
    assert_eq!(code(&answer), (400, "DIGEST_INVALID".into()));
    let location = harbour.start_upload();
    assert_eq!(code(&harbour.send("PUT", &location, &[], b"x")), (400, "DIGEST_INVALID".into()));
    assert_eq!(code(&harbour.send("PUT", &format!("{location}?digest=md5:x"), &[], b"x")), (400, "DIGEST_INVALID".into()));
    assert_eq!(harbour.send("DELETE", &location, &[], b"").status, 204);
    assert_eq!(code(&harbour.send("PATCH", &location, &[], b"x")), (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[test]
fn a_blob_is_mounted_from_wherever_it_is_and_else_sent() {
    let harbour = Harbour::new();
    harbour.create("other");
    let digest = harbour.push_blob("app", b"mount me");
    let mount = |query: &str| harbour.send("POST", &format!("/v2/pier/other/blobs/uploads/?{query}"), &[], b"");
    for (from, status) in [("&from=pier/none", 202), ("&from=none/app", 202), ("&from=app", 202), ("&from=pier%2Fapp", 201), ("", 201)] {
        let answer = mount(&format!("mount={digest}{from}"));
        assert_eq!((answer.status, answer.header("location").is_some()), (status, true), "{from}");
    }
    assert_eq!(harbour.server.get(&format!("/v2/pier/other/blobs/{digest}")).body, b"mount me");
    assert_eq!(mount(&format!("mount={}", sha256(b"nowhere"))).status, 202);
    assert_eq!(code(&mount("mount=sha256:x")), (400, "DIGEST_INVALID".into()));
}

#[test]
fn what_is_needed_is_not_deleted() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    let digest = sha256(&manifest);
    harbour.put("v1", &[], &manifest);
    let entry = json!({ "mediaType": IMAGE, "digest": digest, "size": manifest.len() });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] }).to_string();
    let put = harbour.send("PUT", "/v2/pier/app/manifests/all", &[("content-type", INDEX)], index.as_bytes());
    assert_eq!(put.status, 201, "{put:?}");
    for (path, by) in [(format!("blobs/{}", sha256(b"a layer")), &digest), (format!("manifests/{digest}"), &sha256(index.as_bytes()))] {
        let (status, code, message) = error(&harbour.send("DELETE", &format!("/v2/pier/app/{path}"), &[], b""));
        assert_eq!((status, code.as_str()), (405, "UNSUPPORTED"));
        assert!(message.contains(by.as_str()), "{message}");
    }
    assert_eq!(harbour.send("DELETE", "/v2/pier/app/manifests/v1", &[], b"").status, 202);
    assert_eq!((harbour.digest_of("v1"), harbour.digest_of(&digest).is_some()), (None, true));
}
