//! The probes `/readyz` and `/metrics`, for load balancers and monitoring.

use crate::http::{Reply, Response};
use crate::server::Server;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::time::Duration;

/// How long the storage may take to answer. Slower storage could not serve clients either.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Answers `/readyz`: whether requests can be served. If not, the reason is logged, not sent.
pub(crate) async fn readiness(server: &Server) -> Response {
    let not_ready = || Reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response();
    if server.is_draining() {
        return not_ready();
    }
    match tokio::time::timeout(TIMEOUT, server.installation.check_ready()).await {
        Ok(Ok(())) => return Reply::text(StatusCode::OK, "ready\n").into_response(),
        Ok(Err(error)) => tracing::warn!(%error, "not ready"),
        Err(_) => tracing::warn!("not ready: the storage did not answer within {} s", TIMEOUT.as_secs()),
    }
    not_ready()
}

/// Answers `/metrics` in the OpenMetrics text format.
pub(crate) fn metrics(server: &Server) -> Response {
    server.telemetry.memory(&server.budget);
    server.telemetry.traces();
    server.telemetry.pulls(server.installation.counted_pulls());
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Reply::new(StatusCode::OK, server.telemetry.as_text()).with_static(CONTENT_TYPE, media_type).into_response()
}
