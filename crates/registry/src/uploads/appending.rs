//! Appending to a session.

use super::body::PartBody;
use super::claim::Claim;
use super::ingest::{Ending, Ingest};
use super::session::{SessionName, Upload, busy, misplaced};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::upload_leases::Intent;
use roadstead_model::RepositoryKey;

impl Installation {
    /// Appends a body to a session. Fails with [`Error::LayerPartInvalid`], and leaves the session unchanged, unless its length is
    /// `start`, if given.
    ///
    /// If the body ends early, the bytes received are kept and the error is [`Error::BodyIncomplete`].
    ///
    /// If another request is writing to the session, a request that starts at the length reached takes over: it is sent by the same
    /// client, whose other connection is dead. Any other request fails with [`Error::UploadBusy`].
    pub async fn append_upload<B: PartBody>(&self, name: SessionName<'_>, start: Option<u64>, body: &mut B) -> Result<Upload> {
        let claim = self.claim(name, start, Intent::Append).await?;
        match self.append(name, claim, body).await {
            Ok(received) => Ok(Upload { id: name.id.to_owned(), received }),
            Err(error) => Err(self.cause_of(name, error).await),
        }
    }

    async fn append<B: PartBody>(&self, name: SessionName<'_>, mut claim: Claim, body: &mut B) -> Result<u64> {
        claim.reserve().await?;
        let before = claim.row().received;
        let (ingest, ending) = Ingest::begin(claim, None)?.read(body).await?;
        let received = ingest.settle().await?.ok_or_else(|| misplaced(name.repository, name.id, before))?;
        self.expect_complete(name.repository, name.id, ending, received).map(|()| received)
    }

    /// Fails if a body was not complete. `received` is the length of its session.
    pub(super) fn expect_complete(&self, repository: &RepositoryKey, id: &str, ending: Ending, received: u64) -> Result<()> {
        match ending {
            Ending::Complete => Ok(()),
            Ending::Broken => Err(Error::BodyIncomplete),
            Ending::Revoked => Err(busy(repository, id, received)),
            Ending::TooLarge => Err(Error::LayerTooLarge { maximum: self.0.limits.layer_bytes }),
        }
    }
}
