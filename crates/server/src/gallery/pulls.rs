//! The pulls of a repository.

use super::filters;
use super::layout::Layout;
use super::page::{Failure, Page};
use super::route::Place;
use super::urls;
use super::visit::Visit;
use askama::Template;
use roadstead_model::Day;
use roadstead_registry::{PullReport, PullTotals, PullsOf, PullsOfDay};
use std::ops::RangeInclusive;

/// The days that are shown unless the address says otherwise, with today.
const DAYS: i64 = 90;
/// The days that are shown at most.
const MOST_DAYS: i64 = 400;
/// The number of tags that are listed.
const TAGS: usize = 20;
/// The size of the chart in units of its own.
const WIDTH: u64 = 900;
const HEIGHT: u64 = 180;

#[derive(Template)]
#[template(path = "pulls/page.html")]
struct Pulls<'a> {
    layout: Layout,
    place: &'a Place,
    /// The current one of the views of a repository.
    tab: &'static str,
    totals: PullTotals,
    chart: Chart,
    /// The days with pulls, the latest first.
    days: Vec<PullsOfDay>,
    tags: Vec<PulledTag>,
    csv: String,
    json: String,
}

/// A tag and the width of its bar in percent.
struct PulledTag {
    name: String,
    url: String,
    pulls: u64,
    percent: u64,
}

/// Bars of consecutive days.
struct Chart {
    first: Day,
    last: Day,
    /// The day with the most pulls.
    highest: Option<PullsOfDay>,
    bars: Vec<Bar>,
    bar_width: String,
}

/// The bar of a day that had pulls. Those of robots stand on the others.
struct Bar {
    of: PullsOfDay,
    x: String,
    people_height: u64,
    robots_height: u64,
}

impl Bar {
    fn people_top(&self) -> u64 {
        HEIGHT - self.people_height
    }

    fn robots_top(&self) -> u64 {
        self.people_top() - self.robots_height
    }
}

pub(super) async fn page(visit: &Visit<'_>, place: &Place) -> Result<Page, Failure> {
    let days = range(visit.member("from").as_deref(), visit.member("to").as_deref(), Day::of(visit.now))?;
    let key = visit.key(place).await?;
    let report = visit.installation().pull_report(&key, &days, TAGS).await?;
    let layout = visit.layout(format!("Pulls of {place}")).canonical(&urls::pulls(place));
    Page::html(&Pulls::new(layout, place, &days, report))
}

/// The days from one date to another.
fn range(from: Option<&str>, to: Option<&str>, today: Day) -> Result<RangeInclusive<Day>, Failure> {
    let date = |text: &str| Day::parse(text).ok_or_else(|| Failure::BadRequest("A date looks like 2026-11-26.".to_owned()));
    let last = to.map(date).transpose()?.unwrap_or(today);
    let first = from.map(date).transpose()?.unwrap_or(last.plus(1 - DAYS));
    match last.number() - first.number() {
        0..MOST_DAYS => Ok(first..=last),
        ..0 => Err(Failure::BadRequest("The first day is after the last one.".to_owned())),
        _ => Err(Failure::BadRequest(format!("At most {MOST_DAYS} days are shown."))),
    }
}

impl<'a> Pulls<'a> {
    fn new(layout: Layout, place: &'a Place, days: &RangeInclusive<Day>, report: PullReport) -> Self {
        let PullReport { totals, days: of_days, recent_tags } = report;
        let (from, to) = (days.start().to_string(), days.end().to_string());
        let document = urls::api(&format!("/repositories/{place}/-/pulls"));
        let json = urls::with_query(document, &[("by", "day"), ("from", &from), ("to", &to)]);
        let most = recent_tags.iter().map(|tag| tag.pulls).max().unwrap_or(0);
        let tag = |PullsOf { item, pulls }: PullsOf<_>| {
            let url = urls::tagged(place, roadstead_model::Tag::as_str(&item));
            PulledTag { name: item.to_string(), url, pulls, percent: scaled(pulls, most, 100) }
        };
        Self {
            layout,
            place,
            tab: "pulls",
            totals,
            chart: Chart::new(days, &of_days),
            days: of_days.into_iter().rev().collect(),
            tags: recent_tags.into_iter().map(tag).collect(),
            csv: urls::with_query(json.clone(), &[("format", "csv")]),
            json,
        }
    }
}

