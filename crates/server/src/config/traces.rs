//! The settings of traces.

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
    let host = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or_default();
    let is_url = !host.is_empty() && !host.starts_with(['/', ':']) && text.parse::<http::Uri>().is_ok_and(|url| url.query().is_none());
    if is_url { Ok(text.trim_end_matches('/').to_owned()) } else { Err(format!("'{text}' is not a URL such as http://collector:4318")) }
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
        for text in ["", "collector:4318", "http://", "http:///v1", "http://:4318", "grpc://collector", "http://a/?b", "http://a b"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_ratio_is_a_share() {
        assert_eq!([ratio("0"), ratio("0.25"), ratio("1")], [Ok(0.0), Ok(0.25), Ok(1.0)]);
        assert!(["-0.1", "1.1", "NaN", "inf", "half", ""].into_iter().all(|text| ratio(text).is_err()));
    }
}
