//! Keeping the statistics small: days of images and tags are summed up once they are old, and the numbers of what was deleted are
//! deleted too. Their metadata is another database, so no foreign key does it.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{Sql, Tx, params, statements};
use roadstead_model::{Day, Tag};

statements! {
    COUNT_ROWS = "SELECT day, COUNT(*) FROM (SELECT day FROM image_pull_day UNION ALL SELECT day FROM tag_pull_day) AS days GROUP BY day ORDER BY day DESC";
    SELECT_REPOSITORIES = "SELECT repository_id FROM repository_pulls WHERE repository_id > ?1 ORDER BY repository_id LIMIT ?2";
    SELECT_REPOSITORY = "SELECT id FROM repository WHERE id = ?1";
    FORGET_DAYS = "DELETE FROM pull_day WHERE repository_id = ?1";
    FORGET_IMAGE_DAYS = "DELETE FROM image_pull_day WHERE repository_id = ?1";
    FORGET_TAG_DAYS = "DELETE FROM tag_pull_day WHERE repository_id = ?1";
    FORGET_IMAGES = "DELETE FROM image_pulls WHERE repository_id = ?1";
    FORGET_TAGS = "DELETE FROM tag_pulls WHERE repository_id = ?1";
    FORGET_REPOSITORY = "DELETE FROM repository_pulls WHERE repository_id = ?1";
    FOLD_IMAGES = "INSERT INTO image_pulls (repository_id, manifest_id, pulls)
        SELECT repository_id, manifest_id, SUM(pulls) FROM image_pull_day WHERE repository_id = ?1 AND day < ?2 GROUP BY repository_id, manifest_id
        ON CONFLICT (repository_id, manifest_id) DO UPDATE SET pulls = image_pulls.pulls + excluded.pulls";
    FOLD_TAGS = "INSERT INTO tag_pulls (repository_id, tag, pulls)
        SELECT repository_id, tag, SUM(pulls) FROM tag_pull_day WHERE repository_id = ?1 AND day < ?2 GROUP BY repository_id, tag
        ON CONFLICT (repository_id, tag) DO UPDATE SET pulls = tag_pulls.pulls + excluded.pulls";
    DELETE_FOLDED_IMAGES = "DELETE FROM image_pull_day WHERE repository_id = ?1 AND day < ?2";
    DELETE_FOLDED_TAGS = "DELETE FROM tag_pull_day WHERE repository_id = ?1 AND day < ?2";
    SELECT_IMAGES = "SELECT manifest_id FROM image_pulls WHERE repository_id = ?1 AND manifest_id > ?2 ORDER BY manifest_id LIMIT ?3";
    SELECT_TAGS = "SELECT tag FROM tag_pulls WHERE repository_id = ?1 AND tag > ?2 ORDER BY tag LIMIT ?3";
    SELECT_MANIFEST = "SELECT id FROM manifest WHERE id = ?1";
    SELECT_TAG = "SELECT manifest_id FROM tag WHERE repository_id = ?1 AND name = ?2";
    DELETE_IMAGE = "DELETE FROM image_pulls WHERE repository_id = ?1 AND manifest_id = ?2";
    DELETE_TAG = "DELETE FROM tag_pulls WHERE repository_id = ?1 AND tag = ?2";
}

/// The days of which the pulls of each image and tag are kept.
const KEPT_DAYS: i64 = 400;
/// The number of rows of such days beyond which fewer days are kept, as in an installation of which millions of tags are mirrored every
/// day. They take about half a gigabyte.
const MOST_ROWS: u64 = 10_000_000;
/// The number of rows that are looked up at a time.
const BATCH: usize = 500;

impl Installation {
    /// Sums up days that are too old to be kept, and deletes the numbers of repositories, images and tags that no longer exist.
    pub async fn tidy_pull_statistics(&self) -> Result<()> {
        let oldest = self.oldest_kept_day().await?;
        let mut after = i64::MIN;
        loop {
            let select = async |tx: &mut Tx<'_>| tx.query::<i64>(&SELECT_REPOSITORIES, params![after, BATCH]).await;
            let ids = self.0.pull_statistics.database().await?.read(select).await?;
            let Some(last) = ids.last() else { return Ok(()) };
            after = *last;
            for id in ids {
                if self.exists(&SELECT_REPOSITORY, id).await? {
                    self.fold(id, oldest).await?;
                    self.forget_deleted_images(id).await?;
                    self.forget_deleted_tags(id).await?;
                } else {
                    self.forget_repository(id).await?;
                }
            }
        }
    }

