//! Other places that have blobs and manifests, from which lost ones are fetched.

use crate::error::Result;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use roadstead_model::Digest;

/// Another place of blobs and manifests. What it returns is verified.
#[async_trait]
pub trait SecondCopy: Send + Sync {
    /// The bytes of a blob, or `None` if it does not have it.
    async fn blob(&self, digest: &Digest) -> Result<Option<BoxStream<'static, Result<Bytes>>>>;
    /// The bytes of a manifest, or `None` if it does not have it.
    async fn manifest(&self, digest: &Digest) -> Result<Option<Bytes>>;
}
