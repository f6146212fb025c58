//! Garbage collection while clients push.

use crate::support::{Credentials, Harbour, Image, Pusher, Server, run, sha256};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_nothing_needs_is_removed_in_the_background_and_what_was_removed_is_told() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--gc-interval", "1s", "--gc-grace", "1s"]));
    harbour.create("app");
    let image = harbour.image("a", None);
    assert_eq!(harbour.put("v1", &[], &image).status, 201);
    let loose = harbour.push_blob("app", b"loose");
    let event = harbour.server.wait_for_event(|event| event["message"] == "garbage collected");
    let counts = ["unused_blobs", "deleted_blobs", "bytes", "uploads", "orphans"].map(|key| event[key].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(5), Some(0), Some(0)], "{event}");
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/blobs/{loose}")).status, 404);
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/blobs/{}", sha256(b"a layer"))).status, 200);
    assert_eq!(harbour.server.metric(r#"roadstead_gc_removed_total{kind="blob"}"#), 1);
    assert_eq!(harbour.server.metric("roadstead_gc_freed_bytes_total"), 5);
    let done = harbour.server.metric(r#"roadstead_gc_collections_total{outcome="done"}"#);
    assert!(done >= 1 && harbour.server.metric("roadstead_gc_duration_seconds_count") >= done);
    assert!(harbour.server.metric("roadstead_gc_last_success_timestamp_seconds") > 1_700_000_000);
}

/// Clients push images with shared layers, skip existing layers, and delete all but their newest images, while the server collects
/// garbage continuously.
#[test]
fn no_push_fails_and_no_image_suffers_while_garbage_is_collected() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--gc-interval", "1s", "--gc-grace", "5s"]));
    harbour.create("app");
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        for pusher in 0..4 {
            let (harbour, enough) = (&harbour, &enough);
            scope.spawn(move || push_and_delete(harbour, pusher, enough));
        }
        let begun = Instant::now();
        let enough_happened = || {
            let collections = harbour.server.metric(r#"roadstead_gc_collections_total{outcome="done"}"#);
            collections >= 10 && harbour.server.metric(r#"roadstead_gc_removed_total{kind="blob"}"#) >= 500
        };
        while !enough_happened() && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(100));
        }
        enough.store(true, Ordering::Relaxed);
    });
    assert!(harbour.server.metric(r#"roadstead_gc_removed_total{kind="blob"}"#) >= 500);
    assert_eq!(harbour.server.metric(r#"roadstead_gc_collections_total{outcome="failed"}"#), 0);
}

fn push_and_delete(harbour: &Harbour, pusher: usize, enough: &AtomicBool) {
    let mut client = Pusher::of(harbour, "app");
    if pusher.is_multiple_of(2) {
        client = client.looking_anonymously();
    }
    let mut kept = VecDeque::new();
    for number in 0.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        // Some layers are pushed again soon, some after they were unused for longer than the grace period.
        let shared = (number * number * 31 + pusher * 17) % 1009;
        let layers = [format!("{shared} of all"), format!("{} of {pusher}", number / 2)];
        let image = Image::new(&format!("{pusher} {number}"), &layers);
        let put = client.push(&image, &image.digest());
        assert_eq!(put.status, 201, "{put:?}");
        kept.push_back(image);
        if kept.len() > 3 {
            let oldest: Image = kept.pop_front().unwrap();
            client.assert_whole(&oldest, &oldest.digest());
            assert_eq!(client.send("DELETE", &format!("manifests/{}", oldest.digest()), &[], b"").status, 202);
        }
    }
    for image in kept {
        client.assert_whole(&image, &image.digest());
    }
}

/// Creates a user with a managed policy. Returns the user's key and login.
fn user(server: &Server, name: &str, policy: &str) -> (Credentials, String) {
    server.command(&["user", "create", name]);
    server.command(&["policy", "attach", policy, "--user", name]);
    let key = Credentials::of(&server.command(&["access-key", "create", "--user", name]));
    let login = server.login(&key);
    (key, login)
}

#[test]
fn who_may_only_read_cannot_keep_a_blob_by_asking_for_it_and_who_may_push_can() {
    let harbour = Harbour::on(Server::start(&["--alias", "pier", "--gc-interval", "1s", "--gc-grace", "6s"]));
    harbour.create("app");
    let (reader, login) = user(&harbour.server, "reader", "AmazonElasticContainerRegistryPublicReadOnly");
    let [asked_by_head, asked_by_aws, kept] = ["by HEAD", "by AWS", "kept"].map(|text| harbour.push_blob("app", text.as_bytes()));
    let head = |digest: &str, login: &str| {
        let path = format!("/v2/pier/app/blobs/{digest}");
        harbour.server.send("HEAD", &path, &[("authorization", login)], b"").status
    };
    let begun = Instant::now();
    let (mut by_head, mut by_aws) = (200, true);
    while begun.elapsed() < Duration::from_secs(7) || (by_head == 200 || by_aws) && begun.elapsed() < PATIENCE {
        by_head = head(&asked_by_head, &login);
        let check = json!({ "repositoryName": "app", "layerDigests": [asked_by_aws] });
        by_aws = harbour.server.aws_as(&reader, "BatchCheckLayerAvailability", &check).json()["layers"] != json!([]);
        assert_eq!(head(&kept, &harbour.login), 200);
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!((by_head, by_aws), (404, false));
}

fn gc(server: &Server, flags: &[&str]) -> Value {
    server.command(&[&["gc"], flags].concat())
}

#[test]
fn the_command_says_what_would_go_and_removes_it_while_the_server_answers() {
    let harbour = Harbour::new();
    assert_eq!(harbour.put("v1", &[], &harbour.image("a", None)).status, 201);
    let loose = harbour.push_blob("app", b"loose");
    let none = json!({ "dryRun": false, "uploads": 0, "unusedBlobs": 0, "deletedBlobs": 0, "orphans": 0, "bytes": 0 });
    assert_eq!(gc(&harbour.server, &[]), none, "a day has not passed");

    let would_go = json!({ "dryRun": true, "uploads": 0, "unusedBlobs": 1, "deletedBlobs": 1, "orphans": 0, "bytes": 5 });
    assert_eq!(gc(&harbour.server, &["--dry-run", "--grace", "0"]), would_go);
    let path = format!("/v2/pier/app/blobs/{loose}");
    assert_eq!(harbour.server.get(&path).status, 200);
    let gone = gc(&harbour.server, &["--grace", "0"]);
    assert_eq!((&gone["deletedBlobs"], &gone["bytes"]), (&json!(1), &json!(5)));
    assert_eq!(harbour.server.get(&path).status, 404);
    assert_eq!(harbour.server.get(&format!("/v2/pier/app/blobs/{}", sha256(b"a layer"))).status, 200);

    let table = run(&["gc", "--data", harbour.server.data().to_str().unwrap()], &[("ROADSTEAD_GC_GRACE", "7d")]);
    assert_eq!(table.stdout.lines().next(), Some("ABANDONED UPLOADS  UNUSED BLOBS  DELETED BLOBS  ORPHANS  BYTES FREED"));
    let malformed = run(&["gc", "--data", harbour.server.data().to_str().unwrap()], &[("ROADSTEAD_GC_GRACE", "soon")]);
    assert_eq!((malformed.code, malformed.stdout.as_str()), (Some(2), ""));
}