    async fn oldest_kept_day(&self) -> Result<Day> {
        let oldest = Day::of(self.now()).plus(1 - KEPT_DAYS);
        // Counting millions of rows takes a second, so it is left to the thread of the writer.
        let count = async |tx: &mut Tx<'_>| tx.query::<(Day, u64)>(&COUNT_ROWS, params![]).await;
        let days = self.0.pull_statistics.database().await?.write_lazily(count).await?;
        Ok(oldest.max(oldest_that_fits(&days, MOST_ROWS)))
    }

    async fn fold(&self, repository: i64, oldest: Day) -> Result<()> {
        let fold = async move |tx: &mut Tx<'_>| {
            for sql in [&FOLD_IMAGES, &FOLD_TAGS, &DELETE_FOLDED_IMAGES, &DELETE_FOLDED_TAGS] {
                tx.execute(sql, params![repository, oldest]).await?;
            }
            Ok(())
        };
        self.0.pull_statistics.database().await?.write_lazily(fold).await
    }

    async fn forget_repository(&self, repository: i64) -> Result<()> {
        let forget = async move |tx: &mut Tx<'_>| {
            for sql in [&FORGET_DAYS, &FORGET_IMAGE_DAYS, &FORGET_TAG_DAYS, &FORGET_IMAGES, &FORGET_TAGS, &FORGET_REPOSITORY] {
                tx.execute(sql, params![repository]).await?;
            }
            Ok(())
        };
        self.0.pull_statistics.database().await?.write_lazily(forget).await
    }

    async fn forget_deleted_images(&self, repository: i64) -> Result<()> {
        let mut after = i64::MIN;
        loop {
            let select = async |tx: &mut Tx<'_>| tx.query::<i64>(&SELECT_IMAGES, params![repository, after, BATCH]).await;
            let images = self.0.pull_statistics.database().await?.read(select).await?;
            let Some(last) = images.last() else { return Ok(()) };
            after = *last;
            for image in images {
                if !self.exists(&SELECT_MANIFEST, image).await? {
                    let delete = async move |tx: &mut Tx<'_>| tx.execute(&DELETE_IMAGE, params![repository, image]).await;
                    self.0.pull_statistics.database().await?.write_lazily(delete).await?;
                }
            }
        }
    }

    async fn forget_deleted_tags(&self, repository: i64) -> Result<()> {
        let mut after = String::new();
        loop {
            let select = async |tx: &mut Tx<'_>| tx.query::<Tag>(&SELECT_TAGS, params![repository, after, BATCH]).await;
            let tags = self.0.pull_statistics.database().await?.read(select).await?;
            let Some(last) = tags.last() else { return Ok(()) };
            after = last.to_string();
            for tag in tags {
                let find = async |tx: &mut Tx<'_>| tx.query_one::<i64>(&SELECT_TAG, params![repository, tag]).await;
                if self.0.metadata.read(find).await?.is_none() {
                    let delete = async move |tx: &mut Tx<'_>| tx.execute(&DELETE_TAG, params![repository, tag]).await;
                    self.0.pull_statistics.database().await?.write_lazily(delete).await?;
                }
            }
        }
    }

    /// Whether the metadata has a row with this id.
    async fn exists(&self, sql: &Sql, id: i64) -> Result<bool> {
        let find = async |tx: &mut Tx<'_>| tx.query_one::<i64>(sql, params![id]).await;
        Ok(self.0.metadata.read(find).await?.is_some())
    }
}

/// The oldest of the days, given from the latest one with their numbers of rows, that does not exceed `most` rows with all later ones.
fn oldest_that_fits(days: &[(Day, u64)], most: u64) -> Day {
    let mut rows = 0_u64;
    let exceeding = days.iter().find(|(_, count)| {
        rows = rows.saturating_add(*count);
        rows > most
    });
    exceeding.map_or(Day::from_number(i64::MIN), |(day, _)| day.plus(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_days_are_kept_as_long_as_they_fit() {
        let days: Vec<_> = [(30, 4), (29, 4), (20, 2), (10, 1)].map(|(day, rows)| (Day::from_number(day), rows)).into();
        for (most, oldest) in [(3, 31), (4, 30), (7, 30), (8, 21), (10, 11), (11, i64::MIN)] {
            assert_eq!(oldest_that_fits(&days, most), Day::from_number(oldest), "{most}");
        }
        assert_eq!(oldest_that_fits(&[], 0), Day::from_number(i64::MIN));
    }
}
