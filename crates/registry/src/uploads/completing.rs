//! Completing a session: its bytes become a blob of the repository.

use super::body::{BodyError, Buffered, PartBody};
use super::canceling::delete_row;
use super::ingest::Ingest;
use super::session::{SessionName, UploadRow};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_blob::{BlobInfo, Content};
use crate::repository_blobs::rows::link;
use crate::repository_row;
use crate::upload_leases::{Intent, UploadLease};
use roadstead_model::{Digest, RepositoryKey, Timestamp};

statements! {
    SELECT_ID = "SELECT id FROM blob WHERE digest = ?1";
    INSERT = "INSERT INTO blob (id, digest, size, storage_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (digest) DO NOTHING";
    INSERT_CONTENT = "INSERT INTO blob_content (blob_id, bytes) VALUES (?1, ?2)";
}

impl Installation {
    /// Completes a session: makes a blob of the repository from its bytes. If they do not match the digest, the session is canceled,
    /// because it can never be completed.
    pub async fn complete_upload(&self, repository: &RepositoryKey, id: &str, digest: &Digest) -> Result<BlobInfo> {
        self.complete_upload_with(repository, id, None, &mut Buffered(None), digest).await
    }

    /// Appends the last body to a session and completes it, as [`Self::complete_upload`] does. If the body ends early, the session is
    /// unchanged and the error is that of [`Self::append_upload`].
    ///
    /// Idempotent: a missing session counts as completed if the repository holds the blob, because the first response may have been
    /// lost. A body that is sent again must then be that blob; it is hashed and not stored.
    pub async fn complete_upload_with<B: PartBody>(
        &self,
        repository: &RepositoryKey,
        id: &str,
        start: Option<u64>,
        body: &mut B,
        digest: &Digest,
    ) -> Result<BlobInfo> {
        let session = SessionName { repository, id };
        let (lease, row) = match self.lease_upload(session, start, Intent::Complete).await {
            Ok(leased) => leased,
            Err(gone @ Error::UploadNotFound { .. }) => return self.completed_before(session, digest, body, gone).await,
            Err(error) => return Err(error),
        };
        match self.complete(session, &lease, row, body, digest).await {
            Err(error @ Error::LayerDigestMismatch { .. }) => Err(error),
            Err(error) => Err(self.cause_of(session, error).await),
            completed => completed,
        }
    }

    async fn complete<B: PartBody>(
        &self,
        session: SessionName<'_>,
        lease: &UploadLease,
        row: UploadRow,
        body: &mut B,
        digest: &Digest,
    ) -> Result<BlobInfo> {
        let before = row.received;
        let (ingest, ending) = Ingest::begin(self, lease, session.id, row, Some(digest))?.read(body).await?;
        if let Err(error) = self.expect_complete(session, ending, before) {
            ingest.abandon().await?;
            return Err(error);
        }
        let size = ingest.length();
        let finished = ingest.finish(digest).await;
        if let Err(Error::LayerDigestMismatch { .. }) = finished {
            self.cancel_upload(session.repository, session.id).await?;
        }
        let (blob, content) = (BlobInfo { digest: digest.clone(), size }, finished?);
        let is_new = self.replace_by_blob(session, blob.clone(), content.clone()).await?;
        self.0.upload_quota.release(session.repository);
        if let (Content::Object(key), false) = (&content, is_new) {
            self.0.blobs.delete(key).await;
        }
        Ok(blob)
    }

    /// Replaces the row of a session by a blob of the repository, whose content must be durable. Returns `false` if a blob of the same
    /// digest exists: its content is kept, and this one is not needed.
    async fn replace_by_blob(&self, session: SessionName<'_>, blob: BlobInfo, content: Content) -> Result<bool> {
        let (key, upload, now) = (session.repository.clone(), session.id.to_owned(), self.now());
        let work = async move |tx: &mut Tx<'_>| {
            let repository = repository_row::require(tx, &key).await?;
            delete_row(tx, repository, SessionName { repository: &key, id: &upload }).await?;
            let row = tx.next_id(now);
            let is_new = insert(tx, row, &blob, &content, now).await?;
            let kept = if is_new { Some(row) } else { tx.query_one(&SELECT_ID, params![blob.digest]).await? };
            let kept = kept.ok_or_else(|| Error::Internal("a blob vanished while it was stored".to_owned()))?;
            link(tx, repository, kept, now).await?;
            Ok(is_new)
        };
        self.0.metadata.write(work).await
    }

    /// Returns the blob made from a session that no longer exists. Fails with `gone` unless the repository holds the blob and `body` is
    /// empty or that blob.
    async fn completed_before<B: PartBody>(
        &self,
        session: SessionName<'_>,
        digest: &Digest,
        body: &mut B,
        gone: Error,
    ) -> Result<BlobInfo> {
        let blob = match self.reserve_blob(session.repository, digest).await {
            Err(Error::LayerNotFound(_)) => return Err(gone),
            found => found?,
        };
        let (mut hash, mut length) = (Hash::new(digest.algorithm()), 0);
        while let Some(next) = body.next().await {
            let bytes = next.map_err(|BodyError| Error::BodyIncomplete)?;
            length += bytes.len() as u64;
            if length > blob.size {
                return Err(gone);
            }
            hash.update(&bytes);
        }
        if length == 0 || hash.finish() == *digest { Ok(blob) } else { Err(gone) }
    }

    /// Stores a whole blob in one request. If the request fails or is dropped, its session is canceled, or collected later.
    pub async fn push_blob<B: PartBody>(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        create_repository: bool,
        body: &mut B,
    ) -> Result<BlobInfo> {
        let id = self.start_upload(repository, Some(digest.algorithm()), create_repository).await?.id;
        let unfinished = scopeguard::guard((self.clone(), repository.clone(), id.clone()), |(installation, repository, id)| {
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move { drop(installation.cancel_upload(&repository, &id).await) });
            }
        });
        let pushed = self.complete_upload_with(repository, &id, Some(0), body, digest).await?;
        scopeguard::ScopeGuard::into_inner(unfinished);
        Ok(pushed)
    }
}

/// Inserts a blob. Returns `false` if one of the same digest exists.
async fn insert(tx: &mut Tx<'_>, row: i64, blob: &BlobInfo, content: &Content, now: Timestamp) -> Result<bool> {
    let (storage_key, bytes) = match content {
        Content::Object(key) => (key.as_str(), None),
        Content::Small(bytes) => ("", Some(bytes)),
    };
    let is_new = tx.execute(&INSERT, params![row, blob.digest, blob.size, storage_key, now]).await? > 0;
    if let (true, Some(bytes)) = (is_new, bytes) {
        tx.execute(&INSERT_CONTENT, params![row, bytes[..]]).await?;
    }
    Ok(is_new)
}
