//! `/readyz` and `/metrics`, for load balancers and monitoring.

use crate::http::{Reply, Response};
use crate::server::Server;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::time::Duration;

/// A storage that does not answer a probe in this time would not serve a client either.
const PATIENCE: Duration = Duration::from_secs(5);

/// `/readyz`: whether requests can be served now. Why not is logged, not told.
pub(crate) async fn readiness(server: &Server) -> Response {
    match tokio::time::timeout(PATIENCE, server.installation.check_ready()).await {
        Ok(Ok(())) => return Reply::text(StatusCode::OK, "ready\n").into_response(),
        Ok(Err(error)) => tracing::warn!(%error, "not ready"),
        Err(_) => tracing::warn!("not ready: the storage did not answer within {} s", PATIENCE.as_secs()),
    }
    Reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
}

/// `/metrics`: everything that is counted, as text for Prometheus.
pub(crate) fn metrics(server: &Server) -> Response {
    server.telemetry.memory(&server.budget);
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Reply::new(StatusCode::OK, server.telemetry.as_text()).with_static(CONTENT_TYPE, media_type).into_response()
}
