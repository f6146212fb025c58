//! Background tasks: garbage collection, keeping the gallery's index up to date, rendering texts, writing the pull statistics, reloading the
//! certificate, and reports of refusals in the audit log.

use crate::server::Server;
use roadstead_registry::{Collection, Garbage};
use std::time::{Duration, Instant};

/// When the pull statistics are tidied after a start, which is not the time to do what can wait.
const FIRST_TIDYING: Duration = Duration::from_secs(10 * 60);
const BETWEEN_TIDYINGS: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a change may wait until searches show it.
const GALLERY_DELAY: Duration = Duration::from_millis(500);
/// How many repositories are read before any of them is written to the index.
const GALLERY_BATCH: usize = 16;

/// Runs all background tasks. Never returns.
pub(crate) async fn run(server: &Server) {
    let follow_certificate = async {
        if let Some(tls) = &server.tls {
            tls.follow_files().await;
        }
    };
    let (flush_pulls, tidy_pulls) = (server.installation.flush_pulls_regularly(), tidy_pull_statistics(server));
    let sum_up = server.audit.sum_up_every_minute();
    tokio::join!(
        collect_garbage(server),
        refresh_gallery(server),
        render_texts(server),
        flush_pulls,
        tidy_pulls,
        follow_certificate,
        sum_up
    );
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

async fn refresh_gallery(server: &Server) {
    let mut failed = false;
    loop {
        let begun = Instant::now();
        let refreshed = server.installation.refresh_gallery(GALLERY_BATCH).await;
        if let (Err(error), false) = (&refreshed, failed) {
            tracing::error!(%error, "the index of the gallery cannot be brought up to date: it is retried");
        }
        failed = refreshed.is_err();
        // Between full batches, pushes get the writer at least half of the time.
        let is_behind = refreshed.is_ok_and(|count| count == GALLERY_BATCH);
        tokio::time::sleep(if is_behind { begun.elapsed() } else { GALLERY_DELAY }).await;
    }
}

/// Renders READMEs after their push, and all texts after an upgrade of the renderer.
async fn render_texts(server: &Server) {
    let (mut seen, mut failed) = (None, false);
    loop {
        let version = server.installation.metadata_version();
        if version.is_none() || version != seen || failed {
            let rendered = server.installation.render_outdated(GALLERY_BATCH).await;
            if let (Err(error), false) = (&rendered, failed) {
                tracing::error!(%error, "the texts of the gallery cannot be rendered: they are retried");
            }
            failed = rendered.is_err();
            seen = version;
        }
        tokio::time::sleep(GALLERY_DELAY).await;
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
