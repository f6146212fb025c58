//! Verifying every stored blob once in a period, in the background, in the order of digests.
//!
//! The position is kept beside the statistics, because writing it must not empty the caches of pulls. Bytes are read at the pace at which
//! the rest of the round takes the rest of its time, so a pause of the server makes the rest faster.
//!
//! What cannot be read, while the database answers, holds up no round: a row is passed by its digest, in whatever state that is, and a part
//! of the index at the next digest from which on rows can be read.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Metadata, Tx, params, statements};
use crate::pace::Pace;
use crate::transfer::blob::Blob;
use crate::transfer::damage::{self, Damaged, Wrong};
use roadstead_model::{Algorithm, Timestamp};
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

statements! {
    SELECT_POSITION = "SELECT begun_at, after_digest, completed_at FROM scrub WHERE id = 1";
    SAVE = "INSERT INTO scrub (id, begun_at, after_digest, completed_at) VALUES (1, ?1, ?2, ?3) ON CONFLICT (id) DO UPDATE
        SET begun_at = excluded.begun_at, after_digest = excluded.after_digest, completed_at = excluded.completed_at";
    SELECT_NEXT = "SELECT b.id, b.digest, b.size, b.storage_key FROM blob b WHERE b.digest > ?1 ORDER BY b.digest LIMIT 1";
    // The index has the digest even of a row that cannot be read.
    SELECT_NEXT_DIGEST = "SELECT b.digest FROM blob b WHERE b.digest > ?1 ORDER BY b.digest LIMIT 1";
    SELECT_REST = "SELECT COUNT(*), COALESCE(SUM(b.size), 0) FROM blob b WHERE b.digest > ?1";
}

/// How often the position is saved.
const SAVED: Duration = Duration::from_secs(10);
/// How often the rest is measured anew, because of what has been pushed.
const MEASURED: Duration = Duration::from_secs(60 * 60);
/// What looking at a blob costs, beside its bytes, as a number of bytes.
const COST: u64 = 64 << 10;
/// The bytes to read in a second, where damage keeps the rest from being measured.
const UNMEASURED: NonZeroU64 = NonZeroU64::new(16 << 20).unwrap();
/// Follows every digest.
const END: &str = "~";

/// A part of a round. The texts name a blob, say what is wrong with it, and which images need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scrubbed {
    /// A blob of this size is as it should be.
    Whole {
        size: u64,
    },
    Damaged {
        size: u64,
        what: String,
    },
    /// A blob, its row, or the rows of some digests cannot be read, while others can. The next round tries it again.
    Unreadable {
        what: String,
    },
    /// A round is complete.
    Completed(Timestamp),
}

/// What comes next.
enum Next {
    Blob(Blob),
    /// What cannot be read, and the text after which to go on.
    Unreadable(String, String),
}

/// The verification of all blobs, round by round.
pub struct Scrub<'a> {
    installation: &'a Installation,
    period: Duration,
    position: Position,
    statistics: Metadata,
    saved: Instant,
    /// The pace, and when it was determined.
    pace: Option<(Pace, Instant)>,
}

#[derive(Debug, Clone)]
struct Position {
    begun: Timestamp,
    after: String,
    completed: Option<Timestamp>,
}

impl Installation {
    /// Begins or continues to verify every blob once in each period.
    pub async fn scrub(&self, period: Duration) -> Result<Scrub<'_>> {
        let statistics = self.0.pull_statistics.database().await?;
        let select = async |tx: &mut Tx<'_>| tx.query_one(&SELECT_POSITION, params![]).await;
        let position = match statistics.read(select).await? {
            Some((begun, after, completed)) => Position { begun, after, completed },
            None => Position { begun: self.now(), after: String::new(), completed: None },
        };
        Ok(Scrub { installation: self, period, position, statistics, saved: Instant::now(), pace: None })
    }
}

