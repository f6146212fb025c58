//! Trying what the store uses of a bucket, so that a server without it is refused when it starts.

use super::bucket::Bucket;
use super::multiparts::invalid;
use crate::blobs::BlobAccess;
use crate::causes::with_causes;
use crate::error::{Error, Result};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode};

/// The name of the object that says which installation has its blobs in a bucket.
const CLAIM: &str = "installation";

const CONTENT: &[u8] = b"written by roadstead to try this bucket";

impl Bucket {
    /// Fails with [`Error::Unavailable`] if the server cannot be reached, and otherwise with a message for the operator. Returns whether the
    /// server lists unfinished multipart uploads by the beginning of their keys, as far as this access lets it find out.
    pub(super) async fn probe(&self, access: BlobAccess) -> Result<bool> {
        self.client.credentials().get_credential().await.map_err(|error| self.refused("finding credentials", &error))?;
        let name = format!("probe-{}", uuid::Uuid::new_v4());
        let path = self.path(&name);
        if access == BlobAccess::Read {
            return self.try_reading(&name, &path).await;
        }
        let tried = self.try_all(&name, &path).await;
        // What was written is of no use, whatever failed.
        let deleted = self.client.delete(&path).await;
        let lists_unfinished = tried?;
        deleted.map_err(|error| self.explain("deleting an object", error))?;
        Ok(lists_unfinished)
    }

    /// Records which installation has its blobs here, if it may. Fails if it is another one: each would collect the blobs of the other.
    pub(super) async fn claim(&self, installation: &str, access: BlobAccess) -> Result<()> {
        let path = self.path(CLAIM);
        let owner = match self.client.get(&path).await {
            Err(StoreError::NotFound { .. }) if access == BlobAccess::Read => return Ok(()),
            Err(StoreError::NotFound { .. }) => {
                let put = self.client.put_opts(&path, installation.to_owned().into(), PutMode::Create.into()).await;
                match put {
                    Ok(_) => return Ok(()),
                    Err(StoreError::AlreadyExists { .. }) => self.client.get(&path).await,
                    Err(error) => Err(error),
                }
            }
            found => found,
        };
        let explain = |error| self.explain("claiming the prefix", error);
        let owner = owner.map_err(explain)?.bytes().await.map_err(explain)?;
        if owner == installation.as_bytes() {
            return Ok(());
        }
        Err(Error::Internal(format!("{self} has the blobs of another installation below '{}': choose another prefix", self.raw(""))))
    }

    /// Tries to read an object that does not exist, which needs the same rights as one that does.
    async fn try_reading(&self, name: &str, path: &Path) -> Result<bool> {
        match self.client.get(path).await {
            Ok(_) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(self.explain("reading an object", error)),
        }
        let listed = self.client.list_paginated(Some(&self.raw(name)), PaginatedListOptions::default()).await;
        listed.map_err(|error| self.explain("listing objects", error))?;
        match self.unfinished(name, None).await {
            Ok(_) => Ok(true),
            // Whoever only reads blobs can do without.
            Err(StoreError::PermissionDenied { .. }) => Ok(false),
            Err(error) => Err(self.explain("listing multipart uploads", error)),
        }
    }

    async fn try_all(&self, name: &str, path: &Path) -> Result<bool> {
        let explain = |doing: &'static str| move |error| self.explain(doing, error);
        self.client.put(path, CONTENT.into()).await.map_err(explain("storing an object"))?;
        let read = self.client.get_range(path, 1..8).await.map_err(explain("reading a range of an object"))?;
        if read != CONTENT[1..8] {
            return Err(self.refused("reading a range of an object", &invalid("other bytes came back")));
        }
        let listed = self.client.list_paginated(Some(&self.raw(name)), PaginatedListOptions::default()).await;
        if listed.map_err(explain("listing objects"))?.result.objects.len() != 1 {
            return Err(self.refused("listing objects", &invalid("the object just stored is missing")));
        }
        let id = self.client.create_multipart(path).await.map_err(explain("beginning a multipart upload"))?;
        let used = self.try_multipart(name, path, &id).await;
        let aborted = self.client.abort_multipart(path, &id).await;
        let lists_unfinished = used?;
        aborted.map_err(explain("aborting a multipart upload"))?;
        Ok(lists_unfinished)
    }

    /// Returns whether the multipart upload is listed by the beginning of its key.
    async fn try_multipart(&self, name: &str, path: &Path, id: &String) -> Result<bool> {
        self.client.put_part(path, id, 0, CONTENT.into()).await.map_err(|error| self.explain("storing a part", error))?;
        self.parts(name, id).await.map_err(|error| self.explain("listing parts", error))?;
        let beginning = name.get(..name.len() - 1).unwrap_or(name);
        let listed = self.unfinished(beginning, None).await.map_err(|error| self.explain("listing multipart uploads", error))?;
        Ok(listed.uploads.iter().any(|found| self.relative(&found.key) == Some(name)))
    }

    fn explain(&self, doing: &str, error: StoreError) -> Error {
        match error {
            StoreError::NotFound { .. } | StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                self.refused(doing, &error)
            }
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => self.refused(doing, &error),
            // The wrong region, for example, or another server than one of S3. Nothing else uses the connections yet.
            _ if self.traffic.is_answered_for_good() => self.refused(doing, &error),
            _ => Error::Unavailable(format!("{self} cannot be reached: {doing} failed: {}", with_causes(&error))),
        }
    }

    fn refused(&self, doing: &str, error: &StoreError) -> Error {
        Error::Internal(format!("{self} cannot be used: {doing} failed: {}", with_causes(error)))
    }
}
