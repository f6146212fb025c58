//! Verifying the stored blobs.

use crate::server::Server;
use roadstead_registry::{Result, Scrubbed};
use std::time::Duration;

/// How long to wait after a failure, such as a store that cannot be reached.
const PAUSE: Duration = Duration::from_secs(60);

/// Verifies all blobs once in each period. Never returns.
pub(super) async fn run(server: &Server) {
    let Some(period) = server.config.scrub else { return };
    loop {
        if let Err(error) = scrub(server, period).await {
            tracing::error!(%error, "the stored blobs cannot be verified: this is retried");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn scrub(server: &Server, period: Duration) -> Result<()> {
    let mut scrub = server.installation.scrub(period).await?;
    server.telemetry.scrub_completed(scrub.completed());
    loop {
        match scrub.next().await? {
            Scrubbed::Whole { size } => server.telemetry.scrubbed("whole", size),
            Scrubbed::Damaged { size, what } => {
                server.telemetry.scrubbed("damaged", size);
                tracing::error!(damage = what, "a stored blob is damaged: 'roadstead check --repair' can mend it");
            }
            Scrubbed::Unreadable { what } => {
                server.telemetry.scrubbed("unreadable", 0);
                tracing::error!(damage = what, "a stored blob cannot be read: it is tried again in the next round");
            }
            Scrubbed::Completed(time) => {
                server.telemetry.scrub_completed(Some(time));
                tracing::info!("all stored blobs have been verified");
            }
        }
    }
}
