//! The settings of traces.

use super::origin;

/// Where the spans of requests are sent, and which.
#[derive(Debug, Clone, Default)]
pub struct TracesConfig {
    /// The base URL of the collector, without a slash at its end. No traces are made if `None`.
    pub endpoint: Option<String>,
    /// The share of the requests that are traced, of those whose clients do not say.
    pub ratio: f64,
    /// The name of this service.
    pub service: String,
}

/// The base URL of a collector that speaks OTLP by HTTP.
pub(super) fn endpoint(text: &str) -> Result<String, String> {
    if text.contains('@') {
        // It is not repeated, because it may hold a password.
        let needed = "use the environment variable OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Basic%20…";
        return Err(format!("contains an '@', but no user name and no password are sent to a collector: {needed}"));
    }
    origin::parse_base(text)
}

/// A share from 0 to 1.
pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| format!("'{text}' is not a number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_base_url_without_a_query() {
        for text in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/", "https://collector.example/otlp"] {
            assert_eq!(endpoint(text).as_deref(), Ok(text.trim_end_matches('/')), "{text}");
        }
        for text in
            ["", "collector:4318", "http://", "http:///v1", "http://:4318", "grpc://collector", "http://a/?b", "http://a/#b", "http://a b"]
        {
            assert!(endpoint(text).is_err(), "{text}");
        }
        for text in ["http://user:password@collector:4318", "https://token@collector", "user:password@collector", "http://user:pass/word@a"]
        {
            let refusal = endpoint(text).unwrap_err();
            assert!(refusal.contains("OTEL_EXPORTER_OTLP_HEADERS") && !refusal.contains("collector:4318"), "{refusal}");
        }
    }

    #[test]
    fn a_ratio_is_a_share() {
        assert_eq!([ratio("0"), ratio("0.25"), ratio("1")], [Ok(0.0), Ok(0.25), Ok(1.0)]);
        assert!(["-0.1", "1.1", "NaN", "inf", "half", ""].into_iter().all(|text| ratio(text).is_err()));
    }
}
