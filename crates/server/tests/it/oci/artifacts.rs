//! Everything that can be pushed: kinds of manifests, digests, and what a manifest may refer to.

use super::{code, sha512};
use crate::support::{Answer, Harbour, IMAGE, INDEX, Server, sha256};
use serde_json::{Value, json};

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(bytes), "size": bytes.len() })
}

fn image(config: Value, layers: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers }).to_string().into_bytes()
}

fn index(manifests: &[Value]) -> Vec<u8> {
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string().into_bytes()
}

/// Pushes a manifest with this media type to `pier/app`.
fn put(harbour: &Harbour, reference: &str, media_type: &str, manifest: &[u8]) -> Answer {
    harbour.send("PUT", &format!("/v2/pier/app/manifests/{reference}"), &[("content-type", media_type)], manifest)
}

#[test]
fn every_kind_of_manifest_comes_back_as_it_was_pushed() {
    let harbour = Harbour::new();
    harbour.push_blob("app", b"{}");
    harbour.push_blob("app", b"content");
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    for (tag, media_type, config, layer) in [
        ("docker", docker, "application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ("zstd", IMAGE, "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+zstd"),
        ("plain", IMAGE, "application/vnd.oci.image.config.v1+json", LAYER),
        ("helm", IMAGE, "application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
        ("wasm", IMAGE, "application/vnd.wasm.config.v0+json", "application/wasm"),
        ("cosign", IMAGE, "application/vnd.oci.image.config.v1+json", "application/vnd.dev.cosign.simplesigning.v1+json"),
        ("artifact", IMAGE, EMPTY, "text/plain; charset=utf-8"),
    ] {
        // Blanks and the order of the members are preserved.
        let manifest = format!(
            "{{\n  \"layers\" : [{}], \"config\":{},\"mediaType\":\"{media_type}\" , \"schemaVersion\":2}}\n",
            descriptor(layer, b"content"),
            descriptor(config, b"{}")
        );
        assert_eq!(put(&harbour, tag, media_type, manifest.as_bytes()).status, 201, "{tag}");
        let pulled = harbour.server.get(&format!("/v2/pier/app/manifests/{tag}"));
        assert_eq!((pulled.text(), pulled.header("content-type")), (manifest, Some(media_type)), "{tag}");
    }
    let other = br#"{"anything":["goes"]}"#;
    assert_eq!(put(&harbour, "other", "application/vnd.example+json", other).status, 201);
    let pulled = harbour.server.get("/v2/pier/app/manifests/other");
    assert_eq!((pulled.body.as_slice(), pulled.header("content-type")), (other.as_slice(), Some("application/vnd.example+json")));
}

#[test]
fn a_list_of_docker_and_an_index_within_an_index_are_pushed() {
    let harbour = Harbour::new();
    let child = harbour.image("a", None);
    assert_eq!(put(&harbour, &sha256(&child), IMAGE, &child).status, 201);
    let list_type = "application/vnd.docker.distribution.manifest.list.v2+json";
    let list = json!({ "schemaVersion": 2, "mediaType": list_type, "manifests": [descriptor(IMAGE, &child)] }).to_string();
    assert_eq!(put(&harbour, "list", list_type, list.as_bytes()).status, 201);
    let inner = index(&[descriptor(IMAGE, &child)]);
    assert_eq!(put(&harbour, &sha256(&inner), INDEX, &inner).status, 201);
    let outer = index(&[descriptor(INDEX, &inner), descriptor(list_type, list.as_bytes())]);
    assert_eq!(put(&harbour, "nested", INDEX, &outer).status, 201);
    assert_eq!(harbour.server.get("/v2/pier/app/manifests/nested").body, outer);
}

#[test]
fn what_a_manifest_needs_must_be_there_and_what_is_missing_is_named() {
    let harbour = Harbour::new();
    harbour.push_blob("app", b"{}");
    let manifest = image(descriptor(EMPTY, b"{}"), &[descriptor(LAYER, b"missing")]);
    let refused = put(&harbour, "v1", IMAGE, &manifest);
    assert_eq!(code(&refused), (404, "MANIFEST_BLOB_UNKNOWN".into()));
    assert!(refused.text().contains(&sha256(b"missing")), "{refused:?}");
    let sparse = index(&[descriptor(IMAGE, b"missing")]);
    let refused = put(&harbour, "v1", INDEX, &sparse);
    assert_eq!(code(&refused), (404, "MANIFEST_BLOB_UNKNOWN".into()));
    assert!(refused.text().contains(&sha256(b"missing")), "{refused:?}");
}

#[test]
fn a_sparse_index_is_taken_when_the_server_is_told_to() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--sparse-indexes"]));
    harbour.create("app");
    let (here, later) = (harbour.image("here", None), harbour.image("later", None));
    assert_eq!(put(&harbour, &sha256(&here), IMAGE, &here).status, 201);
    let sparse = index(&[descriptor(IMAGE, &here), descriptor(IMAGE, &later)]);
    assert_eq!(put(&harbour, "all", INDEX, &sparse).status, 201);
    assert_eq!(harbour.server.get("/v2/pier/app/manifests/all").body, sparse);
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/manifests/{}", sha256(&later))).status, 404);
    assert_eq!(put(&harbour, &sha256(&later), IMAGE, &later).status, 201);
}

/// Older BuildKit exports its cache as an index whose entries are layers.
#[test]
fn an_index_may_list_blobs_which_then_stay() {
    let harbour = Harbour::new();
    let layer = harbour.push_blob("app", b"cached layer");
    let config = harbour.push_blob("app", b"cache config");
    let cache = index(&[descriptor(LAYER, b"cached layer"), descriptor("application/vnd.buildkit.cacheconfig.v0", b"cache config")]);
    assert_eq!(put(&harbour, "cache", INDEX, &cache).status, 201);
    for blob in [&layer, &config] {
        let refused = harbour.send("DELETE", &format!("/v2/pier/app/blobs/{blob}"), &[], b"");
        assert_eq!(code(&refused), (405, "UNSUPPORTED".into()));
        assert!(refused.text().contains(&sha256(&cache)), "{refused:?}");
    }
    assert_eq!(harbour.send("DELETE", &format!("/v2/pier/app/manifests/{}", sha256(&cache)), &[], b"").status, 202);
    assert_eq!(harbour.send("DELETE", &format!("/v2/pier/app/blobs/{layer}"), &[], b"").status, 202);
}

#[test]
fn a_layer_that_lives_elsewhere_need_not_be_pushed() {
    let harbour = Harbour::new();
    harbour.push_blob("app", b"{}");
    let mut with_urls = descriptor(LAYER, b"elsewhere");
    with_urls["urls"] = json!(["https://layers.example/elsewhere"]);
    for (tag, layer) in [
        ("oci", descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", b"elsewhere")),
        ("docker", descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", b"elsewhere")),
        ("urls", with_urls),
    ] {
        assert_eq!(put(&harbour, tag, IMAGE, &image(descriptor(EMPTY, b"{}"), &[layer])).status, 201, "{tag}");
    }
}

/// A descriptor may also embed its content. The blob is still required, for clients that ignore the embedded data.
#[test]
fn embedded_data_does_not_replace_the_blob() {
    let harbour = Harbour::new();
    let mut empty = descriptor(EMPTY, b"{}");
    empty["data"] = json!("e30=");
    let manifest = image(empty.clone(), &[empty]);
    assert_eq!(code(&put(&harbour, "v1", IMAGE, &manifest)), (404, "MANIFEST_BLOB_UNKNOWN".into()));
    harbour.push_blob("app", b"{}");
    assert_eq!(put(&harbour, "v1", IMAGE, &manifest).status, 201);
    assert_eq!(harbour.server.get("/v2/pier/app/manifests/v1").body, manifest);
}

#[test]
fn a_manifest_of_exactly_four_mebibytes_is_stored() {
    let harbour = Harbour::new();
    harbour.push_blob("app", b"{}");
    let mut manifest = image(descriptor(EMPTY, b"{}"), &[]);
    manifest.resize(4 * 1024 * 1024, b' ');
    assert_eq!(put(&harbour, "large", IMAGE, &manifest).status, 201);
    assert_eq!(harbour.server.get("/v2/pier/app/manifests/large").body, manifest);
    let head = harbour.send("HEAD", "/v2/pier/app/manifests/large", &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("4194304")));
    manifest.push(b' ');
    assert_eq!(put(&harbour, "larger", IMAGE, &manifest).status, 413);
}

#[test]
fn a_blob_may_go_by_sha512_announced_or_not() {
    let harbour = Harbour::new();
    for (query, bytes) in [("", b"unannounced"), ("?digest-algorithm=sha512", b"announced!!")] {
        let started = harbour.send("POST", &format!("/v2/pier/app/blobs/uploads/{query}"), &[], b"");
        let location = started.header("location").unwrap();
        assert_eq!(harbour.send("PATCH", location, &[], &bytes[..4]).status, 202);
        let digest = sha512(bytes);
        let closed = harbour.send("PUT", &format!("{location}?digest={digest}"), &[], &bytes[4..]);
        assert_eq!((closed.status, closed.header("docker-content-digest")), (201, Some(digest.as_str())));
        assert_eq!(harbour.server.get(&format!("/v2/pier/app/blobs/{digest}")).body, bytes);
    }
    let digest = sha512(b"at once");
    assert_eq!(harbour.send("POST", &format!("/v2/pier/app/blobs/uploads/?digest={digest}"), &[], b"at once").status, 201);
    assert_eq!(code(&harbour.send("POST", "/v2/pier/app/blobs/uploads/?digest-algorithm=md5", &[], b"")), (400, "DIGEST_INVALID".into()));
}

#[test]
fn the_same_manifest_under_two_digests_is_two_images() {
    let harbour = Harbour::new();
    let manifest = harbour.image("a", None);
    for digest in [sha256(&manifest), sha512(&manifest)] {
        assert_eq!(put(&harbour, &digest, IMAGE, &manifest).status, 201);
    }
    assert_eq!(harbour.send("DELETE", &format!("/v2/pier/app/manifests/{}", sha256(&manifest)), &[], b"").status, 202);
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/manifests/{}", sha512(&manifest))).body, manifest);
}

/// Clients without support for the referrers endpoint push an index under a tag made from the subject's digest (OCI distribution
/// specification, "Referrers Tag Schema"). Its entries count once, and only if they have the subject.
#[test]
fn the_entries_of_a_fallback_tag_are_referrers_if_they_say_so_themselves() {
    let harbour = Harbour::new();
    let subject = harbour.image("subject", None);
    let of_it = harbour.image("of-it", Some(&sha256(&subject)));
    let of_nothing = harbour.image("of-nothing", None);
    let of_another = harbour.image("of-another", Some(&sha256(b"another")));
    let listed = [&of_it, &of_nothing, &of_another].map(|manifest| {
        assert_eq!(put(&harbour, &sha256(manifest), IMAGE, manifest).status, 201);
        descriptor(IMAGE, manifest)
    });
    let fallback = sha256(&subject).replace(':', "-");
    assert_eq!(put(&harbour, &fallback, INDEX, &index(&listed)).status, 201);
    let referrers = harbour.server.get(&format!("/v2/pier/app/referrers/{}", sha256(&subject))).json();
    let digests: Vec<_> = referrers["manifests"].as_array().unwrap().iter().map(|entry| entry["digest"].clone()).collect();
    assert_eq!(digests, [json!(sha256(&of_it))]);
}

#[test]
fn a_referrer_that_is_deleted_is_no_longer_listed_and_one_of_an_absent_subject_is() {
    let harbour = Harbour::new();
    let subject = sha256(b"absent");
    let referrer = harbour.image("a", Some(&subject));
    let pushed = put(&harbour, "signature", IMAGE, &referrer);
    assert_eq!((pushed.status, pushed.header("oci-subject")), (201, Some(subject.as_str())));
    let listed = || harbour.server.get(&format!("/v2/pier/app/referrers/{subject}")).json()["manifests"].clone();
    let entry = &listed()[0];
    assert_eq!((&entry["digest"], &entry["artifactType"]), (&json!(sha256(&referrer)), &json!("application/x.a+json")));
    assert_eq!(harbour.send("DELETE", &format!("/v2/pier/app/manifests/{}", sha256(&referrer)), &[], b"").status, 202);
    assert_eq!(listed(), json!([]));
}

#[test]
fn a_condition_that_one_of_several_tags_breaks_moves_none_of_them() {
    let harbour = Harbour::new();
    let (first, second) = (harbour.image("a", None), harbour.image("b", None));
    assert_eq!(put(&harbour, "taken", IMAGE, &first).status, 201);
    let answer = harbour.put(&format!("{}?tag=free&tag=taken", sha256(&second)), &[("if-none-match", "*")], &second);
    assert_eq!(code(&answer), (412, "PRECONDITION_FAILED".into()));
    assert_eq!((harbour.digest_of("free"), harbour.digest_of("taken")), (None, Some(sha256(&first))));
}

#[test]
fn a_mount_makes_the_repository_too_and_its_name_must_be_one_of_aws() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--create-on-push"]));
    let digest = harbour.push_blob("source", b"mounted");
    let mount = |name: &str| harbour.send("POST", &format!("/v2/pier/{name}/blobs/uploads/?mount={digest}&from=pier/source"), &[], b"");
    assert_eq!(mount("team/new").status, 201);
    assert_eq!(harbour.server.get("/v2/_catalog").json()["repositories"], json!(["pier/source", "pier/team/new"]));
    assert_eq!(code(&mount("bad__name")), (400, "NAME_INVALID".into()));
    let anonymous = harbour.server.send("POST", "/v2/pier/nobody/blobs/uploads/", &[], b"");
    assert_eq!((anonymous.status, harbour.server.get("/v2/pier/nobody/tags/list").status), (401, 404));
}

#[test]
fn every_answer_says_how_long_it_is() {
    let harbour = Harbour::new();
    let digest = harbour.push_blob("app", b"0123456789");
    harbour.put("v1", &[], &harbour.image("a", None));
    let blob = format!("/v2/pier/app/blobs/{digest}");
    let location = harbour.start_upload();
    for (method, path, header, status) in [
        ("GET", "/v2/", ("x-none", ""), 200),
        ("GET", blob.as_str(), ("x-none", ""), 200),
        ("HEAD", blob.as_str(), ("x-none", ""), 200),
        ("GET", blob.as_str(), ("range", "bytes=2-3"), 206),
        ("GET", blob.as_str(), ("range", "bytes=2-3,5-6"), 206),
        ("GET", blob.as_str(), ("range", "bytes=20-"), 416),
        ("GET", "/v2/pier/app/manifests/v1", ("x-none", ""), 200),
        ("HEAD", "/v2/pier/app/manifests/v1", ("x-none", ""), 200),
        ("HEAD", "/v2/pier/app/manifests/none", ("x-none", ""), 404),
        ("GET", "/v2/pier/app/tags/list", ("x-none", ""), 200),
        ("GET", "/v2/_catalog", ("x-none", ""), 200),
        ("GET", "/token", ("x-none", ""), 200),
        ("POST", "/v2/pier/app/blobs/uploads/", ("x-none", ""), 202),
        ("PATCH", location.as_str(), ("x-none", ""), 202),
        ("POST", "/v2/pier/app/manifests/v1", ("x-none", ""), 405),
        ("DELETE", "/v2/pier/app/manifests/v1", ("x-none", ""), 202),
    ] {
        let answer = harbour.send(method, path, &[header], b"");
        let length = answer.header("content-length").and_then(|length| length.parse::<usize>().ok());
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(length.is_some_and(|length| method == "HEAD" || length == answer.body.len()), "{method} {path}: {answer:?}");
    }
    // Only these two statuses never have a length (RFC 9110, section 8.6).
    let known = harbour.get_with(&blob, "if-none-match", &format!("\"{digest}\""));
    assert_eq!((known.status, known.header("content-length")), (304, None));
    let upload = harbour.send("GET", &location, &[], b"");
    assert_eq!((upload.status, upload.header("content-length")), (204, None));
}
