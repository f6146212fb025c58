//! Completing a session: its bytes become a blob of the repository.

use super::body::{BodyError, Buffered, PartBody};
use super::claim::Claim;
use super::ending::Ended;
use super::ingest::Ingest;
use super::session::{Session, SessionName, UploadRow, busy};
use crate::error::{Error, Result};
use crate::hashing::Hash;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::repository_blob::{BlobInfo, Content};
use crate::repository_blobs::rows::LINK;
use crate::upload_leases::Intent;
use roadstead_model::{Digest, RepositoryKey, Timestamp};

statements! {
    INSERT = "INSERT INTO blob (id, digest, size, storage_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (digest) DO NOTHING";
    // The content of a blob of the same digest is kept.
    INSERT_CONTENT = "INSERT INTO blob_content (blob_id, bytes) SELECT b.id, ?2 FROM blob b WHERE b.id = ?1";
}

impl Installation {
    /// Completes a session: makes a blob of the repository from its bytes. If they do not match the digest, the session is canceled,
    /// because it can never be completed.
    pub async fn complete_upload(&self, name: SessionName<'_>, digest: &Digest) -> Result<BlobInfo> {
        self.complete_upload_with(name, None, &mut Buffered(None), digest).await
    }

    /// Appends the last body to a session and completes it, as [`Self::complete_upload`] does. If the body ends early, the session is
    /// unchanged and the error is that of [`Self::append_upload`].
    ///
    /// Idempotent: a session that has ended counts as completed if the repository holds the blob, because the first response may have
    /// been lost. A body that is sent again must then be that blob; it is hashed and not stored.
    pub async fn complete_upload_with<B: PartBody>(
        &self,
        name: SessionName<'_>,
        start: Option<u64>,
        body: &mut B,
        digest: &Digest,
    ) -> Result<BlobInfo> {
        let claim = match self.claim(name, start, Intent::Complete).await {
            Ok(claim) => claim,
            Err(gone @ Error::UploadNotFound { .. }) => return self.completed_before(name.repository, digest, body, gone).await,
            Err(error) => return Err(error),
        };
        match self.complete(claim, body, digest).await {
            Err(error) => Err(self.cause_of(name, error).await),
            Ok(outcome) => outcome,
        }
    }

    /// Stores a whole blob in one request.
    pub async fn push_blob<B: PartBody>(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        create_repository: bool,
        body: &mut B,
    ) -> Result<BlobInfo> {
        let id = uuid::Uuid::new_v4().to_string();
        let row = UploadRow::new(&Hash::new(digest.algorithm()), 0);
        let session = Session { repository: self.repository_to_push_to(repository, create_repository).await?, until: None, row };
        let lease =
            self.0.upload_leases.acquire(&id, Intent::Complete).map_err(|_| Error::Internal("a new upload has a lease".to_owned()))?;
        match self.complete(Claim::new(self, repository, &id, session, lease), body, digest).await.flatten() {
            Err(error @ Error::UploadBusy { .. }) => self.repository_to_push_to(repository, false).await.and(Err(error)),
            pushed => pushed,
        }
    }

    /// Completes a claimed session. The outer error may have a [cause](Self::cause_of) outside of this request; the inner one has not.
    async fn complete<B: PartBody>(&self, claim: Claim, body: &mut B, digest: &Digest) -> Result<Result<BlobInfo>> {
        let (repository, id, before) = (claim.repository.clone(), claim.id.clone(), claim.row().received);
        let (ingest, ending) = Ingest::begin(claim, Some(digest))?.read(body).await?;
        if let Err(error) = self.expect_complete(&repository, &id, ending, before) {
            ingest.abandon().await?;
            return Err(error);
        }
        let (installation, digest) = (self.clone(), digest.clone());
        let made = tokio::spawn(async move { installation.make_blob(ingest, digest).await });
        made.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    /// Makes a blob of the repository from a session. Continues if the request is dropped.
    async fn make_blob(&self, ingest: Ingest, digest: Digest) -> Result<Result<BlobInfo>> {
        let size = ingest.length();
        let (claim, content) = ingest.finish(&digest).await;
        match content {
            Ok(content) => self.replace_by_blob(claim, BlobInfo { digest, size }, content).await,
            Err(error @ Error::LayerDigestMismatch { .. }) => self.cancel_claimed(claim).await.map(|()| Err(error)),
            Err(error) => {
                claim.give_up().await;
                Err(error)
            }
        }
    }

    /// Ends a session whose content is durable and has been verified, and makes it a blob of the repository.
    async fn replace_by_blob(&self, claim: Claim, blob: BlobInfo, content: Content) -> Result<Result<BlobInfo>> {
        let (ended, now, stored) = (Ended::of(&claim), self.now(), (blob.clone(), content.clone()));
        let changed = busy(&claim.repository, &claim.id, claim.row().received);
        let work = async move |tx: &mut Tx<'_>| {
            if !ended.end(tx, now).await? {
                return Err(changed.clone());
            }
            let (blob, content) = &stored;
            insert(tx, ended.repository, blob, content, now).await?.ok_or_else(|| changed.clone())
        };
        match (self.0.metadata.content().write(work).await, content) {
            // The content of a blob of the same digest is kept.
            (Ok(false), Content::Object(key)) => self.0.blobs.delete(&key).await,
            (Ok(_), _) => {}
            // A repetition of this request may have been faster on another replica.
            (Err(changed @ Error::UploadBusy { .. }), _) => {
                return self.reserve_blob(&claim.repository, &blob.digest).await.map(Ok).map_err(|_| changed);
            }
            // What could not be made durable may be visible all the same, and the session look ended.
            (Err(error @ Error::Unavailable(_)), _) => return Ok(Err(error)),
            (Err(error), _) => return Err(error),
        }
        if !claim.row().is_new {
            self.0.upload_quota.release(&claim.repository);
        }
        Ok(Ok(blob))
    }

    /// Returns the blob made from a session that no longer exists. Fails with `gone` unless the repository holds the blob and `body` is
    /// empty or that blob.
    async fn completed_before<B: PartBody>(
        &self,
        repository: &RepositoryKey,
        digest: &Digest,
        body: &mut B,
        gone: Error,
    ) -> Result<BlobInfo> {
        let blob = match self.reserve_blob(repository, digest).await {
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
}

/// Inserts a blob and links it to a repository. Returns whether no blob of the same digest existed, or `None` if the repository does not
/// exist any more.
async fn insert(tx: &mut Tx<'_>, repository: i64, blob: &BlobInfo, content: &Content, now: Timestamp) -> Result<Option<bool>> {
    let (row, storage_key) = (tx.next_id(now), if let Content::Object(key) = content { key } else { "" });
    let insert = (&INSERT, &params![row, blob.digest, blob.size, storage_key, now][..]);
    let link = (&LINK, &params![repository, blob.digest, now][..]);
    let [inserted, linked] = match content {
        Content::Object(_) => tx.execute_all([insert, link]).await?,
        Content::Small(bytes) => {
            let [inserted, linked, _] = tx.execute_all([insert, link, (&INSERT_CONTENT, params![row, bytes[..]])]).await?;
            [inserted, linked]
        }
    };
    Ok((linked > 0).then_some(inserted > 0))
}

/// Inserts a blob that is in the store. Returns `false` if one of the same digest exists.
pub(crate) async fn insert_object(tx: &mut Tx<'_>, row: i64, blob: &BlobInfo, key: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(&INSERT, params![row, blob.digest, blob.size, key, now]).await? > 0)
}
