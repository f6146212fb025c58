//! What an operator should know at start: settings and files with which others get in than those who are meant to.

use crate::config::Config;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Everybody may read a file with this bit.
const READ_BY_EVERYBODY: u32 = 0o004;

/// Warns of what is not wrong, but seldom wanted.
pub(super) fn warn(config: &Config) {
    if rustix::process::geteuid().is_root() {
        tracing::warn!("this server runs as root, and needs no right of root's: run it as a user of its own that owns the data folder");
    }
    for network in config.trusted_proxies.iter().filter(|network| network.prefix_len() == 0) {
        tracing::warn!(%network, "--trusted-proxy trusts everybody: any client can say that it is another one; name the addresses of the proxies");
    }
    for path in &config.secret_files {
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & READ_BY_EVERYBODY != 0 {
            tracing::warn!(path = %path.display(), "every user of this machine can read this file, which holds a secret: chmod o-rwx it");
        }
    }
}
