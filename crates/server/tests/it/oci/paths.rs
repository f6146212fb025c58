//! Names and paths, also malformed ones.

use super::{code, error};
use crate::support::{Harbour, IMAGE, sha256};
use serde_json::{Value, json};

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
fn a_wrong_method_is_told_the_right_ones_and_a_wrong_path_is_not_found() {
    let harbour = Harbour::new();
    for (method, path, allow) in [
        ("POST", "/v2/pier/app/manifests/v1", "GET, HEAD, PUT, DELETE"),
        ("GET", "/v2/pier/app/blobs/uploads/", "POST"),
        ("DELETE", "/v2/", "GET, HEAD"),
        ("PUT", "/token", "GET, HEAD, POST"),
        ("PUT", "/token/", "GET, HEAD, POST"),
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
