//! Checks at start of settings and files that are valid, but give more access or less protection than intended.

use super::failure::Failure;
use crate::config::Config;
use crate::router::emulator;
use roadstead_registry::BlobsPlace;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

/// The permission of other users to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// Warns of settings that are rarely intended.
pub(super) fn warn(config: &Config) {
    if rustix::process::geteuid().is_root() {
        tracing::warn!("the server runs as root but needs no root privileges: run it as a separate user that owns the data directory");
    }
    for network in config.trusted_proxies.iter().filter(|network| network.prefix_len() == 0) {
        tracing::warn!(%network, "--trusted-proxy trusts every peer, so any client can forge its address: list only the addresses of your proxies");
    }
    for path in &config.secret_files {
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
        if mode & READ_BY_OTHERS != 0 {
            tracing::warn!(path = %path.display(), "a file that contains a secret is readable by every user of this machine: run chmod o-rwx on it");
        }
    }
}

/// Says how the certificate authority reaches the server, and warns if it cannot do so directly.
pub(super) fn warn_of_port(config: &Config, address: SocketAddr) {
    if config.acme.domains.is_empty() {
        return;
    }
    let (domains, directory) = (config.acme.domains.join(", "), &config.acme.directory);
    tracing::info!(domains, directory, "the certificate authority connects to port 443 of each domain to issue certificates");
    if address.port() != 443 {
        let port = address.port();
        tracing::warn!(
            port,
            "the server does not listen on port 443: forward port 443 to it without ending TLS, or use --listen 0.0.0.0:443"
        );
    }
}

/// Fails if other machines could reach an emulator, which gives full access to all clients, without a second switch. Must be called
/// before the port opens.
pub(super) async fn refuse_open_emulator(config: &Config) -> Result<(), Failure> {
    if !config.emulator || config.emulator_on_network {
        return Ok(());
    }
    if let Some(reason) = emulator::exposure(config) {
        return Err(Failure::Failed(format!("{reason}: remove it, or add --emulator-on-network")));
    }
    let listen = &config.listen;
    let mut addresses =
        tokio::net::lookup_host(listen).await.map_err(|error| Failure::Failed(format!("cannot listen on {listen}: {error}")))?;
    if addresses.all(|address| address.ip().is_loopback()) {
        return Ok(());
    }
    let reason = format!("--emulator would give full access to every client that can reach {listen}");
    Err(Failure::Failed(format!("{reason}: listen on a loopback address, or add --emulator-on-network")))
}

/// Fails if `--hsts` would never be sent, and so would not protect.
pub(super) fn refuse_idle_hsts(config: &Config) -> Result<(), Failure> {
    if config.hsts.is_none() || config.serves_https() || !config.trusted_proxies.is_empty() {
        return Ok(());
    }
    let reason = "--hsts is sent over HTTPS only, and this server has no HTTPS";
    Err(Failure::Failed(format!("{reason}: set --acme-domain or --tls-cert, or name the HTTPS proxy with --trusted-proxy")))
}

/// Fails if `--ephemeral` would leave data behind, in a database or in a bucket.
pub(super) fn refuse_ephemeral_places(config: &Config) -> Result<(), Failure> {
    let elsewhere = config.places.shared_database().is_some() || config.places.bucket().is_some();
    if !config.ephemeral || !elsewhere {
        return Ok(());
    }
    Err(Failure::Failed("--ephemeral keeps all data in a temporary directory: remove it, or --database and --blobs".to_owned()))
}

/// Fails if there is nothing to redirect clients to.
pub(super) fn refuse_redirects_nowhere(config: &Config) -> Result<(), Failure> {
    match config.places.blobs {
        BlobsPlace::Folder if config.blob_redirect.enabled => {
            Err(Failure::Failed("--blob-redirect needs a bucket that clients can reach: set --blobs s3://…".to_owned()))
        }
        _ => Ok(()),
    }
}
