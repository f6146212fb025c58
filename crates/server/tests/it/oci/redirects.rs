//! Blobs that clients read from the bucket itself (`--blob-redirect`).

use crate::support::{Answer, Buckets, Connection, Harbour, Server, endpoint, run, sha256};

const LARGE: usize = 600_000;

/// A server with a bucket, and the directory of its metadata.
pub(super) struct WithBucket {
    pub(super) harbour: Harbour,
    /// `host:port` of the S3 server.
    bucket: String,
    _data: tempfile::TempDir,
}

/// Returns `None` if there is no S3 server to try.
pub(super) fn with_bucket(name: &str, flags: &[&str]) -> Option<WithBucket> {
    let buckets = Buckets::shared()?;
    buckets.create(name);
    let data = tempfile::tempdir().unwrap();
    let (blobs, endpoint) = (format!("s3://{name}/a"), endpoint(buckets.address));
    let places = ["--data", data.path().to_str().unwrap(), "--blobs", &blobs, "--s3-endpoint", &endpoint];
    let server = Server::start_with(&[&places[..], &["--alias", "pier", "--create-on-push"], flags].concat(), &Buckets::CREDENTIALS);
    let bucket = endpoint.trim_start_matches("http://").to_owned();
    Some(WithBucket { harbour: Harbour::on(server), bucket, _data: data })
}

impl WithBucket {
    fn push(&self, bytes: &[u8]) -> String {
        format!("/v2/pier/app/blobs/{}", self.harbour.push_blob("app", bytes))
    }

    /// Sends a client's request where a redirect tells it to.
    fn follow(&self, redirect: &Answer, headers: &[(&str, &str)]) -> Answer {
        assert_eq!(redirect.status, 307, "{redirect:?}");
        let path = redirect.header("location").unwrap().strip_prefix(&format!("http://{}", self.bucket)).unwrap();
        let host = ("host", self.bucket.as_str());
        Connection::to(self.bucket.parse().unwrap()).send("GET", path, &[&[host], headers].concat(), b"")
    }
}

#[test]
fn a_large_blob_is_read_from_the_bucket_and_what_the_metadata_know_is_not() {
    let Some(at) = with_bucket("redirected", &["--blob-redirect"]) else { return };
    let bytes: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
    let (large, small) = (at.push(&bytes), at.push(b"small"));
    let redirect = at.harbour.server.get(&large);
    let found = at.follow(&redirect, &[]);
    assert_eq!((found.status, found.body == bytes), (200, true));
    assert_eq!(found.header("content-type"), Some("application/octet-stream"));
    assert_eq!((redirect.header("cache-control"), redirect.header("content-length")), (Some("no-store"), Some("0")));
    assert_eq!(redirect.header("docker-content-digest"), Some(sha256(&bytes).as_str()));
    let range = ("range", "bytes=10-19");
    let part = at.follow(&at.harbour.get_with(&large, range.0, range.1), &[range]);
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[10..20]));
    let head = at.harbour.server.send("HEAD", &large, &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, Some("600000")));
    let tag = format!("\"{}\"", sha256(&bytes));
    assert_eq!(at.harbour.get_with(&large, "if-none-match", &tag).status, 304);
    assert_eq!(at.harbour.server.get(&small).body, b"small");
}

#[test]
fn a_cdn_takes_the_place_of_the_bucket_in_addresses() {
    let Some(at) = with_bucket("cdn", &["--blob-redirect", "--blob-redirect-url", "https://cdn.example/layers/"]) else { return };
    let redirect = at.harbour.server.get(&at.push(&vec![7; LARGE]));
    let location = redirect.header("location").unwrap();
    assert!(location.starts_with("https://cdn.example/layers/cdn/a/blobs/"), "{location}");
    assert!(location.contains("X-Amz-Expires=900"), "{location}");
}

#[test]
fn a_redirect_counts_the_whole_blob_against_the_volume() {
    let Some(at) = with_bucket("volume", &["--blob-redirect", "--pull-volume", "1000000"]) else { return };
    let blob = at.push(&vec![7; LARGE]);
    let get = || at.harbour.get_with(&blob, "range", "bytes=0-0").status;
    assert_eq!([get(), get(), get()], [307, 307, 403]);
}

#[test]
fn without_a_redirect_the_server_sends_the_blobs_of_a_bucket() {
    let Some(at) = with_bucket("sent", &[]) else { return };
    let bytes = vec![7; LARGE];
    let sent = at.harbour.server.get(&at.push(&bytes));
    assert_eq!((sent.status, sent.body == bytes), (200, true));
}

#[test]
fn a_redirect_needs_a_bucket() {
    let data = tempfile::tempdir().unwrap();
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().unwrap(), "--blob-redirect"], &[]);
    assert!(refused.code == Some(1) && refused.stderr.contains("--blob-redirect needs a bucket"), "{refused:?}");
}
