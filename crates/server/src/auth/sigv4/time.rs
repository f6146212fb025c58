//! The time of signing.

use super::error::SignatureError;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The maximum difference between the clocks of a client and of this server.
const SKEW_MINUTES: i64 = 5;

/// Parses a time in ISO 8601's basic format, or in that of RFC 2822 (`Date`), into seconds since the epoch.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if text.len() == 16 && digits(0..8) && text.get(8..9) == Some("T") && digits(9..15) && text.ends_with('Z') {
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
        return Some(TimeZone::UTC.to_timestamp(time).ok()?.as_second());
    }
    jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp().as_second())
}

pub(super) fn format_time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.strftime("%Y%m%dT%H%M%SZ").to_string()).unwrap_or_default()
}

/// Refuses a signature that has expired or is not yet valid. Times are in seconds since the epoch, `lifetime` is in seconds.
pub(super) fn check_skew(signed_at: i64, now: i64, lifetime: Option<i64>) -> Result<(), SignatureError> {
    let skew = SKEW_MINUTES * 60;
    let (signed, current) = (format_time(signed_at), format_time(now));
    if signed_at > now.saturating_add(skew) {
        let latest = format_time(now.saturating_add(skew));
        return Err(SignatureError::Invalid(format!(
            "Signature not yet current: {signed} is still later than {latest} ({current} + {SKEW_MINUTES} min.)"
        )));
    }
    let (life, shown) = match lifetime {
        Some(seconds) => (seconds, format!("{seconds} sec.")),
        None => (skew, format!("{SKEW_MINUTES} min.")),
    };
    if signed_at < now.saturating_sub(life) {
        let earliest = format_time(now.saturating_sub(life));
        return Err(SignatureError::Invalid(format!("Signature expired: {signed} is now earlier than {earliest} ({current} - {shown})")));
    }
    Ok(())
}
