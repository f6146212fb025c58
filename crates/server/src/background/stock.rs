//! Counting what is stored, and measuring the space that is left, for metrics.

use crate::server::Server;
use std::time::Duration;

/// The pause between two counts.
const PAUSE: Duration = Duration::from_secs(5 * 60);
/// The pause between two measurements of the space.
const BETWEEN_MEASUREMENTS: Duration = Duration::from_secs(15);

/// Counts what is stored, again and again. Never returns.
pub(super) async fn take(server: &Server) {
    let shown = server.telemetry.inventory();
    loop {
        match server.installation.inventory().await {
            Ok(inventory) => shown.show(inventory),
            Err(error) => tracing::warn!(%error, "what is stored cannot be counted: it is retried"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Measures the space of the data directory, again and again. A file system that hangs is asked once, not at every scrape. Never returns.
pub(super) async fn measure_space(server: &Server) {
    loop {
        server.telemetry.disk_space(server.installation.disk_space().await);
        tokio::time::sleep(BETWEEN_MEASUREMENTS).await;
    }
}
