//! Which of the servers does what one of them does for all.

use crate::server::Server;
use roadstead_registry::{Leadership, Task};
use std::time::Duration;

/// How often a server looks whether it is its turn: a bound on how long nobody leads after a leader has stopped, beside the time in which
/// the lease of one that has crashed expires.
const CHECK: Duration = Duration::from_secs(5);

/// Waits until this server leads.
pub(super) async fn lead(server: &Server) -> Leadership {
    let mut failed = false;
    loop {
        match server.installation.lead(Task::Upkeep).await {
            Ok(Some(leadership)) => return leadership,
            Ok(None) => failed = false,
            Err(error) => {
                if !failed {
                    tracing::warn!(%error, "it cannot be found out which server leads: it is retried");
                }
                failed = true;
            }
        }
        tokio::time::sleep(CHECK).await;
    }
}

/// Lets commands know that this server runs. Never returns.
pub(super) async fn be_seen(server: &Server) {
    loop {
        // While the database cannot be reached, nothing can be copied from it either.
        if let Ok(Some(presence)) = server.installation.lead(Task::Serving).await {
            presence.lost().await;
        }
        tokio::time::sleep(CHECK).await;
    }
}
