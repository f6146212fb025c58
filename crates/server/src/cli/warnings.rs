//! Warnings at start about settings and files that let in more people than intended.

use crate::config::Config;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Set if everybody may read a file.
const READ_BY_EVERYBODY: u32 = 0o004;

/// Warns of settings that are valid, but rarely intended.
pub(super) fn warn(config: &Config) {
    if rustix::process::geteuid().is_root() {
        tracing::warn!("the server runs as root but needs no root privileges: run it as a separate user that owns the data directory");
    }
    for network in config.trusted_proxies.iter().filter(|network| network.prefix_len() == 0) {
        tracing::warn!(%network, "--trusted-proxy trusts every peer, so any client can forge its address: list only the addresses of your proxies");
    }
    for path in &config.secret_files {
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & READ_BY_EVERYBODY != 0 {
            tracing::warn!(path = %path.display(), "a file that contains a secret is readable by every user of this machine: run chmod o-rwx on it");
        }
    }
}
