//! Filters of the templates: how pages write numbers, sizes, times and digests.

// The types that `filter_fn` generates are as visible as the module.
#![allow(unreachable_pub)]

use askama::filters::Safe;
use askama::{Result, Values};
use roadstead_model::Timestamp;
use roadstead_model::gallery::visible_text;

/// Joins a number and its unit, which must not be torn apart.
const NO_BREAK_SPACE: char = '\u{a0}';

/// A number that a template may hold by value or by reference.
pub(super) trait Amount {
    fn amount(&self) -> u64;
}

macro_rules! amounts {
    ($($number:ty),*) => {
        $(impl Amount for $number {
            fn amount(&self) -> u64 {
                u64::try_from(*self).unwrap_or_default()
            }
        })*
    };
}
amounts!(u32, u64, usize, i32, i64);

impl<T: Amount + ?Sized> Amount for &T {
    fn amount(&self) -> u64 {
        T::amount(self)
    }
}

/// A time that a template may hold by value or by reference.
pub(super) trait Moment {
    fn moment(&self) -> Timestamp;
}

impl Moment for Timestamp {
    fn moment(&self) -> Timestamp {
        *self
    }
}

impl<T: Moment + ?Sized> Moment for &T {
    fn moment(&self) -> Timestamp {
        T::moment(self)
    }
}

/// A number with two digits at least: `812`, `4.2 k`, `812 k`, `5.0 M`.
#[askama::filter_fn]
pub(super) fn count(number: impl Amount, _: &dyn Values) -> Result<String> {
    Ok(count_text(number.amount()))
}

/// A number with all its digits: `1,934`.
#[askama::filter_fn]
pub(super) fn exact(number: impl Amount, _: &dyn Values) -> Result<String> {
    Ok(grouped(number.amount()))
}

/// A size in decimal units, as package managers and browsers show it: `812 B`, `66 MB`, `1.2 GB`.
#[askama::filter_fn]
pub(super) fn size(bytes: impl Amount, _: &dyn Values) -> Result<String> {
    Ok(size_text(bytes.amount()))
}

/// A time as its distance from `now`, which the page's layout holds: `{{ row.pushed_at|ago(layout.now) }}`.
#[askama::filter_fn]
pub(super) fn ago(time: impl Moment, _: &dyn Values, now: &Timestamp) -> Result<Safe<String>> {
    let time = time.moment();
    Ok(Safe(time_element(time, &distance(time, *now))))
}

/// A time as its day, in UTC: `26 Nov 2026`.
#[askama::filter_fn]
pub(super) fn day(time: impl Moment, _: &dyn Values) -> Result<Safe<String>> {
    let time = time.moment();
    Ok(Safe(time_element(time, &utc(time, "%-d %b %Y"))))
}

/// A time as programs read it: `2026-11-24T06:14:00.123Z`.
#[askama::filter_fn]
pub(super) fn iso(time: impl Moment, _: &dyn Values) -> Result<String> {
    Ok(time.moment().to_rfc3339())
}

/// The first digits of a digest, by which people compare: `sha256:9b1c06f2a4d3`.
#[askama::filter_fn]
pub(super) fn short_digest(digest: impl std::fmt::Display, _: &dyn Values) -> Result<String> {
    const DIGITS: usize = 12;
    let digest = digest.to_string();
    let end = digest.find(':').map_or(0, |colon| colon + 1) + DIGITS;
    Ok(digest.get(..end).unwrap_or(&digest).to_owned())
}

/// A text of a publisher, with invisible characters shown.
#[askama::filter_fn]
pub(super) fn visible(text: impl std::fmt::Display, _: &dyn Values) -> Result<String> {
    Ok(visible_text::visible(&text.to_string()).into_owned())
}

/// A number as [`fn@count`] writes it.
pub(super) fn count_text(number: u64) -> String {
    scaled(number, ["", "k", "M", "G", "T"])
}

/// A size as [`fn@size`] writes it.
pub(super) fn size_text(bytes: u64) -> String {
    scaled(bytes, ["B", "kB", "MB", "GB", "TB"])
}

/// Writes a number below 10 of a unit with a decimal, and a larger one without.
fn scaled(number: u64, units: [&str; 5]) -> String {
    let mut unit = 0;
    let mut thousands = 1u128;
    let number = u128::from(number);
    let rounded = |of: u128| (number + of / 2) / of;
    while unit + 1 < units.len() && rounded(thousands) >= 1000 {
        unit += 1;
        thousands *= 1000;
    }
    let tenths = (10 * number + thousands / 2) / thousands;
    let text = if unit > 0 && tenths < 100 { format!("{}.{}", tenths / 10, tenths % 10) } else { rounded(thousands).to_string() };
    if units[unit].is_empty() { text } else { format!("{text}{NO_BREAK_SPACE}{}", units[unit]) }
}

pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn distance(time: Timestamp, now: Timestamp) -> String {
    const UNITS: [(i64, &str, &str); 5] =
        [(365 * 86_400, "year", "years"), (30 * 86_400, "month", "months"), (86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min")];
    let seconds = now.seconds() - time.seconds();
    let Some((length, one, many)) = UNITS.into_iter().find(|(length, ..)| seconds >= *length) else { return "just now".to_owned() };
    let number = seconds / length;
    format!("{number}{NO_BREAK_SPACE}{} ago", if number == 1 { one } else { many })
}

/// All parts are ours: digits, and names of months and units.
fn time_element(time: Timestamp, text: &str) -> String {
    format!(r#"<time datetime="{}" title="{}">{text}</time>"#, time.to_rfc3339(), utc(time, "%Y-%m-%d %H:%M UTC"))
}

fn utc(time: Timestamp, format: &str) -> String {
    jiff::Timestamp::from_microsecond(time.micros()).map(|time| time.strftime(format).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::filters;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_sizes_have_two_digits_or_more() {
        for (number, text) in [
            (0, "0"),
            (812, "812"),
            (999, "999"),
            (1_000, "1.0 k"),
            (4_249, "4.2 k"),
            (9_949, "9.9 k"),
            (9_951, "10 k"),
            (812_499, "812 k"),
            (999_499, "999 k"),
            (999_500, "1.0 M"),
            (5_000_000, "5.0 M"),
            (1_200_000_000_000_000, "1200 T"),
        ] {
            assert_eq!(scaled(number, ["", "k", "M", "G", "T"]).replace(NO_BREAK_SPACE, " "), text, "{number}");
        }
        assert_eq!(scaled(66_300_000, ["B", "kB", "MB", "GB", "TB"]), "66\u{a0}MB");
        assert_eq!(scaled(7, ["B", "kB", "MB", "GB", "TB"]), "7\u{a0}B");
        assert_eq!(
            (grouped(0), grouped(999), grouped(1_934), grouped(1_000_000)),
            ("0".into(), "999".into(), "1,934".into(), "1,000,000".into())
        );
    }

    #[derive(askama::Template)]
    #[template(
        source = "{{ pulls|count }} {{ own|exact }} {{ bytes|size }} {{ at|ago(now) }} {{ at|iso }} {{ digest|short_digest }}",
        ext = "html"
    )]
    struct Sample<'a> {
        pulls: &'a u64,
        own: usize,
        bytes: i64,
        at: &'a Timestamp,
        now: Timestamp,
        digest: &'a str,
    }

    #[test]
    fn templates_use_filters_on_values_and_on_references() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let sample = Sample { pulls: &4200, own: 1934, bytes: 66_000_000, at: &now, now, digest: "sha256:0123456789abcdef" };
        let text = askama::Template::render(&sample).unwrap().replace(NO_BREAK_SPACE, " ");
        assert!(text.starts_with("4.2 k 1,934 66 MB <time datetime="), "{text}");
        assert!(text.ends_with("just now</time> 2023-11-14T22:13:20.000Z sha256:0123456789ab"), "{text}");
    }

    #[test]
    fn a_time_is_told_in_its_largest_unit() {
        let now = Timestamp::from_seconds(1_700_000_000);
        for (seconds, text) in [
            (-100, "just now"),
            (59, "just now"),
            (60, "1 min ago"),
            (3 * 3600 + 1, "3 h ago"),
            (86_400, "1 day ago"),
            (29 * 86_400, "29 days ago"),
            (61 * 86_400, "2 months ago"),
            (800 * 86_400, "2 years ago"),
        ] {
            assert_eq!(distance(now.plus_seconds(-seconds), now).replace(NO_BREAK_SPACE, " "), text);
        }
        assert_eq!(time_element(now, "then"), r#"<time datetime="2023-11-14T22:13:20.000Z" title="2023-11-14 22:13 UTC">then</time>"#);
    }

    proptest! {
        #[test]
        fn every_number_is_short_and_every_time_has_a_text(number: u64, micros: i64) {
            prop_assert!(scaled(number, ["", "k", "M", "G", "T"]).chars().count() <= 10);
            prop_assert!(!distance(Timestamp::from_micros(micros), Timestamp::from_seconds(0)).is_empty());
            prop_assert!(!time_element(Timestamp::from_micros(micros), "").contains('&'));
        }
    }
}
