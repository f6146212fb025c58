//! Limits on pulls.

use super::error;
use crate::support::{Harbour, IMAGE, INDEX, Server, sha256};
use serde_json::json;

fn limited(flags: &[&str]) -> Harbour {
    let harbour = Harbour::on(Server::start(&[&["--alias", "pier"], flags].concat()));
    harbour.create("app");
    assert_eq!(harbour.put("v1", &[], &harbour.image("a", None)).status, 201);
    harbour
}

const MANIFEST: &str = "/v2/pier/app/manifests/v1";

#[test]
fn too_many_pulls_without_a_login_are_told_when_to_come_again() {
    let harbour = limited(&["--pull-rate-anonymous", "3/h"]);
    let blob = format!("/v2/pier/app/blobs/{}", harbour.push_blob("app", b"bytes"));
    for _ in 0..3 {
        assert_eq!(harbour.server.get(MANIFEST).status, 200);
    }
    let refused = harbour.server.get(MANIFEST);
    assert_eq!(error(&refused), (429, "TOOMANYREQUESTS".into(), "Rate exceeded".into()));
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    // Only pulls of images are limited, and authenticated pulls are not.
    assert_eq!(harbour.server.send("HEAD", MANIFEST, &[], b"").status, 200);
    assert_eq!((harbour.server.get(&blob).status, harbour.server.get("/v2/pier/app/tags/list").status), (200, 200));
    assert_eq!(harbour.send("GET", MANIFEST, &[], b"").status, 200);
}

#[test]
fn every_address_behind_a_trusted_proxy_has_a_rate_of_its_own() {
    let harbour = limited(&["--pull-rate-anonymous", "1/h", "--trusted-proxy", "127.0.0.1"]);
    let pull = |address: &str| harbour.get_with(MANIFEST, "x-forwarded-for", address).status;
    assert_eq!([pull("192.0.2.1"), pull("192.0.2.1"), pull("192.0.2.2")], [200, 429, 200]);
    assert_eq!([pull("2001:db8::1"), pull("2001:db8::2"), pull("2001:db8:0:1::1")], [200, 429, 200]);
}

#[test]
fn an_account_has_a_rate_too() {
    let harbour = limited(&["--pull-rate-authenticated", "2/h"]);
    let pull = || harbour.send("GET", MANIFEST, &[], b"").status;
    assert_eq!([pull(), pull(), pull()], [200, 200, 429]);
    assert_eq!(harbour.server.get(MANIFEST).status, 200);
}

#[test]
fn a_volume_that_is_spent_is_denied_without_a_hope_of_patience() {
    let harbour = limited(&["--pull-volume", "1MB"]);
    let blob = format!("/v2/pier/app/blobs/{}", harbour.push_blob("app", &vec![7; 600_000]));
    let part = harbour.get_with(&blob, "range", "bytes=0-399999");
    assert_eq!((part.status, part.body.len()), (206, 400_000));
    assert_eq!(harbour.server.get(&blob).status, 200, "some volume remained when it began");
    // Bytes count when the server has sent the last one, which may be after the client received it.
    assert!((0..100).any(|_| harbour.server.get(MANIFEST).status == 403));
    for path in [blob.as_str(), MANIFEST] {
        let refused = harbour.server.get(path);
        assert_eq!(error(&refused), (403, "DENIED".into(), "Data limit exceeded".into()), "{path}");
        assert_eq!(refused.header("retry-after"), None);
    }
    assert_eq!(harbour.send("GET", &blob, &[], b"").status, 200);
    assert_eq!(harbour.server.send("HEAD", &blob, &[], b"").status, 200);
}

#[test]
fn a_volume_that_is_spent_stays_spent_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let start = || Server::start_in(data.path(), &["--alias", "pier", "--create-on-push", "--pull-volume", "1KiB"]);
    let harbour = Harbour::on(start());
    assert_eq!(harbour.put("v1", &[], &harbour.image("a", None)).status, 201);
    assert!((0..1000).any(|_| harbour.server.get(MANIFEST).status == 403));
    assert!(harbour.server.stop().success());
    assert_eq!(start().get(MANIFEST).status, 403);
}

