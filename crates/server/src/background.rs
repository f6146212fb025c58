//! Background tasks. Each server writes its pull statistics and the volume of downloads, shares rates with other replicas, reloads its
//! certificates, sums up refusals in its audit log, measures the space that is left, and gives freed memory back to the system. One of the servers on a database, the
//! leader, collects garbage, verifies stored blobs, counts what is stored, keeps up to date what the gallery derives, tidies the
//! statistics, and orders certificates.

mod certificates;
mod gallery;
mod leading;
mod scrub;
mod stock;

pub(crate) use certificates::{check as check_certificate_authority, load as load_certificates};

use crate::heap;
use crate::server::Server;
use roadstead_registry::{Collection, Error, Garbage};
use std::time::{Duration, Instant};

/// When the pull statistics are tidied after a start, which is not the time to do what can wait.
const FIRST_TIDYING: Duration = Duration::from_secs(10 * 60);
const BETWEEN_TIDYINGS: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs all background tasks. Never returns.
pub(crate) async fn run(server: &Server) {
    let (flush_pulls, sum_up) = (server.installation.flush_pulls_regularly(), server.audit.sum_up_every_minute());
    let (measure_space, trim) = (stock::measure_space(server), heap::trim_every_minute());
    let limits = async {
        let installation = &server.installation;
        let (share, save) = (server.limiters.share_regularly(installation), server.limiters.save_regularly(installation));
        tokio::join!(share, save, installation.share_expected_pulls_regularly())
    };
    let follow = certificates::follow(server);
    tokio::join!(do_for_all(server), leading::be_seen(server), flush_pulls, limits, follow, sum_up, measure_space, trim);
}

/// Does what one server does for all, whenever this one leads. Never returns.
async fn do_for_all(server: &Server) {
    loop {
        let leadership = leading::lead(server).await;
        tracing::debug!("this server leads");
        let work = async {
            let (gallery, certificates) = (gallery::keep_up(server), certificates::order(server));
            tokio::join!(
                collect_garbage(server),
                gallery,
                tidy_pull_statistics(server),
                scrub::run(server),
                certificates,
                stock::take(server)
            );
            Ok(())
        };
        if let Err(error) = leadership.run(work).await {
            tracing::warn!(%error, "this server does not lead any more");
        }
    }
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
        let collected = server.installation.collect_garbage_alone(Collection { grace: server.config.gc_grace, dry_run: false }).await;
        if let Err(Error::Refused(reason)) = &collected {
            tracing::info!(reason, "no garbage collected");
            continue;
        }
        server.telemetry.collected(collected.as_ref().ok(), begun.elapsed());
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
