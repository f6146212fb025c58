//! Appending to a session.

use super::body::PartBody;
use super::ingest::{Ending, Ingest};
use super::session::{SessionName, Upload, UploadRow};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::upload_leases::{Intent, UploadLease};
use roadstead_model::RepositoryKey;

impl Installation {
    /// Appends a body to a session. `start` is where the client believes the session to stand; `None` is not checked.
    ///
    /// If the body ends early, what arrived is kept and the session stands behind it; the error is [`Error::BodyIncomplete`]. A part that
    /// starts elsewhere is [`Error::LayerPartInvalid`] and leaves the session as it was.
    ///
    /// While another request is writing to the session, one that starts where that one has got to takes over from it: it is the same
    /// client, whose other connection is dead. Any other is [`Error::UploadBusy`].
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

    /// Fails if a body was not complete. `received` is where its session stands.
    pub(super) fn expect_complete(&self, session: SessionName<'_>, ending: Ending, received: u64) -> Result<()> {
        match ending {
            Ending::Complete => Ok(()),
            Ending::Broken => Err(Error::BodyIncomplete),
            Ending::Revoked => Err(session.busy(received)),
            Ending::TooLarge => Err(Error::LayerTooLarge { maximum: self.0.limits.layer_bytes }),
        }
    }
}