/// An index of two platforms under the tag `many`, and its first child.
fn index(harbour: &Harbour) -> (String, String) {
    let children: Vec<String> = ["amd64", "arm64"].map(|text| push_child(harbour, text)).to_vec();
    let listed: Vec<_> = children.iter().map(|digest| json!({ "mediaType": IMAGE, "digest": digest, "size": 1 })).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": listed }).to_string();
    let pushed = harbour.send("PUT", "/v2/pier/app/manifests/many", &[("content-type", INDEX)], index.as_bytes());
    assert_eq!(pushed.status, 201, "{pushed:?}");
    (sha256(index.as_bytes()), children[0].clone())
}

fn push_child(harbour: &Harbour, text: &str) -> String {
    let image = harbour.image(text, None);
    let digest = sha256(&image);
    assert_eq!(harbour.put(&digest, &[], &image).status, 201);
    digest
}

#[test]
fn one_pull_of_an_image_of_several_platforms_passes_at_any_rate_and_the_next_one_is_told_to_wait() {
    let harbour = limited(&["--pull-rate-anonymous", "1/h", "--trusted-proxy", "127.0.0.1", "--pull-rate-authenticated", "1/h"]);
    let (index, child) = index(&harbour);
    // First the requests of docker and containerd, then those of crane and podman.
    for (client, (first, second)) in [("192.0.2.1", (index.as_str(), child.as_str())), ("192.0.2.2", ("many", &child))] {
        let ask = |method: &str, reference: &str, login: &str| {
            let headers = [("x-forwarded-for", client), ("authorization", login)];
            harbour.server.send(method, &format!("/v2/pier/app/manifests/{reference}"), &headers, b"").status
        };
        let pull = |login: &str| [ask("HEAD", "many", login), ask("GET", first, login), ask("GET", second, login)];
        assert_eq!(pull(""), [200, 200, 200], "{first}");
        assert_eq!(pull(""), [200, 429, 200], "{first}");
    }
    let account = |reference: &str| harbour.send("GET", &format!("/v2/pier/app/manifests/{reference}"), &[], b"").status;
    assert_eq!([account(&index), account(&child), account(&index), account(&child)], [200, 200, 429, 200]);
}

#[test]
fn children_are_not_free_and_an_image_in_no_index_is_no_child() {
    let harbour = limited(&["--pull-rate-anonymous", "1/h", "--trusted-proxy", "127.0.0.1"]);
    let (_, child) = index(&harbour);
    let single = harbour.digest_of("v1").unwrap();
    let ask =
        |client: &str, reference: &str| harbour.get_with(&format!("/v2/pier/app/manifests/{reference}"), "x-forwarded-for", client).status;
    assert_eq!([ask("192.0.2.1", &single), ask("192.0.2.1", &single)], [200, 429]);
    assert!((0..32).all(|_| ask("192.0.2.2", &child) == 200));
    assert_eq!(ask("192.0.2.2", &child), 429);
    assert_eq!(ask("192.0.2.2", "many"), 200, "children do not count towards the rate of images");
    // A tagged child counts as an image if it is pulled by tag.
    let tagged = harbour.server.get(&format!("/v2/pier/app/manifests/{child}")).body;
    assert_eq!(harbour.put("amd64", &[], &tagged).status, 201);
    assert_eq!([ask("192.0.2.3", "amd64"), ask("192.0.2.3", "amd64"), ask("192.0.2.3", &child)], [200, 429, 200]);
    // A missing manifest does not count as a pull.
    assert!((0..3).all(|_| ask("192.0.2.4", "none") == 404) && ask("192.0.2.4", "v1") == 200);
}

#[test]
fn nothing_is_limited_unless_asked_for() {
    let harbour = limited(&[]);
    assert!((0..50).all(|_| harbour.server.get(MANIFEST).status == 200));
}
