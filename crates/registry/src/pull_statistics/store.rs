//! The database of the statistics: a file of its own, because every commit to an embedded database of metadata empties the caches of
//! pulls. In a shared database, the statistics are tables beside the metadata, and writing them empties nothing.

use super::counters::Counters;
use super::expected_pulls::ExpectedPulls;
use super::told_pulls::ToldPulls;
use crate::board::Board;
use crate::data_directory::{DAMAGED_STATISTICS, STATISTICS, Sharing, unusable};
use crate::disk::permissions;
use crate::error::{Error, Result};
use crate::metadata::{Metadata, migrations};
use roadstead_model::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// Pulls in memory and in the database.
pub(crate) struct PullStatistics {
    pub(crate) counters: Counters,
    pub(crate) expected_pulls: ExpectedPulls,
    pub(crate) told_pulls: ToldPulls,
    pub(super) board: tokio::sync::Mutex<Option<Board>>,
    /// Held by a flush, so that closing waits for one that has begun.
    pub(super) flushing: tokio::sync::Mutex<()>,
    /// The file, if there is one.
    path: PathBuf,
    pub(super) sharing: Sharing,
    database: tokio::sync::Mutex<Database>,
}

enum Database {
    /// A command opens the database when it needs it.
    Unopened,
    Open(Metadata),
    /// Tables in the database of the metadata, which is closed with it.
    Shared(Metadata),
    Closed,
}

impl PullStatistics {
    /// Opens the statistics beside the metadata in a shared database, or in a data directory. In a file, a server begins anew if they are
    /// damaged: numbers are no reason to serve nothing.
    pub(crate) async fn open(metadata: &Metadata, data: &Path, sharing: Sharing, now: Timestamp) -> Result<Self> {
        let shared = metadata.is_shared().then(|| metadata.with_tables_of(migrations::STATISTICS));
        let statistics = Self {
            counters: Counters::default(),
            expected_pulls: ExpectedPulls::default(),
            told_pulls: ToldPulls::default(),
            board: tokio::sync::Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
            path: data.join(STATISTICS),
            sharing,
            database: tokio::sync::Mutex::new(Database::Unopened),
        };
        if let Some(shared) = shared {
            make_ready(&shared, sharing).await?;
            *statistics.database.lock().await = Database::Shared(shared);
            return Ok(statistics);
        }
        if sharing == Sharing::Server {
            match statistics.database().await {
                Err(error @ (Error::Damaged(_) | Error::Internal(_))) => statistics.begin_anew(&error, now).await?,
                opened => drop(opened?),
            }
        }
        Ok(statistics)
    }

    /// The open database.
    pub(crate) async fn database(&self) -> Result<Metadata> {
        let mut state = self.database.lock().await;
        match &*state {
            Database::Open(database) | Database::Shared(database) => Ok(database.clone()),
            Database::Closed => Err(Error::Unavailable("the statistics are closed".to_owned())),
            Database::Unopened => {
                let database = self.open_database().await?;
                *state = Database::Open(database.clone());
                Ok(database)
            }
        }
    }

    async fn open_database(&self) -> Result<Metadata> {
        if self.sharing == Sharing::Server {
            permissions::create_file(&self.path)?;
        } else if !self.path.is_file() {
            return Err(Error::Unavailable(format!("there is no '{}': a server creates it when it starts", self.path.display())));
        }
        let database = Metadata::open_sqlite(&self.path, migrations::STATISTICS).map_err(|error| unusable(&self.path, error))?;
        let ready = make_ready(&database, self.sharing).await;
        if ready.is_err() {
            // SQLite deletes the log by its name when the last connection ends, which by then may be that of a new database.
            database.close().await;
        }
        ready.map(|()| database)
    }

    /// Moves a database that cannot be used out of the way, and creates a new one. A shared one is the operator's to mend.
    pub(super) async fn begin_anew(&self, error: &Error, now: Timestamp) -> Result<()> {
        if let Database::Shared(_) = &*self.database.lock().await {
            return Err(error.clone());
        }
        self.leave(Database::Unopened).await;
        let aside = format!("{DAMAGED_STATISTICS}{}", now.seconds());
        for suffix in ["", "-wal", "-shm"] {
            match std::fs::rename(self.beside(STATISTICS, suffix), self.beside(&aside, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        tracing::error!(%error, kept_as = %self.beside(&aside, "").display(), "the pull statistics cannot be read: they begin anew");
        self.database().await.map(drop)
    }

    fn beside(&self, name: &str, suffix: &str) -> PathBuf {
        self.path.with_file_name(format!("{name}{suffix}"))
    }

    /// Closes the database once pending writes have ended.
    pub(crate) async fn close(&self) {
        self.leave(Database::Closed).await;
    }

    async fn leave(&self, state: Database) {
        if let Database::Open(database) = std::mem::replace(&mut *self.database.lock().await, state) {
            database.close().await;
        }
    }
}

async fn make_ready(database: &Metadata, sharing: Sharing) -> Result<()> {
    match sharing {
        Sharing::Server => database.migrate().await,
        Sharing::Command => database.check_schema().await,
    }
}
