//! The OCI door on the wire: what clients and caches live on, and what the conformance suite does not ask.

use crate::support::{Answer, Connection, Harbour, IMAGE, INDEX, Server, sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

/// The code and the message of an error answer.
fn error(answer: &Answer) -> (u16, String, String) {
    let entry = answer.json()["errors"][0].clone();
    let text = |key: &str| entry[key].as_str().unwrap().to_owned();
    (answer.status, text("code"), text("message"))
}

fn code(answer: &Answer) -> (u16, String) {
    let (status, code, _) = error(answer);
    (status, code)
}

fn assert_challenged(answer: &Answer, server: &Server) -> String {
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    let service = server.address();
    let expected = format!(r#"Bearer realm="http://{service}/token/",service="{service}",scope="aws""#);
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(challenge.starts_with(&expected), "{challenge}");
    challenge[expected.len()..].to_owned()
}

#[test]
fn a_name_of_one_segment_is_told_the_right_path() {
    let harbour = Harbour::new();
    let path = format!("repositories live under a registry alias: use {}/pier/app", harbour.server.address());
    for (method, endpoint) in [("GET", "manifests/latest"), ("POST", "blobs/uploads/"), ("GET", "tags/list")] {
        let answer = harbour.send(method, &format!("/v2/app/{endpoint}"), &[], b"");
        assert_eq!(error(&answer), (400, "NAME_INVALID".into(), path.clone()));
    }
}

#[test]
fn a_name_that_aws_would_not_have_is_invalid_and_an_unknown_one_is_unknown() {
    let harbour = Harbour::new();
    for name in ["pier/a__b", "pier/a--b", "pier/App", "pier/x", "Quay/app", "000000000000/app"] {
        assert_eq!(code(&harbour.server.get(&format!("/v2/{name}/tags/list"))), (400, "NAME_INVALID".into()), "{name}");
    }
    let unknown = error(&harbour.server.get("/v2/library/debian/manifests/latest"));
    let text = |name: &str, alias: &str| format!("The repository with name '{name}' does not exist in the registry with id '{alias}'");
    assert_eq!(unknown, (404, "NAME_UNKNOWN".into(), text("debian", "library")));
    let missing = error(&harbour.send("POST", "/v2/pier/none/blobs/uploads/", &[], b""));
    assert_eq!(missing, (404, "NAME_UNKNOWN".into(), text("none", "pier")));
    let manifest = error(&harbour.server.get("/v2/pier/app/manifests/none"));
    let text = "The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the repository with name 'app' in the registry with id 'pier'";
    assert_eq!(manifest, (404, "MANIFEST_UNKNOWN".into(), text.into()));
    let upload = error(&harbour.send("GET", "/v2/pier/app/blobs/uploads/none", &[], b""));
    assert_eq!((upload.0, upload.1.as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
    assert!(upload.2.ends_with("in the registry with id 'pier'"), "{}", upload.2);
}

#[test]
fn reads_need_no_login_and_everything_else_asks_for_one() {
    let harbour = Harbour::new();
    let digest = harbour.push_blob("app", b"x");
    harbour.put("v1", &[], &harbour.image("a", None));
    let blob = format!("blobs/{digest}");
    let referrers = format!("referrers/{digest}");
    for endpoint in ["manifests/v1", &blob, "tags/list", &referrers] {
        assert_eq!(harbour.server.get(&format!("/v2/pier/app/{endpoint}")).status, 200, "{endpoint}");
    }
    assert_eq!(harbour.server.get("/v2/_catalog").json(), json!({ "repositories": ["pier/app"] }));
    let anonymous = harbour.server.get("/token").json()["token"].as_str().unwrap().to_owned();
    let anonymous = format!("Bearer {anonymous}");
    for (method, endpoint) in [
        ("PUT", "manifests/v1"),
        ("DELETE", "manifests/v1"),
        ("DELETE", &blob),
        ("POST", "blobs/uploads/"),
        ("GET", "blobs/uploads/id"),
        ("PATCH", "blobs/uploads/id"),
        ("DELETE", "blobs/uploads/id"),
    ] {
        let path = format!("/v2/pier/app/{endpoint}");
        assert_eq!(assert_challenged(&harbour.server.send(method, &path, &[], b""), &harbour.server), "", "{method} {path}");
        let answer = harbour.server.send(method, &path, &[("authorization", &anonymous)], b"");
        assert_eq!(assert_challenged(&answer, &harbour.server), "", "{method} {path}");
    }
    assert_eq!(harbour.digest_of("v1").as_deref(), Some(sha256(&harbour.image("a", None)).as_str()));
}

#[test]
fn the_version_check_asks_for_a_login_and_is_content_with_an_anonymous_one() {
    let harbour = Harbour::new();
    for path in ["/v2/", "/v2"] {
        let answer = harbour.server.get(path);
        assert_challenged(&answer, &harbour.server);
        assert_eq!(answer.json(), json!({ "errors": [{ "code": "DENIED", "message": "Not Authorized" }] }));
        assert_eq!(answer.header("docker-distribution-api-version"), Some("registry/2.0"));
    }
    let token = harbour.server.get("/token/?service=x&scope=aws").json()["token"].as_str().unwrap().to_owned();
    let raw = harbour.login.replace("Basic", "Bearer");
    for login in [format!("Bearer {token}"), raw, harbour.login.clone()] {
        assert_eq!(harbour.get_with("/v2/", "authorization", &login).json(), json!({}), "{login}");
    }
}

#[test]
fn bad_credentials_are_refused_even_where_none_are_needed() {
    let harbour = Harbour::new();
    let token = harbour.server.get("/token").json()["token"].as_str().unwrap().to_owned();
    let elsewhere = Harbour::new();
    for login in [
        format!("Bearer {token}x"),
        "Bearer nonsense".to_owned(),
        format!("Basic {}", STANDARD.encode("AWS:nonsense")),
        format!("Basic {}", STANDARD.encode("root:nonsense")),
        "Digest x".to_owned(),
        elsewhere.login.clone(),
    ] {
        for path in ["/v2/", "/v2/pier/app/tags/list", "/v2/_catalog"] {
            let answer = harbour.get_with(path, "authorization", &login);
            assert_eq!(assert_challenged(&answer, &harbour.server), r#",error="invalid_token""#, "{login}");
            assert_eq!(error(&answer).2, "Your Authorization Token is invalid.");
        }
    }
}

#[test]
fn a_token_is_asked_for_in_every_way_that_clients_know() {
    let harbour = Harbour::new();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let password = String::from_utf8(STANDARD.decode(harbour.login.replace("Basic ", "")).unwrap()).unwrap();
    let password = password.strip_prefix("AWS:").unwrap();
    let forms = [
        format!("grant_type=password&username=AWS&password={password}&service=x&scope=a%3Ab%3Apull+c%3Ad%3Apush&client_id=docker"),
        format!("grant_type=refresh_token&refresh_token={password}&scope=aws"),
    ];
    let mut answers = vec![
        harbour.send("GET", "/token?scope=aws&scope=repository:pier/app:pull,push%20repository:pier/b:pull&account=AWS", &[], b""),
        harbour.send("GET", "/token/", &[], b""),
    ];
    answers.extend(forms.iter().map(|body| harbour.server.send("POST", "/token/", &form, body.as_bytes())));
    for answer in answers {
        let reply = answer.json();
        assert_eq!((answer.status, &reply["token"]), (200, &reply["access_token"]), "{answer:?}");
        assert!((43_100..=43_200).contains(&reply["expires_in"].as_i64().unwrap()), "{reply}");
        assert!(reply["issued_at"].as_str().unwrap().ends_with('Z') && reply.get("refresh_token").is_none());
        let bearer = format!("Bearer {}", reply["token"].as_str().unwrap());
        let push = harbour.server.send("POST", "/v2/pier/app/blobs/uploads/", &[("authorization", &bearer)], b"");
        assert_eq!(push.status, 202);
    }
    let offline = harbour.server.send("POST", "/token", &form, (forms[0].clone() + "&access_type=offline").as_bytes());
    assert_eq!(offline.json()["refresh_token"], *password);
}

#[test]
fn an_anonymous_token_is_for_everybody_and_a_bad_login_for_nobody() {
    let harbour = Harbour::new();
    for answer in [harbour.server.get("/token"), harbour.get_with("/token/?scope=*:pull", "authorization", "Basic Og==")] {
        assert_eq!((answer.status, answer.json()["expires_in"].as_i64()), (200, Some(3600)));
    }
    for login in [format!("Basic {}", STANDARD.encode("AWS:wrong")), harbour.login.replace("Basic", "Bearer"), "Basic !".to_owned()] {
        let answer = harbour.get_with("/token", "authorization", &login);
        assert_eq!(error(&answer), (401, "DENIED".into(), "Not Authorized".into()), "{login}");
    }
    assert_eq!(harbour.server.send("POST", "/token", &[], b"grant_type=magic").status, 400);
    assert_eq!(harbour.server.send("POST", "/token", &[], &vec![b'a'; 100_000]).status, 413);
}

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

/// containerd pulls a large layer as several parts at once.
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
    let digest = format!("sha512:{}", hex::encode(Sha512::digest(&manifest)));
    let put = harbour.put(&format!("{digest}?tag=v1"), &[], &manifest);
    assert_eq!((put.status, put.header("docker-content-digest")), (201, Some(digest.as_str())));
    assert_eq!(harbour.digest_of("v1"), Some(digest));
}

#[test]
fn a_manifest_that_is_too_large_is_refused_and_the_client_reads_why() {
    let harbour = Harbour::new();
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    // The rest of the body is not waited for, so each answer is the last one of its connection.
    let connection = || Connection::to(harbour.server.address());
    let headers = [("authorization", harbour.login.as_str()), ("content-type", IMAGE)];
    assert_eq!(code(&connection().send("PUT", "/v2/pier/app/manifests/v1", &headers, &large)), (413, "MANIFEST_INVALID".into()));
    let chunked = [headers.as_slice(), &[("transfer-encoding", "chunked")]].concat();
    let body = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(connection().send("PUT", "/v2/pier/app/manifests/v1", &chunked, &body).status, 413);
    assert_eq!(code(&harbour.put("v1", &[], b"{")), (400, "MANIFEST_INVALID".into()));
}

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
fn create_on_push_makes_the_repository_of_the_first_upload() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--create-on-push"]));
    harbour.push_blob("team/app", b"first");
    assert_eq!(harbour.server.get("/v2/_catalog").json(), json!({ "repositories": ["pier/team/app"] }));
    assert_eq!(harbour.server.get("/v2/pier/none/tags/list").status, 404);
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

#[test]
fn a_listing_is_walked_by_its_links() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    let query: Vec<String> = (0..7).map(|n| format!("tag=t{n}")).collect();
    harbour.put(&format!("{}?{}", sha256(&manifest), query.join("&")), &[], &manifest);
    let mut path = "/v2/pier/app/tags/list?n=3".to_owned();
    let mut pages = Vec::new();
    for _ in 0..10 {
        let answer = harbour.server.get(&path);
        pages.push(answer.json()["tags"].as_array().unwrap().len());
        let Some(link) = answer.header("link") else { break };
        path = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap().to_owned();
    }
    assert_eq!(pages, [3, 3, 1]);
    let tags = |query: &str| harbour.server.get(&format!("/v2/pier/app/tags/list?{query}")).json()["tags"].clone();
    assert_eq!(tags("last=t4a"), json!(["t5", "t6"]));
    assert_eq!((tags("n=0"), tags("last=zzz")), (json!([]), json!([])));
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list?n=0").header("link"), None);
    assert_eq!(code(&harbour.server.get("/v2/pier/app/tags/list?n=some")), (400, "UNSUPPORTED".into()));
    assert_eq!(code(&harbour.server.get("/v2/pier/none/tags/list?n=0")), (404, "NAME_UNKNOWN".into()));
}

#[test]
fn referrers_are_paged_filtered_and_never_missing() {
    let harbour = Harbour::new();
    let subject = sha256(b"not pushed");
    for name in ["a", "b", "c"] {
        let put = harbour.put(&format!("tag-{name}"), &[], &harbour.image(name, Some(&subject)));
        assert_eq!((put.status, put.header("oci-subject")), (201, Some(subject.as_str())));
    }
    let list = |query: &str| harbour.server.get(&format!("/v2/pier/app/referrers/{subject}{query}"));
    let count = |answer: &Answer| answer.json()["manifests"].as_array().map(Vec::len);
    let all = list("");
    assert_eq!((all.status, all.header("content-type"), count(&all)), (200, Some(INDEX), Some(3)));
    let first = list("?n=2");
    let next = first.header("link").and_then(|link| link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")).unwrap();
    assert_eq!((count(&first), count(&harbour.server.get(next))), (Some(2), Some(1)));
    for filter in ["?artifactType=application/x.b+json", "?artifactType=application%2Fx.b%2Bjson"] {
        let filtered = list(filter);
        assert_eq!((count(&filtered), filtered.header("oci-filters-applied")), (Some(1), Some("artifactType")), "{filter}");
    }
    for path in ["/v2/pier/none", "/v2/none/app"] {
        let answer = harbour.server.get(&format!("{path}/referrers/{subject}"));
        assert_eq!((answer.status, count(&answer)), (200, Some(0)), "{path}");
    }
    assert_eq!(code(&harbour.server.get("/v2/pier/app/referrers/sha256:x")), (400, "DIGEST_INVALID".into()));
}

#[test]
fn a_wrong_method_is_told_the_right_ones_and_a_wrong_path_is_not_found() {
    let harbour = Harbour::new();
    for (method, path, allow) in [
        ("POST", "/v2/pier/app/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("GET", "/v2/pier/app/blobs/uploads/", "POST"),
        ("DELETE", "/v2/", "GET, HEAD"),
        ("PUT", "/token", "GET, HEAD, POST"),
    ] {
        let answer = harbour.send(method, path, &[], b"");
        assert_eq!((code(&answer), answer.header("allow")), ((405, "UNSUPPORTED".into()), Some(allow)), "{method} {path}");
    }
    for path in ["/v2/pier/app", "/v2/pier/app/unknown/v1", "/v2/%FF"] {
        assert_eq!(code(&harbour.server.get(path)).0, 404, "{path}");
    }
    let missing = harbour.server.get("/v2/pier/app/manifests/none");
    assert_eq!(
        (code(&missing), missing.header("docker-distribution-api-version")),
        ((404, "MANIFEST_UNKNOWN".into()), Some("registry/2.0"))
    );
    assert_eq!(code(&harbour.server.get("/v2/pier/app/manifests/-bad")), (400, "TAG_INVALID".into()));
    let extensions: Value = harbour.server.get("/v2/_oci/ext/discover").json();
    assert_eq!(extensions, json!({ "extensions": [] }));
}

#[test]
fn a_slash_at_the_end_changes_nothing() {
    let harbour = Harbour::new();
    let image = harbour.image("a", None);
    assert_eq!(harbour.send("PUT", "/v2/pier/app/manifests/v1/", &[("content-type", IMAGE)], &image).status, 201);
    let (blob, digest) = (harbour.push_blob("app", b"a layer"), sha256(&image));
    for endpoint in ["manifests/v1", &format!("manifests/{digest}"), &format!("blobs/{blob}"), "tags/list", &format!("referrers/{digest}")]
    {
        for method in ["GET", "HEAD"] {
            let asked = |end: &str| harbour.server.send(method, &format!("/v2/pier/app/{endpoint}{end}"), &[], b"");
            let (with, without) = (asked("/"), asked(""));
            assert_eq!((with.status, &with.body), (200, &without.body), "{method} {endpoint}");
            assert_eq!(with.header("docker-content-digest"), without.header("docker-content-digest"));
        }
    }
    assert_eq!(harbour.server.get("/v2/_catalog/").status, 200);
    assert_eq!(harbour.server.get("/v2/_oci/ext/discover/").status, 200);
    assert_eq!(harbour.server.get("/v2/pier/app/tags/list//").status, 404);
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

#[test]
fn nothing_of_a_write_is_looked_at_before_it_is_known_who_writes() {
    let harbour = Harbour::new();
    let anonymous = format!("Bearer {}", harbour.server.get("/token").json()["token"].as_str().unwrap());
    for login in ["", &anonymous] {
        for (method, path) in [
            ("PUT", "/v2/pier/app/manifests/v1?tag=-bad"),
            ("PUT", "/v2/pier/app/manifests/-bad"),
            ("PUT", "/v2/pier/App/blobs/uploads/x?digest=bad"),
            ("POST", "/v2/app/blobs/uploads/?mount=bad"),
            ("PATCH", "/v2/nowhere"),
            ("DELETE", "/v2/%FF"),
        ] {
            let answer = harbour.server.send(method, path, &[("authorization", login)], b"");
            assert_challenged(&answer, &harbour.server);
        }
    }
    assert_eq!(code(&harbour.send("PUT", "/v2/pier/app/manifests/v1?tag=-bad", &[], b"{}")).0, 400);
}
