//! Points in time.

use serde::{Serialize, Serializer};

/// Microseconds since the Unix epoch.
///
/// Serialises as an awsJson1.1 timestamp: a JSON number of epoch seconds, with millisecond precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Formats as RFC 3339 in UTC with milliseconds: `2026-11-24T06:14:00.123Z`.
    pub fn to_rfc3339(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => format!("{time:.3}"),
            Err(_) => String::from("0000-01-01T00:00:00.000Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.millis();
        if millis % 1_000 == 0 {
            serializer.serialize_i64(millis / 1_000)
        } else {
            // Milliseconds since the epoch stay below 2^53 for 285,000 years, so the quotient prints exactly.
            serializer.serialize_f64(millis as f64 / 1_000.0)
        }
    }
}

/// A point in time that serialises as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct IsoTime(pub Timestamp);

impl Serialize for IsoTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339())
    }
}

impl From<Timestamp> for IsoTime {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_as_epoch_seconds_with_milliseconds() {
        let json = |micros| serde_json::to_string(&Timestamp::from_micros(micros)).unwrap_or_default();
        assert_eq!(json(1_700_000_000_000_000), "1700000000");
        assert_eq!(json(1_700_000_000_123_456), "1700000000.123");
        assert_eq!(json(1_700_000_000_100_999), "1700000000.1");
        assert_eq!(json(1_763_971_199_999_999), "1763971199.999");
    }

    #[test]
    fn a_timestamp_is_printed_as_rfc_3339_with_milliseconds() {
        let time = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(time.to_rfc3339(), "2023-11-14T22:13:20.123Z");
        assert_eq!(serde_json::to_string(&IsoTime(time)).unwrap_or_default(), r#""2023-11-14T22:13:20.123Z""#);
    }
}
