//! The right to write to an upload in the blob store, where replicas share the metadata.
//!
//! The session's row names the request that has the right, and when the right ends. The request renews it until it is done. If its
//! replica dies, another request takes the right over once it has ended. A request writes nothing from some time before that on, so that
//! neither the clocks of replicas nor a slow answer of the metadata let two of them write at once.

use super::session::Writer;
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::upload_leases::{Revoker, UploadLease};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

statements! {
    RENEW = "UPDATE upload SET writer_until = ?3 WHERE id = ?1 AND writer = ?2";
    RELEASE = "UPDATE upload SET writer = '' WHERE id = ?1 AND writer = ?2";
}

/// How long a right lasts, by the clock of the metadata.
const LASTS: Duration = Duration::from_secs(30);
/// How long its holder uses it.
const USED: Duration = Duration::from_secs(25);
/// How often it is renewed, and how soon again if that failed.
const RENEWED: Duration = Duration::from_secs(10);
const RETRIED: Duration = Duration::from_secs(1);

/// The right of a request, until it is dropped. Dropping does not release it.
pub(super) struct WriteRight {
    pub(super) writer: Writer,
    deadline: Deadline,
    renewing: JoinHandle<()>,
}

/// A right that is about to be recorded in the row.
pub(super) struct Requested {
    pub(super) writer: Writer,
    since: Instant,
}

/// Until when a right is used. `None` if it is lost.
#[derive(Clone)]
struct Deadline(Arc<Mutex<Option<Instant>>>);

impl Requested {
    pub(super) fn new(installation: &Installation) -> Self {
        let until = installation.now().plus_seconds(LASTS.as_secs() as i64);
        Self { writer: Writer { token: uuid::Uuid::new_v4().to_string(), until }, since: Instant::now() }
    }

    /// The right, once it is recorded. If it is lost, `lease` is revoked.
    pub(super) fn granted(self, installation: &Installation, id: &str, lease: &UploadLease) -> WriteRight {
        let deadline = Deadline(Arc::new(Mutex::new(Some(self.since + USED))));
        let renewal = Renewal { installation: installation.clone(), id: id.to_owned(), token: self.writer.token.clone() };
        let renewing = tokio::spawn(renewal.run(deadline.clone(), lease.revoker()));
        WriteRight { writer: self.writer, deadline, renewing }
    }
}

impl WriteRight {
    pub(super) fn holds(&self) -> bool {
        self.deadline.is_ahead()
    }

    /// Lets another request have the right.
    pub(super) async fn release(&self, installation: &Installation, id: &str) -> Result<()> {
        let (id, token) = (id.to_owned(), self.writer.token.clone());
        let work = async move |tx: &mut Tx<'_>| tx.execute(&RELEASE, params![id, token]).await;
        installation.0.metadata.counting().write(work).await.map(drop)
    }
}

impl Drop for WriteRight {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

impl Deadline {
    fn is_ahead(&self) -> bool {
        self.0.lock().is_some_and(|deadline| Instant::now() < deadline)
    }
}

/// Renews the right of the request with this token.
struct Renewal {
    installation: Installation,
    id: String,
    token: String,
}

impl Renewal {
    async fn run(self, deadline: Deadline, lease: Revoker) {
        let mut pause = RENEWED;
        while deadline.is_ahead() {
            tokio::time::sleep(pause).await;
            let since = Instant::now();
            pause = match self.renew().await {
                Ok(true) => {
                    *deadline.0.lock() = Some(since + USED);
                    RENEWED
                }
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "cannot renew the right to write to an upload");
                    RETRIED
                }
            };
        }
        *deadline.0.lock() = None;
        lease.revoke();
    }

    /// Returns `false` if another request has the right, or the session has ended.
    async fn renew(&self) -> Result<bool> {
        let until = self.installation.now().plus_seconds(LASTS.as_secs() as i64);
        let (id, token) = (self.id.clone(), self.token.clone());
        let work = async move |tx: &mut Tx<'_>| tx.execute(&RENEW, params![id, token, until]).await;
        Ok(self.installation.0.metadata.counting().write(work).await? > 0)
    }
}
