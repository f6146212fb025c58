//! Appending to a session.

use super::body::PartBody;
use super::ingest::{Ending, Ingest};
use super::session::{SessionName, Upload, UploadRow};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::upload_leases::{Intent, UploadLease};
use roadstead_model::RepositoryKey;

impl Installation {
    /// Appends a body to a session. Fails with [`Error::LayerPartInvalid`], and leaves the session unchanged, unless its length is
    /// `start`, if given.
    ///
    /// If the body ends early, the bytes received are kept and the error is [`Error::BodyIncomplete`].
    ///
    /// If another request is writing to the session, a request that starts at the length reached takes over: it is sent by the same
    /// client, whose other connection is dead. Any other request fails with [`Error::UploadBusy`].
    pub async fn append_upload<B: PartBody>(
        &self,
        repository: &RepositoryKey,
        id: &str,
        start: Option<u64>,
        body: &mut B,
    ) -> Result<Upload> {
        let session = SessionName { repository, id };
        let (lease, row) = self.lease_upload(session, start, Intent::Append).await?;
        match self.append(session, &lease, row, body).await {
            Ok(received) => Ok(Upload { id: id.to_owned(), received }),
            Err(error) => Err(self.cause_of(session, error).await),
        }
    }

    async fn append<B: PartBody>(&self, session: SessionName<'_>, lease: &UploadLease, row: UploadRow, body: &mut B) -> Result<u64> {
        let before = row.received;
        let (ingest, ending) = Ingest::begin(self, lease, session.id, row, None)?.read(body).await?;
        let received = ingest.settle().await?.ok_or_else(|| session.misplaced(before))?;
        self.expect_complete(session, ending, received).map(|()| received)
    }

    /// Fails if a body was not complete. `received` is the length of its session.
    pub(super) fn expect_complete(&self, session: SessionName<'_>, ending: Ending, received: u64) -> Result<()> {
        match ending {
            Ending::Complete => Ok(()),
            Ending::Broken => Err(Error::BodyIncomplete),
            Ending::Revoked => Err(session.busy(received)),
            Ending::TooLarge => Err(Error::LayerTooLarge { maximum: self.0.limits.layer_bytes }),
        }
    }
}