impl Scrub<'_> {
    /// When a round was last complete.
    pub fn completed(&self) -> Option<Timestamp> {
        self.position.completed
    }

    /// Waits until it is time for the next blob, and verifies it.
    pub async fn next(&mut self) -> Result<Scrubbed> {
        loop {
            if self.position.after != END {
                return match self.next_blob().await? {
                    Some(Next::Blob(blob)) => self.verify(blob).await,
                    Some(Next::Unreadable(what, last)) => self.pass(last).await.map(|()| Scrubbed::Unreadable { what }),
                    None => self.complete().await,
                };
            }
            match self.remaining() {
                Duration::ZERO => {
                    self.position = Position { begun: self.installation.now(), after: String::new(), ..self.position.clone() }
                }
                // The clock of the system may be set meanwhile.
                remaining => sleep(remaining.min(MEASURED)).await,
            }
        }
    }

    async fn next_blob(&self) -> Result<Option<Next>> {
        let (metadata, after) = (&self.installation.0.metadata, &self.position.after);
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Blob>(&SELECT_NEXT, params![after]).await;
        let error = match metadata.salvage(select).await? {
            Ok(found) => return Ok(found.map(Next::Blob)),
            Err(error) => error,
        };
        Ok(match self.digest_after(after).await? {
            Ok(digest) => digest.map(|digest| Next::Unreadable(format!("the row of the blob {digest} cannot be read: {error}"), digest)),
            Err(error) => {
                let last = self.readable_after().await?;
                Some(Next::Unreadable(format!("rows of blobs with digests between '{after}' and '{last}' cannot be read: {error}"), last))
            }
        })
    }

    /// The next digest, which may be none: a text in its place is passed as it is. The inner error says why it cannot be read.
    async fn digest_after(&self, after: &str) -> Result<std::result::Result<Option<String>, String>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one::<String>(&SELECT_NEXT_DIGEST, params![after]).await;
        self.installation.0.metadata.salvage(select).await
    }

    /// The first landmark after the position from which on digests can be read. If there is none, the round ends without being complete.
    async fn readable_after(&self) -> Result<String> {
        for landmark in landmarks().filter(|landmark| *landmark > self.position.after) {
            if self.digest_after(&landmark).await?.is_ok() {
                return Ok(landmark);
            }
            // These are thousands of reads, none of which waits.
            yield_now().await;
        }
        Ok(END.to_owned())
    }

    async fn verify(&mut self, blob: Blob) -> Result<Scrubbed> {
        if self.pace.as_ref().is_none_or(|(_, since)| since.elapsed() >= MEASURED) {
            self.pace = Some((Pace::new(Some(self.measure().await?)), Instant::now()));
        }
        let pace = self.pace.as_ref().map(|(pace, _)| pace);
        if let Some(pace) = pace {
            pace.wait_for(COST).await;
        }
        let wrong = self.installation.examine_blob(&blob, pace).await?;
        let (metadata, size) = (&self.installation.0.metadata, blob.size);
        let scrubbed = match wrong {
            None => Scrubbed::Whole { size },
            Some(wrong) => {
                let what = damage::error(metadata, Damaged::Blob, blob.id, &wrong.to_string()).await.to_string();
                match wrong {
                    Wrong::Unreadable(_) => Scrubbed::Unreadable { what },
                    Wrong::Missing | Wrong::Size { .. } | Wrong::Content => Scrubbed::Damaged { size, what },
                }
            }
        };
        self.pass(blob.digest.to_string()).await.map(|()| scrubbed)
    }

    /// Goes on after this digest.
    async fn pass(&mut self, digest: String) -> Result<()> {
        self.position.after = digest;
        if self.saved.elapsed() >= SAVED { self.save().await } else { Ok(()) }
    }

    async fn complete(&mut self) -> Result<Scrubbed> {
        let now = self.installation.now();
        self.position = Position { after: END.to_owned(), completed: Some(now), ..self.position.clone() };
        self.save().await?;
        Ok(Scrubbed::Completed(now))
    }

    async fn save(&mut self) -> Result<()> {
        let Position { begun, after, completed } = self.position.clone();
        let save = async move |tx: &mut Tx<'_>| tx.execute(&SAVE, params![begun, after, completed]).await.map(drop);
        self.statistics.write_lazily(save).await?;
        self.saved = Instant::now();
        Ok(())
    }

    /// The bytes to read in a second.
    async fn measure(&self) -> Result<NonZeroU64> {
        Ok(match (self.bytes_after(&self.position.after).await?, self.bytes_after("").await?) {
            (Some(rest), Some(all)) => rate(rest, all, self.remaining(), self.period),
            _ => UNMEASURED,
        })
    }

    /// What reading all blobs after this digest costs. `None` if some of their rows cannot be read.
    async fn bytes_after(&self, after: &str) -> Result<Option<u64>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one::<(u64, u64)>(&SELECT_REST, params![after]).await;
        let rest = self.installation.0.metadata.salvage(select).await?.ok();
        Ok(rest.map(|rest| rest.unwrap_or_default()).map(|(blobs, bytes)| bytes.saturating_add(blobs.saturating_mul(COST))))
    }

    /// What is left of the time of the round.
    fn remaining(&self) -> Duration {
        let end = self.position.begun.micros().saturating_add(i64::try_from(self.period.as_micros()).unwrap_or(i64::MAX));
        Duration::from_micros(u64::try_from(end.saturating_sub(self.installation.now().micros())).unwrap_or(0))
    }
}

/// Texts in the order of digests, evenly spread over them.
fn landmarks() -> impl Iterator<Item = String> {
    let of = |algorithm: Algorithm| (0..0x1000).map(move |digits| format!("{}:{digits:03x}", algorithm.as_str()));
    [Algorithm::Sha256, Algorithm::Sha512].into_iter().flat_map(of)
}

/// The bytes to read in a second so that the rest takes the rest of the time. A round that is late does not hurry without bound: it reads at
/// most ten times as fast as one that is in time.
fn rate(rest: u64, all: u64, remaining: Duration, period: Duration) -> NonZeroU64 {
    let wanted = rest as f64 / remaining.as_secs_f64().max(1.0);
    let most = all as f64 * 10.0 / period.as_secs_f64().max(1.0);
    NonZeroU64::new(wanted.min(most).ceil() as u64).unwrap_or(NonZeroU64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_read_in_the_rest_of_the_time_but_not_in_a_hurry() {
        let day = |days: u64| Duration::from_secs(days * 86_400);
        let all = 864_000_000;
        for (rest, remaining, expected) in [(all, day(10), 1_000), (all, day(5), 2_000), (all, day(0), 10_000), (0, day(10), 1)] {
            assert_eq!(rate(rest, all, remaining, day(10)).get(), expected, "{rest} bytes in {remaining:?}");
        }
    }

    #[test]
    fn a_round_ends_in_its_time_however_many_blobs_there_are() {
        let period = Duration::from_secs(30 * 86_400);
        for blobs in [10_u64, 1_000, 100_000] {
            let (size, mut spent) = (1_000_000, 0.0);
            for read in 0..blobs {
                let remaining = Duration::from_secs_f64((period.as_secs_f64() - spent).max(0.0));
                spent += size as f64 / rate((blobs - read) * size, blobs * size, remaining, period).get() as f64;
            }
            assert!(spent < period.as_secs_f64() * 1.01, "{blobs} blobs take {spent} s");
        }
    }
}
