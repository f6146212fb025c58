//! Keeping up to date what the gallery derives from the metadata and from the statistics of pulls.

use crate::server::Server;
use roadstead_registry::Result;
use std::time::{Duration, Instant};

/// How long a change may wait until searches show it.
const DELAY: Duration = Duration::from_millis(500);
/// How many repositories are read before any of them is written to the index.
const BATCH: usize = 16;
/// How often the numbers of pulls are taken over into lists and scores.
const POPULARITY_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Keeps everything up to date. Never returns.
pub(super) async fn keep_up(server: &Server) {
    let derived = [Derived::Tags, Derived::Index, Derived::Texts].map(|derived| keep_derived(server, derived));
    let [tags, index, texts] = derived;
    tokio::join!(tags, index, texts, refresh_popularity(server));
}

/// What the gallery derives from the metadata after they have changed.
#[derive(Debug, Clone, Copy)]
enum Derived {
    /// Summaries of manifests of older versions, and which tags are hidden after their owner has changed that.
    Tags,
    /// The index and the lists of repositories.
    Index,
    /// READMEs after their push, and all texts after an upgrade of the renderer.
    Texts,
}

impl Derived {
    /// Derives a part of what is missing. Returns whether there is more.
    async fn refresh(self, server: &Server) -> Result<bool> {
        match self {
            Self::Tags => server.installation.tend_gallery().await,
            Self::Index => Ok(server.installation.refresh_gallery(BATCH).await? == BATCH),
            Self::Texts => server.installation.render_outdated(BATCH).await.map(|()| false),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Index => "index",
            Self::Texts => "texts",
        }
    }
}

/// Refreshes what is derived whenever the metadata has changed.
async fn keep_derived(server: &Server, derived: Derived) {
    let (mut seen, mut failed) = (None, false);
    loop {
        let (begun, version) = (Instant::now(), server.installation.metadata_version().await);
        let mut delay = DELAY;
        if version.is_none() || version != seen || failed {
            let more = derived.refresh(server).await;
            if let (Err(error), false) = (&more, failed) {
                tracing::error!(%error, "the {} of the gallery cannot be brought up to date: it is retried", derived.name());
            }
            (seen, failed) = (version, more.is_err());
            if more.is_ok_and(|more| more) {
                // Pushes get the writer at least half of the time.
                delay = begun.elapsed();
            }
        }
        tokio::time::sleep(delay).await;
    }
}

async fn refresh_popularity(server: &Server) {
    let mut all = true;
    loop {
        let refreshed = server.installation.refresh_popularity(all).await;
        if let Err(error) = &refreshed {
            tracing::error!(%error, "the pulls cannot be taken over into the gallery: it is retried after an hour");
        }
        all &= refreshed.is_err();
        tokio::time::sleep(POPULARITY_INTERVAL).await;
    }
}
