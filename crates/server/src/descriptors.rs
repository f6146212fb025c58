//! The limit of file descriptors of the process, shared by connections and files (getrlimit(2)).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one. Shells and service managers set it to 1,024 for the sake of select(2), which this program
/// does not use.
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

/// The soft limit.
pub(crate) fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
