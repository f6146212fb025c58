//! Background tasks: garbage collection, keeping up to date what the gallery derives, writing the pull statistics and the volume of
//! downloads, sharing rates with other replicas, reloading the certificate, and reports of refusals in the audit log.

mod gallery;

use crate::server::Server;
use roadstead_registry::{Collection, Garbage};
use std::time::{Duration, Instant};

/// When the pull statistics are tidied after a start, which is not the time to do what can wait.
const FIRST_TIDYING: Duration = Duration::from_secs(10 * 60);
const BETWEEN_TIDYINGS: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs all background tasks. Never returns.
pub(crate) async fn run(server: &Server) {
    let follow_certificate = async {
        if let Some(tls) = &server.tls {
            tls.follow_files().await;
        }
    };
    let (flush_pulls, tidy_pulls) = (server.installation.flush_pulls_regularly(), tidy_pull_statistics(server));
    let sum_up = server.audit.sum_up_every_minute();
    let limits = async {
        let installation = &server.installation;
        let (share, save) = (server.limiters.share_regularly(installation), server.limiters.save_regularly(installation));
        tokio::join!(share, save, installation.share_expected_pulls_regularly())
    };
    tokio::join!(collect_garbage(server), gallery::keep_up(server), flush_pulls, tidy_pulls, limits, follow_certificate, sum_up);
}

/// Tidies the pull statistics once a day.
async fn tidy_pull_statistics(server: &Server) {
    let mut wait = FIRST_TIDYING;
    loop {
        tokio::time::sleep(wait).await;
        wait = BETWEEN_TIDYINGS;
        if let Err(error) = server.installation.tidy_pull_statistics().await {
            tracing::error!(%error, "the pull statistics could not be tidied: this is tried again tomorrow");
        }
    }
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
