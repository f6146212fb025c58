//! Reading the statistics. They are as old as the last flush.

use crate::data_directory::Sharing;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Parameter, Row, Tx, params, statements};
use crate::{repository_row, stale};
use roadstead_model::{Day, Digest, RepositoryKey, Tag};
use std::collections::HashMap;
use std::ops::RangeInclusive;

statements! {
    SELECT_TOTALS = "SELECT r.total, r.robots, r.last_day,
            (SELECT CAST(COALESCE(SUM(d.pulls), 0) AS BIGINT) FROM pull_day d WHERE d.repository_id = r.repository_id AND d.day >= ?2 AND NOT d.robot)
        FROM repository_pulls r WHERE r.repository_id = ?1";
    SELECT_DAYS = "SELECT day, robot, pulls FROM pull_day WHERE repository_id = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day, robot LIMIT ?4";
    // The days of the repository, which are few, lead to the rows of the tag without reading those of other tags.
    SUM_OF_TAG = "SELECT CAST(COALESCE(SUM(t.pulls), 0) AS BIGINT) FROM pull_day d
        CROSS JOIN tag_pull_day t
        WHERE d.repository_id = ?1 AND d.day >= ?3 AND NOT d.robot AND t.repository_id = d.repository_id AND t.day = d.day AND t.tag = ?2";
    SELECT_TAGS = "SELECT tag, CAST(SUM(pulls) AS BIGINT)
        FROM (SELECT tag, pulls FROM tag_pull_day WHERE repository_id = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day DESC LIMIT ?4) AS days
        GROUP BY tag ORDER BY 2 DESC, tag LIMIT ?5";
    SELECT_IMAGES = "SELECT manifest_id, CAST(SUM(pulls) AS BIGINT)
        FROM (SELECT manifest_id, pulls FROM image_pull_day WHERE repository_id = ?1 AND day BETWEEN ?2 AND ?3 ORDER BY day DESC LIMIT ?4) AS days
        GROUP BY manifest_id ORDER BY 2 DESC, manifest_id LIMIT ?5";
    SELECT_DIGEST = "SELECT digest FROM manifest WHERE id = ?1";
    SET_TOTAL = "INSERT INTO repository_pulls (repository_id, total, robots, last_day) VALUES (?1, ?2, 0, NULL)
        ON CONFLICT (repository_id) DO UPDATE SET total = excluded.total";
}

/// The days that "recent" means, with today.
const RECENT: i64 = 30;
/// The longest range of days in a report: ten years.
pub const MOST_DAYS: i64 = 3_660;
/// The rows of days that a report by tag or image reads at most, the newest first.
const MOST_ROWS: i64 = 50_000;

/// The pulls of a repository. Robots are counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PullTotals {
    pub total: u64,
    pub robots: u64,
    /// The pulls of the last 30 days, without robots.
    pub last_30_days: u64,
    /// The day of the last pull.
    pub last_day: Option<Day>,
}

/// The pulls of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullsOfDay {
    pub day: Day,
    pub pulls: u64,
    pub robots: u64,
}

/// The pulls of something in a range of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullsOf<T> {
    pub item: T,
    pub pulls: u64,
}

/// What a page about the pulls of a repository shows.
#[derive(Debug, Clone)]
pub struct PullReport {
    pub totals: PullTotals,
    /// The days that had any, in order.
    pub days: Vec<PullsOfDay>,
    pub recent_tags: Vec<PullsOf<Tag>>,
}

impl Installation {
    /// The pulls of a repository.
    pub async fn pull_totals(&self, repository: &RepositoryKey) -> Result<PullTotals> {
        let id = self.repository_id(repository).await?;
        Ok(self.pull_totals_of(&[id]).await?.remove(&id).unwrap_or_default())
    }

