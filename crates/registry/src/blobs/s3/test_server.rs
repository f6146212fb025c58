//! Stores of tests, in a bucket of an S3 server that the tests of this process share.

#[path = "../../../tests/servers/buckets.rs"]
mod buckets;

use super::S3;
use super::credentials::Credentials;
use crate::blobs::BlobAccess;
use crate::places::S3Options;
use buckets::Buckets;
use object_store::aws::AmazonS3ConfigKey as Key;
use std::net::SocketAddr;

const BUCKET: &str = "bucket";

/// Where the server listens. `None` if it is not installed, which it must be in CI.
pub(in crate::blobs) fn address() -> Option<SocketAddr> {
    let buckets = Buckets::shared()?;
    buckets.create(BUCKET);
    Some(buckets.address)
}

/// Whether the server is known to list unfinished multipart uploads by the beginning of their keys.
pub(super) fn lists_unfinished() -> bool {
    buckets::name() != "minio"
}

pub(super) fn credentials() -> Credentials {
    let [(_, key), (_, secret)] = Buckets::CREDENTIALS;
    let settings = vec![(Key::AccessKeyId, key.to_owned()), (Key::SecretAccessKey, secret.to_owned())];
    Credentials { settings, ..Credentials::default() }
}

/// The options of a store at this address, which may be that of a proxy.
pub(super) fn options(address: SocketAddr, prefix: &str) -> S3Options {
    S3Options {
        bucket: BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(buckets::endpoint(address)),
        region: None,
        path_style: true,
        memory: 64 << 20,
    }
}

/// Opens a store of tests.
pub(in crate::blobs) async fn open(address: SocketAddr, prefix: &str) -> S3 {
    S3::open_with(&options(address, prefix), &credentials(), BlobAccess::Write).await.expect("a store")
}
