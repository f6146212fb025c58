//! Metrics of requests.

use crate::http::OperationClass;
use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// In seconds, from a cached manifest to the push of a large layer.
const BUCKETS: [f64; 16] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

const CLASSES: usize = OperationClass::ALL.len();

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    door: &'static str,
    method: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    door: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DoorLabel {
    door: &'static str,
}

#[derive(Debug)]
pub(super) struct Requests {
    answered: Family<RequestLabels, Counter>,
    /// By class, so that a request finds its histogram without a look-up of labels.
    durations: [Histogram; CLASSES],
    /// By class. The classes of a door share one.
    in_flight: [Gauge; CLASSES],
}

impl Requests {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let answered = Family::default();
        let durations = Family::<ClassLabels, Histogram, fn() -> Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let in_flight = Family::<DoorLabel, Gauge>::default();
        registry.register("http_requests", "Requests answered", answered.clone());
        let seconds = "Time from a request's head to the last byte of its answer";
        registry.register_with_unit("http_request_duration", seconds, Unit::Seconds, durations.clone());
        registry.register("http_requests_in_flight", "Requests in flight", in_flight.clone());
        Self {
            answered,
            durations: OperationClass::ALL
                .map(|class| durations.get_or_create(&ClassLabels { door: class.door(), operation: class.name() }).clone()),
            in_flight: OperationClass::ALL.map(|class| in_flight.get_or_create(&DoorLabel { door: class.door() }).clone()),
        }
    }

    /// Counts a request as in flight. Its class may change until it ends, but not its door.
    pub(super) fn begins(&self, class: OperationClass) {
        self.in_flight[class as usize].inc();
    }

    pub(super) fn ends(&self, class: OperationClass, method: &Method, status: Option<StatusCode>, duration: Duration) {
        let status = status.map_or("none", status_label);
        self.in_flight[class as usize].dec();
        self.answered.get_or_create(&RequestLabels { door: class.door(), method: method_label(method), status }).inc();
        self.durations[class as usize].observe(duration.as_secs_f64());
    }
}

/// The label of a method. Unknown methods share one, so that clients cannot create labels.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The label of a status. The list is of those that are answered, so that their number is bounded.
fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200 => "200",
        201 => "201",
        202 => "202",
        204 => "204",
        206 => "206",
        301 => "301",
        302 => "302",
        303 => "303",
        304 => "304",
        307 => "307",
        308 => "308",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        406 => "406",
        408 => "408",
        409 => "409",
        411 => "411",
        412 => "412",
        413 => "413",
        414 => "414",
        415 => "415",
        416 => "416",
        417 => "417",
        421 => "421",
        429 => "429",
        431 => "431",
        500 => "500",
        501 => "501",
        502 => "502",
        503 => "503",
        504 => "504",
        505 => "505",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    #[test]
    fn requests_are_counted_by_door_method_and_status_and_measured_by_operation() {
        let telemetry = Telemetry::new(None);
        for status in [StatusCode::CREATED, StatusCode::CREATED] {
            telemetry.request_begins(OperationClass::OciOther);
            telemetry.request_ends(OperationClass::ManifestWrite, &Method::PUT, Some(status), Duration::from_millis(2));
        }
        let text = telemetry.as_text();
        assert!(text.contains(r#"roadstead_http_requests_total{door="oci",method="PUT",status="201"} 2"#), "{text}");
        assert!(
            text.contains(r#"roadstead_http_request_duration_seconds_bucket{le="0.0025",door="oci",operation="manifest_write"} 2"#),
            "{text}"
        );
        assert!(text.contains(r#"roadstead_http_requests_in_flight{door="oci"} 0"#), "{text}");
    }

    #[test]
    fn an_unknown_method_creates_no_label() {
        let telemetry = Telemetry::new(None);
        telemetry.request_begins(OperationClass::None);
        telemetry.request_ends(OperationClass::None, &Method::from_bytes(b"BREW").unwrap(), Some(StatusCode::NOT_FOUND), Duration::ZERO);
        let text = telemetry.as_text();
        assert!(text.contains(r#"method="other""#) && !text.contains("BREW"), "{text}");
    }
}
