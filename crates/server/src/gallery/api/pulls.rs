//! `/api/v1/repositories/<alias>/<repository>/-/pulls`, as JSON or CSV.

use crate::gallery::page::{Failure, Page};
use crate::gallery::route::Place;
use crate::gallery::visit::Visit;
use roadstead_model::{Day, RepositoryKey};
use roadstead_registry::{MOST_DAYS, PullTotals};
use serde::Serialize;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// The days of a report without `from`.
const DAYS: i64 = 90;
/// The most tags or images in a report.
const MOST_ROWS: usize = 1000;

/// `Pulls` in the description.
#[derive(Debug, Serialize)]
struct Document {
    total: u64,
    robots: u64,
    from: Day,
    to: Day,
    rows: Rows,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Rows {
    Days(Vec<OfDay>),
    Tags(Vec<OfTag>),
    Images(Vec<OfImage>),
}

#[derive(Debug, Serialize)]
struct OfDay {
    day: Day,
    pulls: u64,
    robots: u64,
}

#[derive(Debug, Serialize)]
struct OfTag {
    tag: String,
    pulls: u64,
}

#[derive(Debug, Serialize)]
struct OfImage {
    digest: String,
    pulls: u64,
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let repository = visit.key(place).await?;
    let days = days(visit)?;
    let rows = rows(visit, &repository, &days).await?;
    match visit.member("format").as_deref() {
        None | Some("json") => {
            let PullTotals { total, robots, .. } = visit.installation().pull_totals(&repository).await?;
            Ok(Page::json(&Document { total, robots, from: *days.start(), to: *days.end(), rows }))
        }
        Some("csv") => Ok(Page::new("text/csv; charset=utf-8", rows.csv())),
        Some(_) => Err(Failure::BadRequest("'format' must be json or csv.".to_owned())),
    }
}

/// The days from `from` to `to`, both included.
fn days(visit: &Visit<'_>) -> Result<RangeInclusive<Day>, Failure> {
    let day = |name: &str| match visit.member(name) {
        Some(text) => Day::parse(&text).map(Some).ok_or_else(|| Failure::BadRequest(format!("'{name}' must be a day such as 2026-11-26."))),
        None => Ok(None),
    };
    let to = day("to")?.unwrap_or(Day::of(visit.now));
    let from = day("from")?.unwrap_or(to.plus(1 - DAYS));
    if from > to || to.number() - from.number() >= MOST_DAYS {
        return Err(Failure::BadRequest(format!("'from' must not be after 'to', nor more than {MOST_DAYS} days before it.")));
    }
    Ok(from..=to)
}

async fn rows(visit: &Visit<'_>, repository: &RepositoryKey, days: &RangeInclusive<Day>) -> Result<Rows, Failure> {
    let installation = visit.installation();
    match visit.member("by").as_deref() {
        None | Some("day") => {
            let found = installation.pulls_by_day(repository, days).await?;
            Ok(Rows::Days(found.into_iter().map(|of| OfDay { day: of.day, pulls: of.pulls, robots: of.robots }).collect()))
        }
        Some("tag") => {
            let found = installation.pulls_by_tag(repository, days, MOST_ROWS).await?;
            Ok(Rows::Tags(found.into_iter().map(|of| OfTag { tag: of.item.to_string(), pulls: of.pulls }).collect()))
        }
        Some("image") => {
            let found = installation.pulls_by_image(repository, days, MOST_ROWS).await?;
            Ok(Rows::Images(found.into_iter().map(|of| OfImage { digest: of.item.to_string(), pulls: of.pulls }).collect()))
        }
        Some(_) => Err(Failure::BadRequest("'by' must be day, tag or image.".to_owned())),
    }
}

impl Rows {
    /// Formats as RFC 4180 says. Days, tags and digests need no quotes.
    fn csv(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Days(rows) => {
                text.push_str("day,pulls,robots\r\n");
                rows.iter().try_for_each(|OfDay { day, pulls, robots }| write!(text, "{day},{pulls},{robots}\r\n"))
            }
            Self::Tags(rows) => {
                text.push_str("tag,pulls\r\n");
                rows.iter().try_for_each(|OfTag { tag, pulls }| write!(text, "{tag},{pulls}\r\n"))
            }
            Self::Images(rows) => {
                text.push_str("digest,pulls\r\n");
                rows.iter().try_for_each(|OfImage { digest, pulls }| write!(text, "{digest},{pulls}\r\n"))
            }
        };
        text
    }
}
