//! Many concurrent clients of one repository.

use crate::support::{Connection, Harbour, Image, Pusher, sha256};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const PUSHERS: usize = 32;
const IMAGES: usize = 6;

/// A layer of many images.
fn shared(number: usize) -> String {
    format!("shared layer {}", number % 5)
}

fn image(pusher: usize, number: usize) -> Image {
    Image::new(&format!("{pusher} {number}"), &[shared(number), shared(number + pusher), format!("layer of {pusher}")])
}

/// Every other image is deleted by its pusher.
fn is_kept(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// 32 clients push images that share layers, while others mount these layers, try to delete them, and list.
#[test]
fn nothing_acknowledged_is_missing_when_a_crowd_pushes_mounts_deletes_and_lists() {
    let harbour = Harbour::new();
    harbour.create("other");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|pusher| {
                let harbour = &harbour;
                scope.spawn(move || push_all(harbour, pusher))
            })
            .collect();
        for disturb in [mount, delete, list] {
            for _ in 0..2 {
                let (harbour, done) = (&harbour, &done);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        disturb(harbour);
                    }
                });
            }
        }
        let pushed: Vec<_> = pushers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(pushed.iter().all(Result::is_ok));
    });
    let mut client = Pusher::of(&harbour, "app");
    for (pusher, number) in (0..PUSHERS).flat_map(|pusher| (0..IMAGES).map(move |number| (pusher, number))) {
        if is_kept(number) {
            client.assert_whole(&image(pusher, number), &format!("p{pusher}-{number}"));
        }
    }
    let tags = client.send("GET", "tags/list", &[], b"").json()["tags"].as_array().unwrap().len();
    assert_eq!(tags, PUSHERS * IMAGES / 2);
}

fn push_all(harbour: &Harbour, pusher: usize) {
    let mut client = Pusher::of(harbour, "app");
    for number in 0..IMAGES {
        let (image, tag) = (image(pusher, number), format!("p{pusher}-{number}"));
        // A layer may be deleted before the manifest arrives. The push then fails and is repeated.
        let accepted = (0..1000).find_map(|_| {
            let put = client.push(&image, &tag);
            assert!(put.status == 201 || put.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN", "{put:?}");
            (put.status == 201).then_some(())
        });
        assert!(accepted.is_some(), "{tag} was never accepted");
        client.assert_whole(&image, &tag);
        if !is_kept(number) {
            assert_eq!(client.send("DELETE", &format!("manifests/{}", image.digest()), &[], b"").status, 202);
        }
    }
}

fn mount(harbour: &Harbour) {
    let mut client = Pusher::of(harbour, "other");
    for number in 0..5 {
        let digest = sha256(shared(number).as_bytes());
        let answer = client.send("POST", &format!("blobs/uploads/?mount={digest}&from=pier/app"), &[], b"");
        assert!(matches!(answer.status, 201 | 202), "{answer:?}");
        if answer.status == 201 {
            assert_eq!(client.send("GET", &format!("blobs/{digest}"), &[], b"").body, shared(number).as_bytes());
        }
    }
    let image = Image::new("other", &[shared(0)]);
    let put = client.push(&image, "v1");
    assert_eq!(put.status, 201, "{put:?}");
    client.assert_whole(&image, "v1");
}

fn delete(harbour: &Harbour) {
    let mut client = Pusher::of(harbour, "app");
    for number in 0..5 {
        let answer = client.send("DELETE", &format!("blobs/{}", sha256(shared(number).as_bytes())), &[], b"");
        assert!(matches!(answer.status, 202 | 404 | 405), "{answer:?}");
    }
}

fn list(harbour: &Harbour) {
    let mut connection = Connection::to(harbour.server.address());
    let subject = sha256(b"nothing");
    for path in ["/v2/pier/app/tags/list?n=50", "/v2/_catalog", &format!("/v2/pier/app/referrers/{subject}")] {
        assert_eq!(connection.send("GET", path, &[], b"").status, 200, "{path}");
    }
}
