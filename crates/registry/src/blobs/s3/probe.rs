//! Trying everything that the store uses of a bucket, so that a server without it is refused when it starts.

use super::bucket::Bucket;
use super::multiparts::invalid;
use crate::error::{Error, Result};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode};

/// The name of the object that says which installation has its blobs in a bucket.
const CLAIM: &str = "installation";

const CONTENT: &[u8] = b"written by roadstead to try this bucket";

impl Bucket {
    /// Fails with [`Error::Unavailable`] if the server cannot be reached, and otherwise with a message for the operator.
    pub(super) async fn probe(&self) -> Result<()> {
        self.client.credentials().get_credential().await.map_err(|error| self.refused("finding credentials", &error))?;
        let name = format!("probe-{}", uuid::Uuid::new_v4());
        let path = self.path(&name);
        let tried = self.try_all(&name, &path).await;
        // What was written is of no use, whatever failed.
        let deleted = self.client.delete(&path).await;
        tried?;
        deleted.map_err(|error| self.explain("deleting an object", error))
    }

    /// Records which installation has its blobs here. Fails if it is another one: each would collect the blobs of the other.
    pub(super) async fn claim(&self, installation: &str) -> Result<()> {
        let path = self.path(CLAIM);
        let owner = match self.client.get(&path).await {
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

    async fn try_all(&self, name: &str, path: &Path) -> Result<()> {
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
        used?;
        aborted.map_err(explain("aborting a multipart upload"))
    }

    async fn try_multipart(&self, name: &str, path: &Path, id: &String) -> Result<()> {
        self.client.put_part(path, id, 0, CONTENT.into()).await.map_err(|error| self.explain("storing a part", error))?;
        self.parts(name, id).await.map_err(|error| self.explain("listing parts", error))?;
        self.unfinished(name, None).await.map(drop).map_err(|error| self.explain("listing multipart uploads", error))
    }

    fn explain(&self, doing: &str, error: StoreError) -> Error {
        match error {
            StoreError::NotFound { .. } | StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                self.refused(doing, &error)
            }
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => self.refused(doing, &error),
            _ => Error::Unavailable(format!("{self} cannot be reached: {doing} failed: {error}")),
        }
    }

    fn refused(&self, doing: &str, error: &StoreError) -> Error {
        Error::Internal(format!("{self} cannot be used: {doing} failed: {error}"))
    }
}
