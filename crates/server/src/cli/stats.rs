//! `roadstead stats`: shows how often repositories are pulled.

use super::audit::{Change, Whose};
use super::data_access::{Account, DataAccess};
use super::failure::Failure;
use super::output::{Output, Record};
use crate::config::values;
use clap::{Args, Subcommand, ValueEnum};
use roadstead_model::{Day, PageSize, RegistryId, RepositoryKey, RepositoryName};
use roadstead_registry::{Installation, MOST_DAYS, PullTotals, PullsOf, PullsOfDay};
use serde::Serialize;
use std::fmt::Display;
use std::ops::RangeInclusive;

#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The repository, without the alias [default: all of the account]
    #[arg(value_name = "REPOSITORY", value_parser = values::repository)]
    repository: Option<RepositoryName>,
    /// What the pulls of the repository are counted by
    #[arg(long, value_enum, requires = "repository")]
    by: Option<By>,
    /// The first day, in UTC [default: 29 days before the last one]
    #[arg(long, value_name = "DATE", value_parser = day, requires = "by")]
    from: Option<Day>,
    /// The last day, in UTC [default: today]
    #[arg(long, value_name = "DATE", value_parser = day, requires = "by")]
    to: Option<Day>,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    access: DataAccess,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Set the total of a repository, such as that of the registry it moves from; later pulls are added
    Set {
        /// The repository, without the alias
        #[arg(value_name = "REPOSITORY", value_parser = values::repository)]
        repository: RepositoryName,
        /// The number of pulls
        #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(..=MOST_PULLS))]
        total: u64,
        #[command(flatten)]
        account: Account,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Day,
    /// The most pulled ones, without robots
    Tag,
    /// The most pulled ones, without robots
    Image,
}

/// Far more than anything is pulled, and far less than the largest number that the database can add to.
const MOST_PULLS: u64 = 1_000_000_000_000_000;
/// The number of tags or images that are listed at most.
const MOST_ROWS: usize = 1_000;
/// The days that are shown by default.
const DAYS: i64 = 30;

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "not a date such as 2026-11-26".to_owned())
}

/// The pulls of a repository.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryRecord {
    repository_name: String,
    pulls: u64,
    last30_days: u64,
    robots: u64,
    last_pull: Option<Day>,
}

#[derive(Serialize)]
struct DayRecord {
    day: Day,
    pulls: u64,
    robots: u64,
}

#[derive(Serialize)]
struct TagRecord {
    tag: String,
    pulls: u64,
}

#[derive(Serialize)]
struct ImageRecord {
    digest: String,
    pulls: u64,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self { verb, repository, by, from, to, account, access } = self;
        if let Some(Verb::Set { repository, total, account }) = verb {
            let change = Change::new("cli:stats set", Whose::Given(account.given()), repository.to_string());
            return access.run(Some(change), async |installation, output| {
                let key = RepositoryKey::new(account.find(installation).await?, repository);
                installation.set_pull_total(&key, total).await?;
                output.one(&RepositoryRecord::of(&key, installation.pull_totals(&key).await?))
            });
        }
        access.run(None, async |installation, output| {
            let registry = account.find(installation).await?;
            let Some(name) = repository else { return list(installation, &registry, output).await };
            let key = RepositoryKey::new(registry, name);
            let Some(by) = by else { return output.one(&RepositoryRecord::of(&key, installation.pull_totals(&key).await?)) };
            let to = to.unwrap_or_else(|| Day::of(installation.now()));
            let days = from.unwrap_or(to.plus(1 - DAYS))..=to;
            if days.end().number() - days.start().number() >= MOST_DAYS {
                return Err(Failure::Usage(format!("at most {MOST_DAYS} days can be shown")));
            }
            show(installation, &key, by, &days, output).await
        })
    }
}

async fn show(installation: &Installation, key: &RepositoryKey, by: By, days: &RangeInclusive<Day>, output: Output) -> Result<(), Failure> {
    match by {
        By::Day => {
            let rows = installation.pulls_by_day(key, days).await?;
            output.many(rows.into_iter().map(|PullsOfDay { day, pulls, robots }| DayRecord { day, pulls, robots }))
        }
        By::Tag => {
            let rows = installation.pulls_by_tag(key, days, MOST_ROWS).await?;
            output.many(rows.into_iter().map(|PullsOf { item, pulls }| TagRecord { tag: item.to_string(), pulls }))
        }
        By::Image => {
            let rows = installation.pulls_by_image(key, days, MOST_ROWS).await?;
            output.many(rows.into_iter().map(|PullsOf { item, pulls }| ImageRecord { digest: item.to_string(), pulls }))
        }
    }
}

/// Prints all repositories of an account, the most pulled first.
async fn list(installation: &Installation, registry: &RegistryId, output: Output) -> Result<(), Failure> {
    let (mut records, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = installation.list_repositories(registry, after.as_deref(), PageSize::MAXIMUM).await?;
        for repository in &page.items {
            records.push(RepositoryRecord::of(&repository.key, installation.pull_totals(&repository.key).await?));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    records.sort_by(|one, other| other.pulls.cmp(&one.pulls).then_with(|| one.repository_name.cmp(&other.repository_name)));
    output.many(records.into_iter())
}

impl RepositoryRecord {
    fn of(key: &RepositoryKey, totals: PullTotals) -> Self {
        let PullTotals { total, robots, last_30_days, last_day } = totals;
        Self { repository_name: key.name.to_string(), pulls: total, last30_days: last_30_days, robots, last_pull: last_day }
    }
}

fn texts<const N: usize>(cells: [&dyn Display; N]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

impl Record for RepositoryRecord {
    const HEADINGS: &'static [&'static str] = &["REPOSITORY", "PULLS", "LAST 30 DAYS", "ROBOTS", "LAST PULL"];

    fn cells(&self) -> Vec<String> {
        let last = self.last_pull.map_or_else(String::new, |day| day.to_string());
        texts([&self.repository_name, &self.pulls, &self.last30_days, &self.robots, &last])
    }
}

impl Record for DayRecord {
    const HEADINGS: &'static [&'static str] = &["DAY", "PULLS", "ROBOTS"];

    fn cells(&self) -> Vec<String> {
        texts([&self.day, &self.pulls, &self.robots])
    }
}

impl Record for TagRecord {
    const HEADINGS: &'static [&'static str] = &["TAG", "PULLS"];

    fn cells(&self) -> Vec<String> {
        texts([&self.tag, &self.pulls])
    }
}

impl Record for ImageRecord {
    const HEADINGS: &'static [&'static str] = &["DIGEST", "PULLS"];

    fn cells(&self) -> Vec<String> {
        texts([&self.digest, &self.pulls])
    }
}
