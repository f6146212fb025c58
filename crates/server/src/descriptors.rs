//! File descriptors: connections and files share one limit of the process (getrlimit(2)).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Shells and service managers leave it at 1,024 for programs that use select(2), which
/// this one does not.
pub(crate) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => tracing::info!(from = current, to = limit(), "raised the limit of file descriptors"),
        Err(error) => tracing::warn!(%error, limit = current, "cannot raise the limit of file descriptors"),
    }
}

/// The limit of this process.
pub(crate) fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
