//! What replicas of an installation tell each other through the database, within a second or so.

use crate::board::Board;
use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};

statements! {
    POST = "INSERT INTO bulletin (topic, replica, slot, number, posted_at, content) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (topic, replica, slot) DO UPDATE
        SET number = excluded.number, posted_at = excluded.posted_at, content = excluded.content";
    SELECT_LAST = "SELECT replica, MAX(number) FROM bulletin WHERE topic = ?1 AND replica <> ?2 GROUP BY replica";
    SELECT_AFTER = "SELECT content FROM bulletin WHERE topic = ?1 AND replica = ?2 AND number > ?3 ORDER BY number";
    FORGET = "DELETE FROM bulletin WHERE posted_at < ?1";
}

/// The number of bulletins of a replica that are kept. One who reads less often misses some.
const SLOTS: u64 = 32;
/// The age in seconds from which a starting replica deletes bulletins, which the others have read long since.
const FORGOTTEN: i64 = 60;

impl Installation {
    /// Posts a bulletin, unless there is nothing to tell. After a failure, the same bulletin is posted again: it may have been posted,
    /// and must not be read twice.
    pub async fn post(&self, board: &mut Board, compose: impl FnOnce() -> Option<String>) -> Result<()> {
        if board.unposted.is_none() {
            board.unposted = compose();
            board.number += u64::from(board.unposted.is_some());
        }
        let Some(content) = board.unposted.clone() else { return Ok(()) };
        let (topic, replica, number, now) = (board.topic, board.replica.clone(), board.number, self.now());
        let post =
            async move |tx: &mut Tx<'_>| tx.execute(&POST, params![topic, replica, number % SLOTS, number, now, content]).await.map(drop);
        self.0.pull_statistics.database().await?.write_lazily(post).await?;
        board.unposted = None;
        Ok(())
    }

    /// Reads the bulletins that other replicas have posted since the last reading, or on the first one in the last minute.
    pub async fn read_board(&self, board: &mut Board) -> Result<Vec<String>> {
        let database = self.0.pull_statistics.database().await?;
        if board.read.is_none() {
            let oldest = self.now().plus_seconds(-FORGOTTEN);
            let forget = async move |tx: &mut Tx<'_>| tx.execute(&FORGET, params![oldest]).await;
            database.write_lazily(forget).await?;
        }
        let select = async |tx: &mut Tx<'_>| {
            let last: Vec<(String, u64)> = tx.query(&SELECT_LAST, params![board.topic, board.replica]).await?;
            let mut contents = Vec::new();
            for (replica, number) in &last {
                let after = board.read.as_ref().and_then(|read| read.get(replica)).copied().unwrap_or(0);
                if *number > after {
                    contents.extend(tx.query::<String>(&SELECT_AFTER, params![board.topic, replica, after]).await?);
                }
            }
            Ok((last, contents))
        };
        let (last, contents) = database.read(select).await?;
        board.read = Some(last.into_iter().collect());
        Ok(contents)
    }
}