    /// The pulls of a repository: the totals, those of each of these days, and those of the `tags` most pulled tags in the last 30 days.
    pub async fn pull_report(&self, repository: &RepositoryKey, days: &RangeInclusive<Day>, tags: usize) -> Result<PullReport> {
        let (id, since) = (self.repository_id(repository).await?, self.first_recent_day());
        let recent = since..=since.plus(RECENT - 1);
        let select = async |tx: &mut Tx<'_>| {
            Ok(PullReport {
                totals: tx.query_one(&SELECT_TOTALS, params![id, since]).await?.unwrap_or_default(),
                days: select_days(tx, id, days).await?,
                recent_tags: select_tags(tx, id, &recent, tags).await?,
            })
        };
        self.read_statistics(select).await
    }

    /// The pulls of these repositories, by their row ids. Those that were never pulled are absent.
    pub(crate) async fn pull_totals_of(&self, repositories: &[i64]) -> Result<HashMap<i64, PullTotals>> {
        let since = self.first_recent_day();
        let select = async |tx: &mut Tx<'_>| {
            let lists: Vec<_> = repositories.iter().map(|id| [id.value(), since.value()]).collect();
            let found = tx.query_each(&SELECT_TOTALS, &lists).await?;
            Ok(repositories.iter().zip(found).filter_map(|(id, totals)| Some((*id, totals?))).collect())
        };
        self.read_statistics(select).await
    }

    /// The pulls of these tags in the last 30 days, without robots, in the same order. Costs some thirty rows per tag.
    pub async fn recent_pulls_of_tags(&self, repository: &RepositoryKey, tags: &[Tag]) -> Result<Vec<u64>> {
        let (id, since) = (self.repository_id(repository).await?, self.first_recent_day());
        let select = async |tx: &mut Tx<'_>| {
            let lists: Vec<_> = tags.iter().map(|tag| [id.value(), tag.value(), since.value()]).collect();
            let pulls = tx.query_each(&SUM_OF_TAG, &lists).await?;
            Ok(pulls.into_iter().map(Option::unwrap_or_default).collect())
        };
        self.read_statistics(select).await
    }

    /// The pulls of each day in a range that had any, of at most [`MOST_DAYS`].
    pub async fn pulls_by_day(&self, repository: &RepositoryKey, days: &RangeInclusive<Day>) -> Result<Vec<PullsOfDay>> {
        let id = self.repository_id(repository).await?;
        self.read_statistics(async |tx: &mut Tx<'_>| select_days(tx, id, days).await).await
    }

    /// The most pulled tags in a range of the last 400 days, without robots. In a repository of very many tags, only the end of the range
    /// is looked at.
    pub async fn pulls_by_tag(&self, repository: &RepositoryKey, days: &RangeInclusive<Day>, limit: usize) -> Result<Vec<PullsOf<Tag>>> {
        let id = self.repository_id(repository).await?;
        self.read_statistics(async |tx: &mut Tx<'_>| select_tags(tx, id, days, limit).await).await
    }

    /// The most pulled images in a range of the last 400 days, as [`Self::pulls_by_tag`] lists tags.
    pub async fn pulls_by_image(
        &self,
        repository: &RepositoryKey,
        days: &RangeInclusive<Day>,
        limit: usize,
    ) -> Result<Vec<PullsOf<Digest>>> {
        let id = self.repository_id(repository).await?;
        let select = async |tx: &mut Tx<'_>| tx.query(&SELECT_IMAGES, params![id, days.start(), days.end(), MOST_ROWS, limit]).await;
        let rows: Vec<(i64, u64)> = self.read_statistics(select).await?;
        let name = async |tx: &mut Tx<'_>| {
            let lists: Vec<_> = rows.iter().map(|(manifest, _)| [manifest.value()]).collect();
            let digests = tx.query_each(&SELECT_DIGEST, &lists).await?;
            // Images that were deleted since are left out.
            Ok(rows.iter().zip(digests).filter_map(|((_, pulls), digest)| Some(PullsOf { item: digest?, pulls: *pulls })).collect())
        };
        self.0.metadata.read(name).await
    }

    /// Sets the total of a repository, such as that of the registry which it moves from. Later pulls are added to it.
    pub async fn set_pull_total(&self, repository: &RepositoryKey, total: u64) -> Result<()> {
        let id = self.repository_id(repository).await?;
        let set = async move |tx: &mut Tx<'_>| tx.execute(&SET_TOTAL, params![id, total]).await.map(drop);
        self.0.pull_statistics.database().await?.write(set).await?;
        self.0.metadata.write(async move |tx: &mut Tx<'_>| stale::mark(tx, id).await).await
    }

    /// Reads. A server begins anew if the database turns out to be damaged: a flush may never touch what a page or the indexer reads.
    async fn read_statistics<T, F>(&self, work: F) -> Result<T>
    where
        F: AsyncFn(&mut Tx<'_>) -> Result<T>,
    {
        let statistics = &self.0.pull_statistics;
        match statistics.database().await?.scan(&work).await {
            Err(Error::Damaged(_)) if statistics.sharing == Sharing::Server => {}
            read => return read,
        }
        let _turn = statistics.flushing.lock().await;
        // Another reader may have been here first.
        match statistics.database().await?.scan(&work).await {
            Err(error @ Error::Damaged(_)) => statistics.begin_anew(&error, self.now()).await?,
            read => return read,
        }
        statistics.database().await?.scan(&work).await
    }

    async fn repository_id(&self, repository: &RepositoryKey) -> Result<i64> {
        self.0.metadata.read(async |tx: &mut Tx<'_>| repository_row::require(tx, repository).await).await
    }

    fn first_recent_day(&self) -> Day {
        Day::of(self.now()).plus(1 - RECENT)
    }
}

async fn select_days(tx: &mut Tx<'_>, repository: i64, days: &RangeInclusive<Day>) -> Result<Vec<PullsOfDay>> {
    let rows: Vec<(Day, bool, u64)> = tx.query(&SELECT_DAYS, params![repository, days.start(), days.end(), 2 * MOST_DAYS]).await?;
    Ok(rows.chunk_by(|one, next| one.0 == next.0).filter_map(of_day).collect())
}

async fn select_tags(tx: &mut Tx<'_>, repository: i64, days: &RangeInclusive<Day>, limit: usize) -> Result<Vec<PullsOf<Tag>>> {
    let rows: Vec<(Tag, u64)> = tx.query(&SELECT_TAGS, params![repository, days.start(), days.end(), MOST_ROWS, limit]).await?;
    Ok(rows.into_iter().map(|(item, pulls)| PullsOf { item, pulls }).collect())
}

/// The pulls of a day from its rows, of which there are one or two.
fn of_day(rows: &[(Day, bool, u64)]) -> Option<PullsOfDay> {
    let sum = |of_robots: bool| rows.iter().filter(|row| row.1 == of_robots).map(|row| row.2).sum();
    rows.first().map(|first| PullsOfDay { day: first.0, pulls: sum(false), robots: sum(true) })
}

impl FromRow for PullTotals {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { total: row.read()?, robots: row.read()?, last_day: row.read()?, last_30_days: row.read()? })
    }
}