/// Of the width of a day, which its bar takes.
const NINE_TENTHS: u64 = 9;

impl Chart {
    fn new(days: &RangeInclusive<Day>, of_days: &[PullsOfDay]) -> Self {
        let (first, last) = (*days.start(), *days.end());
        let number = u64::try_from(last.number() - first.number() + 1).unwrap_or(1);
        let highest = of_days.iter().max_by_key(|of| of.pulls.saturating_add(of.robots)).copied();
        let most = highest.map_or(0, |of| of.pulls.saturating_add(of.robots));
        let bar = |of: &PullsOfDay| Bar {
            of: *of,
            x: tenths(10 * WIDTH * u64::try_from(of.day.number() - first.number()).unwrap_or(0) / number),
            people_height: scaled(of.pulls, most, HEIGHT),
            robots_height: scaled(of.robots, most, HEIGHT).min(HEIGHT - scaled(of.pulls, most, HEIGHT)),
        };
        Self { first, last, highest, bars: of_days.iter().map(bar).collect(), bar_width: tenths(NINE_TENTHS * WIDTH / number) }
    }
}

/// Scales a number to `length` for `most`. What is not zero remains visible.
fn scaled(number: u64, most: u64, length: u64) -> u64 {
    let scaled = u128::from(number) * u128::from(length) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(length).max(u64::from(number > 0)).min(length)
}

fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Day = Day::from_number(20_000);

    fn of_day(after: i64, pulls: u64, robots: u64) -> PullsOfDay {
        PullsOfDay { day: FIRST.plus(after), pulls, robots }
    }

    #[test]
    fn the_last_ninety_days_are_shown_unless_the_address_names_others() {
        let number = |from, to| range(from, to, FIRST).map(|days| (days.start().number(), days.end().number())).ok();
        assert_eq!(number(None, None), Some((19_911, 20_000)));
        assert_eq!(number(Some("2024-10-01"), Some("2024-10-01")), Some((19_997, 19_997)));
        assert_eq!(number(None, Some("2024-10-01")), Some((19_908, 19_997)));
        for (from, to) in [("2024-10-02", "2024-10-01"), ("2023-08-01", "2024-10-01"), ("yesterday", "2024-10-01"), ("2024-10-01", "1")] {
            assert_eq!(number(Some(from), Some(to)), None, "{from} {to}");
        }
    }

    #[test]
    fn bars_are_within_the_chart_and_every_pull_is_visible() {
        let days = [of_day(0, 1, 0), of_day(1, 0, 1), of_day(9, 900_000, 100_000)];
        let chart = Chart::new(&(FIRST..=FIRST.plus(9)), &days);
        let bars: Vec<_> = chart.bars.iter().map(|bar| (bar.x.as_str(), bar.people_height, bar.robots_height, bar.robots_top())).collect();
        assert_eq!(bars, [("0.0", 1, 0, 179), ("90.0", 0, 1, 179), ("810.0", 162, 18, 0)]);
        assert_eq!((chart.bar_width.as_str(), chart.highest), ("81.0", Some(days[2])));
    }

    #[test]
    fn the_largest_numbers_do_not_leave_the_chart() {
        let chart = Chart::new(&(FIRST..=FIRST), &[of_day(0, u64::MAX, u64::MAX)]);
        assert_eq!((chart.bars[0].people_height, chart.bars[0].robots_height), (HEIGHT, 0));
        assert!(Chart::new(&(FIRST..=FIRST), &[]).highest.is_none());
    }
}
