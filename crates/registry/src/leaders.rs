//! Leases on tasks that one process at a time does, such as garbage collection.
//!
//! On a shared database, a lease is a row that its holder renews. The holder gives up earlier than others may take the row over, so that
//! clocks may differ by the time in between. An embedded database has one server, which needs no rows; commands and the server take turns in
//! collecting garbage by the lock on a file.
//!
//! Steps of two holders may still overlap, because a step that has begun is not interrupted in the middle of a transaction. So for
//! most tasks a lease only saves work that would be done twice, and correctness rests on what each transaction checks. Backups and repairs rest
//! on the lease of collection: nothing is deleted while they hold it.

mod leadership;

use crate::clock::Clock;
use crate::data_directory::lock_collection;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Metadata, Tx, params, statements};
use roadstead_model::Timestamp;

pub use leadership::Leadership;
pub(crate) use leadership::lost;

statements! {
    SELECT = "SELECT holder, until FROM leader WHERE task = ?1";
    TAKE = "INSERT INTO leader (task, holder, until) VALUES (?1, ?2, ?3)
        ON CONFLICT (task) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE leader.until <= ?4";
    RENEW = "UPDATE leader SET until = ?3 WHERE task = ?1 AND holder = ?2";
    RELEASE = "DELETE FROM leader WHERE task = ?1 AND holder = ?2";
    SELECT_SERVER = "SELECT holder FROM leader WHERE task > 'serving ' AND task < 'serving!' AND until > ?1 ORDER BY task LIMIT 1";
    RELEASE_ALL = "DELETE FROM leader WHERE holder = ?1";
    FORGET = "DELETE FROM leader WHERE until < ?1";
}

/// How long a row is valid after it was written.
const LEASE_SECONDS: i64 = 30;
/// For how long expired rows of servers are kept, which operators may look at.
const FORGOTTEN_SECONDS: i64 = 24 * 60 * 60;

/// What a lease is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// What one of the servers does in the background.
    Upkeep,
    /// A garbage collection, of a server or a command, or anything during which none may run.
    Collection,
    /// Copying the installation to or from another place, during which no server may run.
    Transfer,
    /// Running a server. Any number of them do, each with a row of its own.
    Serving,
}

impl Installation {
    /// Takes the lease of a task, or returns `None` if another process holds it.
    pub async fn lead(&self, task: Task) -> Result<Option<Leadership>> {
        match task {
            // Commands collect garbage too, and backups keep it from being collected.
            Task::Collection if !self.0.metadata.is_shared() => Ok(lock_collection(&self.0.data)?.map(Leadership::by_lock)),
            _ => hold(&self.0.metadata, &self.0.clock, task, self.0.holder.clone()).await,
        }
    }

    /// Lets other processes take all leases, at the end of this one.
    pub(crate) async fn release_leases(&self) {
        if !self.0.metadata.is_shared() {
            return;
        }
        let holder = self.0.holder.clone();
        let release = async move |tx: &mut Tx<'_>| tx.execute(&RELEASE_ALL, params![holder]).await.map(drop);
        if let Err(error) = self.0.metadata.counting().write_lazily(release).await {
            tracing::debug!(%error, "the leases could not be released: they expire");
        }
    }

    /// The host and the process that hold the lease of a task, unless it is free.
    pub async fn leader(&self, task: Task) -> Result<Option<String>> {
        leader(&self.0.metadata, self.now(), task).await
    }
}

/// Takes the lease of a task, or returns `None` if another process holds it.
pub(crate) async fn hold(metadata: &Metadata, clock: &Clock, task: Task, holder: String) -> Result<Option<Leadership>> {
    if !metadata.is_shared() {
        return Ok(Some(Leadership::of_one_process()));
    }
    let lease = Lease::new(metadata.counting(), task, holder);
    Ok(lease.take(clock.now()).await?.then(|| Leadership::renewed(lease, clock.clone())))
}

/// The host and the process that hold the lease of a task, unless it is free.
async fn leader(metadata: &Metadata, now: Timestamp, task: Task) -> Result<Option<String>> {
    let name = task.name();
    let select = async |tx: &mut Tx<'_>| tx.query_one::<(String, Timestamp)>(&SELECT, params![name]).await;
    let held = metadata.read(select).await?;
    Ok(held.filter(|(_, until)| *until > now).map(|(holder, _)| shown(holder)))
}

/// Fails while the database is being copied.
pub(crate) async fn refuse_during_transfer(metadata: &Metadata, now: Timestamp) -> Result<()> {
    match leader(metadata, now, Task::Transfer).await? {
        None => Ok(()),
        Some(holder) => Err(Error::Refused(format!("the database is being copied ({holder}): wait until that has ended"))),
    }
}

/// The host and the process of one of the servers that run on a shared database, if there are any.
pub(crate) async fn running_server(metadata: &Metadata, now: Timestamp) -> Result<Option<String>> {
    let select = async |tx: &mut Tx<'_>| tx.query_one::<String>(&SELECT_SERVER, params![now]).await;
    Ok(metadata.read(select).await?.map(shown))
}

