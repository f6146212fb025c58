//! Rate limits.

use std::time::Duration;

/// A mean rate, and the burst that it allows. The default is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// The time between two requests.
    pub(crate) period: Duration,
    /// The number of requests that may arrive at once.
    pub(crate) burst: u32,
}

impl Rate {
    /// Parses `10/s`, `600/m` or `100/h`. The burst is the number of requests per unit of time.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = || format!("'{text}' is not a rate such as 10/s, 600/m or 100/h");
        let (count, unit) = text.split_once('/').ok_or_else(refuse)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            _ => return Err(refuse()),
        };
        let burst = count.parse::<u32>().ok().filter(|burst| *burst > 0 && !count.starts_with('+')).ok_or_else(refuse)?;
        Ok(Self { period: Duration::from_secs(seconds) / burst, burst })
    }

    /// A rate `times` times as slow, with a burst of at least one.
    pub(crate) fn slower(self, times: u32) -> Self {
        Self { period: self.period * times, burst: (self.burst / times).max(1) }
    }

    /// A rate `factor` times as fast.
    pub(crate) fn times(self, factor: u32) -> Self {
        Self { period: self.period / factor, burst: self.burst.saturating_mul(factor) }
    }

    /// A rate of 0.001 to 1,000,000 per second. The burst is the number of requests per second, but at least one.
    pub fn per_second(number: f64) -> Self {
        Self { period: Duration::from_secs_f64(1.0 / number), burst: number.max(1.0) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_unit() {
        assert_eq!(Rate::parse("10/s"), Ok(Rate { period: Duration::from_millis(100), burst: 10 }));
        assert_eq!(Rate::parse("100/h"), Ok(Rate { period: Duration::from_secs(36), burst: 100 }));
        assert_eq!(Rate::parse("10/s"), Ok(Rate::per_second(10.0)));
        for text in ["", "10", "/s", "0/s", "-1/s", "+1/s", "1.5/s", "10/d", "10/ s", "5000000000/s"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }
}
