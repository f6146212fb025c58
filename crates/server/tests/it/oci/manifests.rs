//! Manifests and tags: caching, conditional and multi-tag pushes, limits.

use super::{code, sha512};
use crate::support::{Connection, Harbour, IMAGE, sha256};
use serde_json::json;

#[test]
fn a_manifest_is_cached_by_digest_and_asked_for_again_by_tag() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    let digest = sha256(&manifest);
    let put = harbour.put("v1", &[("content-type", &format!("{IMAGE}; charset=utf-8"))], &manifest);
    assert_eq!((put.status, put.header("location")), (201, Some(format!("/v2/pier/app/manifests/{digest}").as_str())));
    for (reference, caching) in [(digest.as_str(), "public, max-age=31536000, immutable"), ("v1", "public, no-cache")] {
        let path = format!("/v2/pier/app/manifests/{reference}");
        let answer = harbour.server.send("GET", &path, &[("accept", "text/html")], b"");
        assert_eq!((answer.status, answer.body == manifest), (200, true));
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), (Some(IMAGE), Some(caching)));
        assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()));
        let head = harbour.server.send("HEAD", &path, &[], b"");
        assert_eq!((head.status, head.header("content-length")), (200, answer.header("content-length")));
        let again = harbour.get_with(&path, "if-none-match", &format!("W/\"{digest}\""));
        assert_eq!((again.status, again.body.len(), again.header("content-length")), (304, 0, None));
    }
}

#[test]
fn a_tag_is_moved_only_from_where_it_was_seen() {
    let harbour = Harbour::new();
    let (first, second) = (harbour.image("a", None), harbour.image("b", None));
    let tag = |bytes: &[u8]| format!("\"{}\"", sha256(bytes));
    assert_eq!(harbour.put("v1", &[("if-match", "*")], &first).status, 412);
    assert_eq!(harbour.put("v1", &[("if-none-match", "*")], &first).status, 201);
    let lost = harbour.put("v1", &[("if-none-match", "*")], &second);
    assert_eq!(code(&lost), (412, "PRECONDITION_FAILED".into()));
    assert_eq!(harbour.put("v1", &[("if-match", &tag(&second))], &second).status, 412);
    assert_eq!(harbour.digest_of("v1"), Some(sha256(&first)));
    let moved = harbour.put("v1", &[("if-match", &tag(&first))], &second);
    assert_eq!((moved.status, moved.header("etag")), (201, Some(tag(&second).as_str())));
    assert_eq!(harbour.digest_of("v1"), Some(sha256(&second)));
    let both = harbour.put("v1", &[("if-match", "*"), ("if-none-match", "*")], &second);
    assert_eq!(code(&both), (400, "UNSUPPORTED".into()));
}

#[test]
fn many_tags_are_set_by_one_push_or_none_is() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    let digest = sha256(&manifest);
    let query = |tags: &[String]| tags.iter().map(|tag| format!("tag={tag}")).collect::<Vec<_>>().join("&");
    let tags: Vec<String> = (10..40).map(|n| format!("v{n}")).collect();
    let put = harbour.put(&format!("{digest}?{}", query(&tags)), &[], &manifest);
    let set: Vec<_> = put.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("oci-tag")).map(|(_, tag)| tag.clone()).collect();
    assert_eq!((put.status, set), (201, tags.clone()));
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list").json()["tags"], json!(tags));
    assert_eq!(code(&harbour.put(&format!("{digest}?tag=new&tag=-bad"), &[], &manifest)), (400, "TAG_INVALID".into()));
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(code(&harbour.put(&format!("{other}?tag=new"), &[], &manifest)), (400, "DIGEST_INVALID".into()));
    assert_eq!(harbour.digest_of("new"), None);
}

#[test]
fn a_manifest_may_go_by_sha512() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    let digest = sha512(&manifest);
    let put = harbour.put(&format!("{digest}?tag=v1"), &[], &manifest);
    assert_eq!((put.status, put.header("docker-content-digest")), (201, Some(digest.as_str())));
    assert_eq!(harbour.digest_of("v1"), Some(digest));
}

#[test]
fn a_manifest_that_is_too_large_is_refused_and_the_client_reads_why() {
    let harbour = Harbour::new();
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    // The server does not read the rest of the body, so it closes the connection after the response.
    let connection = || Connection::to(harbour.server.address());
    let headers = [("authorization", harbour.login.as_str()), ("content-type", IMAGE)];
    assert_eq!(code(&connection().send("PUT", "/v2/pier/app/manifests/v1", &headers, &large)), (413, "MANIFEST_INVALID".into()));
    let chunked = [headers.as_slice(), &[("transfer-encoding", "chunked")]].concat();
    let body = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(connection().send("PUT", "/v2/pier/app/manifests/v1", &chunked, &body).status, 413);
    assert_eq!(code(&harbour.put("v1", &[], b"{")), (400, "MANIFEST_INVALID".into()));
}

#[test]
fn a_push_names_a_hundred_tags_at_most() {
    let harbour = Harbour::new();
    let image = harbour.image("a", None);
    let push = |count: usize| {
        let tags: Vec<String> = (0..count).map(|number| format!("tag=t{number}")).collect();
        harbour.put(&format!("{}?{}", sha256(&image), tags.join("&")), &[], &image)
    };
    let refused = push(101);
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (414, &json!("TAG_INVALID")));
    assert_eq!(harbour.digest_of("t0"), None);
    let pushed = push(100);
    assert_eq!((pushed.status, pushed.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("oci-tag")).count()), (201, 100));
}