impl Task {
    const fn name(self) -> &'static str {
        match self {
            Self::Upkeep => "upkeep",
            Self::Collection => "collection",
            Self::Transfer => "transfer",
            Self::Serving => "serving",
        }
    }
}

/// The row of a lease.
#[derive(Clone)]
pub(crate) struct Lease {
    metadata: Metadata,
    task: String,
    holder: String,
}

impl Lease {
    fn new(metadata: Metadata, task: Task, holder: String) -> Self {
        let task = match task {
            Task::Serving => format!("{} {holder}", task.name()),
            _ => task.name().to_owned(),
        };
        Self { metadata, task, holder }
    }

    /// Takes the row unless another process holds it.
    pub(crate) async fn take(&self, now: Timestamp) -> Result<bool> {
        let task = &self.task;
        let select = async |tx: &mut Tx<'_>| tx.query_one::<(String, Timestamp)>(&SELECT, params![task]).await;
        // Replicas that wait for a task only read.
        if self.metadata.read(select).await?.is_some_and(|(_, until)| until > now) {
            return Ok(false);
        }
        let Self { task, holder, .. } = self.clone();
        let take = async move |tx: &mut Tx<'_>| {
            tx.execute(&FORGET, params![now.plus_seconds(-FORGOTTEN_SECONDS)]).await?;
            tx.execute(&TAKE, params![task, holder, now.plus_seconds(LEASE_SECONDS), now]).await
        };
        Ok(self.metadata.write_lazily(take).await? > 0)
    }

    /// Renews the row. Returns `false` if another process has taken it over.
    async fn renew(&self, now: Timestamp) -> Result<bool> {
        let Self { task, holder, .. } = self.clone();
        let until = now.plus_seconds(LEASE_SECONDS);
        let renew = async move |tx: &mut Tx<'_>| tx.execute(&RENEW, params![task, holder, until]).await;
        Ok(self.metadata.write_lazily(renew).await? > 0)
    }

    async fn release(self) -> Result<()> {
        let Self { metadata, task, holder } = self;
        let release = async move |tx: &mut Tx<'_>| tx.execute(&RELEASE, params![task, holder]).await.map(drop);
        metadata.write_lazily(release).await
    }
}

/// Names this process as the holder of leases. Another call returns another name.
pub(crate) fn new_holder() -> String {
    format!("{}, process {} {}", host(), std::process::id(), uuid::Uuid::new_v4().simple())
}

/// A holder without the token at its end.
fn shown(holder: String) -> String {
    holder.rsplit_once(' ').map_or(holder.clone(), |(name, _)| name.to_owned())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::migrations;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    async fn database(folder: &tempfile::TempDir) -> Metadata {
        let metadata = Metadata::open_sqlite(&folder.path().join("test.db"), migrations::METADATA).expect("a database");
        metadata.migrate().await.expect("its schema");
        metadata
    }

    #[tokio::test]
    async fn a_task_is_held_by_one_process_until_it_is_released_or_no_longer_renewed() {
        let folder = tempfile::tempdir().expect("a folder");
        let metadata = database(&folder).await;
        let [one, two] = [(); 2].map(|()| Lease::new(metadata.clone(), Task::Collection, new_holder()));
        let at = |seconds| NOW.plus_seconds(seconds);
        assert!(one.take(at(0)).await.expect("an answer") && !two.take(at(0)).await.expect("an answer"));
        assert!(one.renew(at(20)).await.expect("a renewal"));
        assert!(!two.take(at(49)).await.expect("an answer"), "the renewal counts");
        assert!(two.take(at(50)).await.expect("an answer"), "the lease has expired");
        assert!(!one.renew(at(51)).await.expect("an answer"), "another process has taken it over");
        one.release().await.expect("an end");
        assert!(two.renew(at(52)).await.expect("an answer"), "a former holder releases nothing");
        two.release().await.expect("an end");
        let three = Lease::new(metadata.clone(), Task::Collection, new_holder());
        assert!(three.take(at(53)).await.expect("an answer"));
        assert!(Lease::new(metadata, Task::Upkeep, new_holder()).take(at(53)).await.expect("an answer"), "each task is apart");
    }

    #[tokio::test]
    async fn any_number_of_servers_run_and_are_seen_until_they_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let metadata = database(&folder).await;
        let running = async |seconds| running_server(&metadata, NOW.plus_seconds(seconds)).await.expect("an answer");
        assert_eq!(running(0).await, None);
        let [one, two] = [(); 2].map(|()| Lease::new(metadata.clone(), Task::Serving, new_holder()));
        assert!(one.take(NOW).await.expect("an answer") && two.take(NOW).await.expect("an answer"));
        one.release().await.expect("an end");
        let seen = running(29).await.expect("a server");
        assert!(seen.ends_with(&format!("process {}", std::process::id())), "{seen}");
        assert_eq!(running(30).await, None, "it has not renewed its row");
    }
}
