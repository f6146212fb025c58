//! Counting what is stored, for metrics.

use crate::server::Server;
use std::time::Duration;

/// The pause between two counts.
const PAUSE: Duration = Duration::from_secs(5 * 60);

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
