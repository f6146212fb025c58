//! Writing the counters to the database.

use super::counters::{Key, PullCount};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{Tx, params, statements};
use roadstead_model::Day;
use std::collections::BTreeMap;
use std::time::Duration;

statements! {
    ADD_TO_DAY = "INSERT INTO pull_day (repository_id, day, robot, pulls) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository_id, day, robot) DO UPDATE SET pulls = pull_day.pulls + excluded.pulls";
    ADD_TO_IMAGE = "INSERT INTO image_pull_day (repository_id, day, manifest_id, pulls) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository_id, day, manifest_id) DO UPDATE SET pulls = image_pull_day.pulls + excluded.pulls";
    ADD_TO_TAG = "INSERT INTO tag_pull_day (repository_id, day, tag, pulls) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository_id, day, tag) DO UPDATE SET pulls = tag_pull_day.pulls + excluded.pulls";
    ADD_TO_REPOSITORY = "INSERT INTO repository_pulls (repository_id, total, robots, last_day) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository_id) DO UPDATE SET total = repository_pulls.total + excluded.total,
            robots = repository_pulls.robots + excluded.robots, last_day = COALESCE(excluded.last_day, repository_pulls.last_day)";
}

/// How often counters are flushed. A crash loses the pulls of this time.
const INTERVAL: Duration = Duration::from_secs(10);
/// The number of keys per transaction, each of which can change five rows.
const KEYS: usize = 100;

impl Installation {
    /// Flushes the counters at regular intervals. Never returns.
    pub async fn flush_pulls_regularly(&self) {
        loop {
            let _ = tokio::time::timeout(INTERVAL, self.0.pull_statistics.counters.many.notified()).await;
            self.flush_pulls().await;
        }
    }

    /// Writes what was counted since the last flush. What cannot be written is kept for the next one.
    pub async fn flush_pulls(&self) {
        let installation = self.clone();
        // A task of its own: a flush that is dropped could not tell whether its last write took effect.
        let flush = tokio::spawn(async move { installation.flush_all().await });
        if let Ok(Err(error)) = flush.await {
            tracing::error!(%error, "cannot write the pull statistics: the next flush tries again");
        }
    }

    async fn flush_all(&self) -> Result<()> {
        let statistics = &self.0.pull_statistics;
        let _turn = statistics.flushing.lock().await;
        let now = self.now();
        statistics.expected_pulls.forget(now);
        let mut taken = statistics.counters.take();
        while !taken.is_empty() {
            let part = taken.split_off(taken.len().saturating_sub(KEYS));
            if let Err(error) = self.write(&part, Day::of(now)).await {
                statistics.counters.put_back(taken.into_iter().chain(part));
                return match error {
                    Error::Damaged(_) => statistics.begin_anew(&error, now).await,
                    error => Err(error),
                };
            }
        }
        Ok(())
    }

    async fn write(&self, part: &[(Key, PullCount)], day: Day) -> Result<()> {
        let part = part.to_vec();
        let write = async move |tx: &mut Tx<'_>| {
            let mut repositories = BTreeMap::<i64, PullCount>::new();
            for (key, count) in &part {
                let sum = repositories.entry(key.repository).or_default();
                sum.people += count.people;
                sum.robots += count.robots;
                add_to_image_and_tag(tx, key, day, count.people).await?;
            }
            for (repository, count) in repositories {
                add_to_repository(tx, repository, day, count).await?;
            }
            Ok(())
        };
        self.0.pull_statistics.database().await?.write_lazily(write).await
    }
}

async fn add_to_image_and_tag(tx: &mut Tx<'_>, key: &Key, day: Day, pulls: u64) -> Result<()> {
    if pulls == 0 {
        return Ok(());
    }
    if let Some(manifest) = key.manifest {
        tx.execute(&ADD_TO_IMAGE, params![key.repository, day, manifest, pulls]).await?;
    }
    if let Some(tag) = &key.tag {
        tx.execute(&ADD_TO_TAG, params![key.repository, day, tag, pulls]).await?;
    }
    Ok(())
}

async fn add_to_repository(tx: &mut Tx<'_>, repository: i64, day: Day, count: PullCount) -> Result<()> {
    for (robot, pulls) in [(false, count.people), (true, count.robots)] {
        if pulls > 0 {
            tx.execute(&ADD_TO_DAY, params![repository, day, robot, pulls]).await?;
        }
    }
    let last_day = (count.people > 0).then_some(day);
    tx.execute(&ADD_TO_REPOSITORY, params![repository, count.people, count.robots, last_day]).await.map(drop)
}
