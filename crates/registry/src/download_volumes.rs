//! How much anonymous clients have downloaded in a calendar month.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};

statements! {
    ADD = "INSERT INTO download_volume (month, caller, bytes) VALUES (?1, ?2, ?3)
        ON CONFLICT (month, caller) DO UPDATE SET bytes = download_volume.bytes + excluded.bytes RETURNING caller, bytes";
    SELECT_LARGEST = "SELECT caller, bytes FROM download_volume WHERE month = ?1 ORDER BY bytes DESC LIMIT ?2";
    DELETE_PAST = "DELETE FROM download_volume WHERE month < ?1";
    SELECT_LEAST_KEPT = "SELECT bytes FROM download_volume WHERE month = ?1 ORDER BY bytes DESC LIMIT 1 OFFSET ?2";
    DELETE_SMALL = "DELETE FROM download_volume WHERE month = ?1 AND bytes <= ?2";
}

/// The number of callers of a month that are kept: those who have downloaded most.
const MOST_KEPT: usize = 100_000;

/// The bytes that a caller, named by a hash, has downloaded in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadVolume {
    pub caller: i64,
    pub bytes: u64,
}

impl Installation {
    /// The volumes of those who have downloaded most.
    pub async fn largest_download_volumes(&self, month: i64) -> Result<Vec<DownloadVolume>> {
        let select = async |tx: &mut Tx<'_>| tx.query(&SELECT_LARGEST, params![month, MOST_KEPT]).await;
        self.0.pull_statistics.database().await?.read(select).await
    }

    /// Adds to volumes. Returns the sums.
    pub async fn add_download_volumes(&self, month: i64, mut volumes: Vec<DownloadVolume>) -> Result<Vec<DownloadVolume>> {
        // In one order, so that no two replicas wait for each other.
        volumes.sort_unstable_by_key(|volume| volume.caller);
        let add = async move |tx: &mut Tx<'_>| {
            let mut sums = Vec::with_capacity(volumes.len());
            for DownloadVolume { caller, bytes } in &volumes {
                sums.extend(tx.query::<DownloadVolume>(&ADD, params![month, caller, bytes]).await?);
            }
            Ok(sums)
        };
        self.0.pull_statistics.database().await?.write_lazily(add).await
    }

    /// Deletes the volumes of past months, and the smallest ones of this month if there are too many.
    pub async fn tidy_download_volumes(&self, month: i64) -> Result<()> {
        let tidy = async move |tx: &mut Tx<'_>| {
            tx.execute(&DELETE_PAST, params![month]).await?;
            match tx.query_one::<u64>(&SELECT_LEAST_KEPT, params![month, MOST_KEPT]).await? {
                Some(bytes) => tx.execute(&DELETE_SMALL, params![month, bytes]).await.map(drop),
                None => Ok(()),
            }
        };
        self.0.pull_statistics.database().await?.write_lazily(tidy).await
    }
}

impl FromRow for DownloadVolume {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (caller, bytes) = row.read()?;
        Ok(Self { caller, bytes })
    }
}
