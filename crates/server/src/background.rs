//! Background tasks: garbage collection, reloading the certificate, and reports of refusals in the audit log.

use crate::server::Server;
use roadstead_registry::{Collection, Garbage};
use std::time::{Duration, Instant};

/// Runs all background tasks. Never returns.
pub(crate) async fn run(server: &Server) {
    let follow_certificate = async {
        if let Some(tls) = &server.tls {
            tls.follow_files().await;
        }
    };
    tokio::join!(collect_garbage(server), follow_certificate, server.audit.sum_up_every_minute());
}

async fn collect_garbage(server: &Server) {
    let Some(interval) = server.config.gc_interval else { return };
    loop {
        tokio::time::sleep(interval).await;
        let begun = Instant::now();
        let collected = server.installation.collect_garbage(Collection { grace: server.config.gc_grace, dry_run: false }).await;
        server.telemetry.collected(collected.as_ref().ok());
        match collected {
            Ok(garbage) => log(&garbage, begun.elapsed()),
            Err(error) => tracing::error!(%error, "garbage collection failed: it is retried after the next interval"),
        }
    }
}

fn log(garbage: &Garbage, took: Duration) {
    if *garbage == Garbage::default() {
        tracing::debug!(milliseconds = took.as_millis() as u64, "no garbage found");
        return;
    }
    let Garbage { uploads, unused_blobs, deleted_blobs, orphans, bytes } = garbage;
    tracing::info!(uploads, unused_blobs, deleted_blobs, orphans, bytes, milliseconds = took.as_millis() as u64, "garbage collected");
}
