//! Fields of manifests that listings repeat, and their limits in pushes.

use crate::support::{Answer, Harbour, IMAGE, INDEX, Server, sha256};
use serde_json::{Value, json};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn put_image(harbour: &Harbour, manifest: &[u8], more: Value) -> Answer {
    let mut input = json!({ "repositoryName": "app", "imageManifest": String::from_utf8(manifest.to_vec()).unwrap() });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    harbour.server.aws("PutImage", &input)
}

/// The status, code and message of a refusal at the OCI door.
fn oci(answer: &Answer) -> (u16, String, String) {
    let error = answer.json()["errors"][0].clone();
    (answer.status, error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

/// The status, exception and message of a refusal at the AWS door.
fn aws(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    (answer.status, body["__type"].as_str().unwrap().to_owned(), body["message"].as_str().unwrap().to_owned())
}

fn invalid(member: &str, constraint: &str) -> (u16, String, String) {
    let text = format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'");
    (400, "InvalidParameterException".to_owned(), text)
}

#[test]
fn a_head_of_a_listing_has_the_headers_of_a_get_and_no_body() {
    let harbour = Harbour::new();
    harbour.create("other");
    let image = harbour.image("subject", None);
    let subject = sha256(&image);
    for tag in ["a", "b", "c"] {
        assert_eq!(harbour.put(tag, &[], &image).status, 201);
    }
    for text in ["x", "y"] {
        let referrer = harbour.image(text, Some(&subject));
        assert_eq!(harbour.put(&sha256(&referrer), &[], &referrer).status, 201);
    }
    for path in [
        "/v2/pier/app/tags/list".to_owned(),
        "/v2/pier/app/tags/list?n=2".to_owned(),
        "/v2/pier/app/tags/list?n=0".to_owned(),
        "/v2/_catalog".to_owned(),
        "/v2/_catalog?n=1".to_owned(),
        format!("/v2/pier/app/referrers/{subject}"),
        format!("/v2/pier/app/referrers/{subject}?n=1"),
        format!("/v2/pier/app/referrers/{subject}?artifactType=application%2Fx.x%2Bjson"),
        format!("/v2/pier/app/referrers/{subject}?artifactType={}", "x".repeat(300)),
        format!("/v2/pier/nowhere/referrers/{subject}"),
        "/v2/pier/nowhere/tags/list".to_owned(),
    ] {
        let get = harbour.server.get(&path);
        let head = harbour.server.send("HEAD", &path, &[], b"");
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
        for name in ["content-type", "link", "oci-filters-applied"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    assert!(harbour.server.get(&format!("/v2/pier/app/referrers/{subject}?n=1")).header("link").is_some());
}

#[test]
fn what_every_listing_would_repeat_is_bounded_where_it_is_pushed() {
    let harbour = Harbour::new();
    let image: Value = serde_json::from_slice(&harbour.image("a", None)).unwrap();
    let with = |member: &str, value: Value| {
        let mut image = image.clone();
        image[member] = value;
        image
    };
    let long = format!("application/{}", "x".repeat(244));
    let too_long = format!("the media type '{}…' has 256 bytes: at most 255 are allowed", &long[..80]);
    let mut config = image["config"].clone();
    config["mediaType"] = json!(long);
    let mut referrer = with("annotations", json!({ "x": "y".repeat(65_536 - 7) }));
    let harmless = referrer.to_string();
    referrer["subject"] = json!({ "mediaType": IMAGE, "digest": sha256(b"subject"), "size": 7 });
    let too_large = "the annotations take 65537 bytes: at most 65536 are allowed in a manifest that has a subject";
    for (manifest, text) in
        [(with("artifactType", json!(long)), too_long.as_str()), (with("config", config), &too_long), (referrer, too_large)]
    {
        let manifest = manifest.to_string().into_bytes();
        assert_eq!(oci(&harbour.put("v1", &[], &manifest)), (400, "MANIFEST_INVALID".into(), text.into()));
        assert_eq!(aws(&put_image(&harbour, &manifest, json!({}))), invalid("ImageManifest", text));
    }
    let other = harbour.send("PUT", "/v2/pier/app/manifests/v1", &[("content-type", &long)], b"{}");
    assert_eq!(oci(&other), (400, "MANIFEST_INVALID".into(), too_long.clone()));
    assert_eq!(aws(&put_image(&harbour, b"{}", json!({ "imageManifestMediaType": long }))), invalid("ImageManifest", &too_long));
    assert_eq!(harbour.put("v1", &[], harmless.as_bytes()).status, 201, "listings do not repeat annotations without a subject");
}

#[test]
fn no_refusal_repeats_megabytes() {
    let harbour = Harbour::new();
    let megabytes = "x".repeat(3 << 20);
    let layers: Vec<_> = (0..20_000_u32).map(|n| json!({ "digest": sha256(&n.to_be_bytes()), "size": 1 })).collect();
    let config = json!({ "digest": sha256(b"none"), "size": 1 });
    for manifest in [
        json!({ "schemaVersion": megabytes }),
        json!({ "schemaVersion": 2, "mediaType": megabytes }),
        json!({ "schemaVersion": 2, "config": { "digest": megabytes, "size": 1 } }),
        json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers }),
    ] {
        let manifest = manifest.to_string().into_bytes();
        for answer in [harbour.put("v1", &[], &manifest), put_image(&harbour, &manifest, json!({}))] {
            assert!((400..=404).contains(&answer.status) && answer.body.len() < 9000, "{} bytes", answer.body.len());
        }
    }
    let digest = format!("x:{}", "a".repeat(900_000));
    let described = harbour.server.aws("DescribeImages", &json!({ "repositoryName": "app", "imageIds": [{ "imageDigest": digest }] }));
    assert!(described.status == 400 && described.body.len() < 9000, "{} bytes", described.body.len());
}

#[test]
fn an_image_without_layers_may_say_so_with_null_or_not_at_all() {
    let harbour = Harbour::new();
    let config = harbour.push_blob("app", b"{}");
    let config = format!(r#""config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}}"#);
    for (number, (media_type, rest)) in [
        (IMAGE, format!(r#"{config},"layers":null"#)),
        (DOCKER, format!(r#"{config},"layers":null"#)),
        (IMAGE, config.clone()),
        (INDEX, r#""manifests":null"#.to_owned()),
        (INDEX, r#""annotations":{}"#.to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let manifest = format!(r#"{{ "schemaVersion":2, "mediaType":"{media_type}",{rest}}}"#);
        let pushed =
            harbour.send("PUT", &format!("/v2/pier/app/manifests/o{number}"), &[("content-type", media_type)], manifest.as_bytes());
        assert_eq!(pushed.status, 201, "{manifest}: {pushed:?}");
        // A trailing space gives another digest.
        let manifest = format!("{manifest} ");
        let put = put_image(&harbour, manifest.as_bytes(), json!({ "imageTag": format!("a{number}") }));
        assert_eq!(put.status, 200, "{manifest}: {put:?}");
        let pulled = harbour.server.get(&format!("/v2/pier/app/manifests/a{number}"));
        assert_eq!((pulled.text(), pulled.header("content-type")), (manifest, Some(media_type)));
    }
}

#[test]
fn the_same_bytes_are_not_taken_as_another_media_type() {
    let harbour = Harbour::new();
    let config = harbour.push_blob("app", b"{}");
    let manifest = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{config}","size":2}},"layers":[]}}"#);
    let put = |media_type: &str| harbour.send("PUT", "/v2/pier/app/manifests/v1", &[("content-type", media_type)], manifest.as_bytes());
    assert_eq!((put(DOCKER).status, put(DOCKER).status), (201, 201));
    let digest = sha256(manifest.as_bytes());
    let text = format!("the repository holds the manifest '{digest}' as '{DOCKER}': push it as that, or delete it first");
    assert_eq!(oci(&put(IMAGE)), (400, "MANIFEST_INVALID".into(), text.clone()));
    let again = put_image(&harbour, manifest.as_bytes(), json!({ "imageManifestMediaType": IMAGE, "imageTag": "v2" }));
    assert_eq!(aws(&again), invalid("imageManifestMediaType", &text));
    assert_eq!(harbour.send("DELETE", &format!("/v2/pier/app/manifests/{digest}"), &[], b"").status, 202);
    assert_eq!(put(IMAGE).status, 201);
    assert_eq!(harbour.server.get("/v2/pier/app/manifests/v1").header("content-type"), Some(IMAGE));
}

#[test]
fn a_tag_is_held_against_the_pattern_of_aws() {
    let harbour = Harbour::new();
    let image = harbour.image("a", None);
    let malformed = invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'");
    let describe = |tag: &str| harbour.server.aws("DescribeImages", &json!({ "repositoryName": "app", "imageIds": [{ "imageTag": tag }] }));
    for tag in ["no tag", "a/b", "v1\n", "ä"] {
        assert_eq!(aws(&put_image(&harbour, &image, json!({ "imageTag": tag }))), malformed, "{tag}");
        assert_eq!(aws(&describe(tag)), malformed, "{tag}");
    }
    assert_eq!(aws(&describe("-v1")).1, "ImageNotFoundException");
    assert_eq!(aws(&put_image(&harbour, &image, json!({ "imageTag": "-v1" }))).1, "InvalidParameterException");
    let malformed = invalid("imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'");
    assert_eq!(aws(&put_image(&harbour, &image, json!({ "imageDigest": "abc" }))), malformed);
}

#[test]
fn an_image_is_put_under_a_media_type_that_somebody_names() {
    let harbour = Harbour::new();
    let mut image: Value = serde_json::from_slice(&harbour.image("a", None)).unwrap();
    image.as_object_mut().unwrap().remove("mediaType");
    let image = image.to_string().into_bytes();
    for named in [json!({}), json!({ "imageManifestMediaType": "" })] {
        assert_eq!(aws(&put_image(&harbour, &image, named)), invalid("ImageManifest", "Invalid JSON syntax"));
    }
    assert_eq!(put_image(&harbour, &image, json!({ "imageManifestMediaType": IMAGE })).status, 200);
    assert_eq!(harbour.send("PUT", "/v2/pier/app/manifests/v1", &[], &image).status, 201, "the OCI door infers the media type");
}

#[test]
fn a_tag_too_many_is_named() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--limit-tags-per-image", "2"]));
    harbour.create("app");
    let image = harbour.image("a", None);
    for tag in ["one", "two"] {
        assert_eq!(put_image(&harbour, &image, json!({ "imageTag": tag })).status, 200);
    }
    let text = "Adding tag 'three' to an image in the repository with name 'app' in registry with id '000000000000' \
                exceeds the maximum allowed number of tags per image which is '2'";
    let refused = put_image(&harbour, &image, json!({ "imageTag": "three" }));
    assert_eq!(aws(&refused), (400, "LimitExceededException".into(), text.into()));
}
