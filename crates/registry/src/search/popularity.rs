//! Taking the numbers of pulls over into entries and scores.
//!
//! Pulls are counted in a database of their own. Every pull changes a number, but few change a score: only those repositories are
//! marked, and indexed again, whose pulls have passed a step.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use crate::pull_statistics::reports::PullTotals;
use crate::stale;
use roadstead_model::Day;
use roadstead_model::gallery::search::weights::{pulls_step, recent_pulls_step};
use std::collections::HashMap;
use std::time::Instant;

statements! {
    SELECT_PULLED = "SELECT repository_id FROM repository_pulls WHERE repository_id > ?1 AND (last_day >= ?2 OR last_day IS NULL)
        ORDER BY repository_id LIMIT ?3";
    // Returns nothing if the numbers are the same.
    UPDATE = "UPDATE gallery_entry SET pulls = ?2, recent_pulls = ?3 WHERE repository_id = ?1 AND (pulls <> ?2 OR recent_pulls <> ?3)
        RETURNING pulls_step, recent_pulls_step";
}

/// The repositories of one transaction.
const BATCH: usize = 250;
/// Pulls of this many days ago do not count as recent any more, which also has to be noticed.
const NOTICED: i64 = 40;

impl Installation {
    /// Takes the numbers of pulls over, of repositories that were pulled in the last weeks or, with `all`, of all.
    pub async fn refresh_popularity(&self, all: bool) -> Result<()> {
        let since = if all { Day::from_number(0) } else { Day::of(self.now()).plus(-NOTICED) };
        let mut after = i64::MIN;
        loop {
            let begun = Instant::now();
            let select = async |tx: &mut Tx<'_>| tx.query::<i64>(&SELECT_PULLED, params![after, since, BATCH]).await;
            let ids = self.0.pull_statistics.database().await?.read(select).await?;
            let Some(last) = ids.last() else { return Ok(()) };
            after = *last;
            let totals = self.pull_totals_of(&ids).await?;
            self.0.metadata.write_lazily(async move |tx: &mut Tx<'_>| take_over(tx, &totals).await).await?;
            tokio::time::sleep(begun.elapsed()).await;
        }
    }
}

async fn take_over(tx: &mut Tx<'_>, totals: &HashMap<i64, PullTotals>) -> Result<()> {
    for (id, PullTotals { total, last_30_days, .. }) in totals {
        let steps: Option<(i64, i64)> = tx.query_one(&UPDATE, params![id, total, last_30_days]).await?;
        let Some((step, recent_step)) = steps else { continue };
        if pulls_step(*total, Some(step)) != step || recent_pulls_step(*last_30_days, Some(recent_step)) != recent_step {
            stale::mark(tx, *id).await?;
        }
    }
    Ok(())
}
