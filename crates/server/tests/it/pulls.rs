//! Limits on pulls.

use crate::support::{Answer, Harbour, Server};

fn limited(flags: &[&str]) -> Harbour {
    let harbour = Harbour::on(Server::start(&[&["--alias", "pier"], flags].concat()));
    harbour.create("app");
    assert_eq!(harbour.put("v1", &[], &harbour.image("a", None)).status, 201);
    harbour
}

fn refusal(answer: &Answer) -> (u16, String, String) {
    let error = answer.json()["errors"][0].clone();
    (answer.status, error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
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
    assert_eq!(refusal(&refused), (429, "TOOMANYREQUESTS".into(), "Rate exceeded".into()));
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    // What is no pull of an image goes on, and so do those who have signed in.
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
    assert_eq!(harbour.server.get(&blob).status, 200, "there was something left when it began");
    // What was sent counts when the last byte has left the server, which is not before it has arrived here.
    assert!((0..100).any(|_| harbour.server.get(MANIFEST).status == 403));
    for path in [blob.as_str(), MANIFEST] {
        let refused = harbour.server.get(path);
        assert_eq!(refusal(&refused), (403, "DENIED".into(), "Data limit exceeded".into()), "{path}");
        assert_eq!(refused.header("retry-after"), None);
    }
    assert_eq!(harbour.send("GET", &blob, &[], b"").status, 200);
    assert_eq!(harbour.server.send("HEAD", &blob, &[], b"").status, 200);
}

#[test]
fn nothing_is_limited_unless_asked_for() {
    let harbour = limited(&[]);
    assert!((0..50).all(|_| harbour.server.get(MANIFEST).status == 200));
}
