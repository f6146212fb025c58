//! Parses booleans, numbers and dates.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators".

/// `true` or `false` in any case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

pub(super) fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A date in microseconds since the epoch: seconds since the epoch, or ISO 8601 with a time zone or without a time.
pub(super) fn date(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1_000_000);
    }
    let is_a_day = text.len() == "2020-04-01".len();
    let time = if is_a_day { format!("{text}T00:00:00Z").parse::<jiff::Timestamp>() } else { text.parse() };
    Some(time.ok()?.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_iso_8601_or_seconds_since_the_epoch() {
        for (text, seconds) in [
            ("1700000000", 1_700_000_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000),
            ("2023-11-14T22:13:20.000Z", 1_700_000_000),
            ("2023-11-14", 1_699_920_000),
        ] {
            assert_eq!(date(text), Some(seconds * 1_000_000), "{text}");
        }
        for bad in ["", "tomorrow", "2023-11-14T22:13:20", "2023-13-01", "1e9", "99999999999999999"] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn numbers_are_finite() {
        assert_eq!(number("-1.5"), Some(-1.5));
        for bad in ["", "NaN", "inf", "-infinity", "1,5", "1e999"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
