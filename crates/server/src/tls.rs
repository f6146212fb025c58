//! The TLS certificate and key of the server, reloaded when the files change.

use crate::config::{Config, ConfigError, Place};
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// ALPN protocols by preference (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// The ALPN name of HTTP/2.
pub(crate) const HTTP2: &[u8] = b"h2";
/// How often the files are checked: tools that renew certificates do not notify the server.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// The PEM files of a certificate chain and its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// `reason` completes the sentence that the path begins.
    #[error("'{}' {reason}", path.display())]
    File { path: PathBuf, reason: String },
    /// The key belongs to another certificate, or is of an unsupported kind.
    #[error("the certificate in '{}' and the key in '{}' cannot be used together: {reason}", files.certificate.display(), files.key.display())]
    Pair { files: Files, reason: rustls::Error },
}

impl Files {
    /// Returns the configured files. Fails if only one is set.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, ConfigError> {
        let missing = |absent: &str, present: &str| {
            let reason = format!("is not set, but --{present} is: set both or neither");
            Err(ConfigError { place: Place::Flag(absent.to_owned()), reason })
        };
        match (&config.tls_cert, &config.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some(Self { certificate: certificate.clone(), key: key.clone() })),
            (None, None) => Ok(None),
            (Some(_), None) => missing("tls-key", "tls-cert"),
            (None, Some(_)) => missing("tls-cert", "tls-key"),
        }
    }

    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let refuse = |path: &Path, reason: String| TlsError::File { path: path.to_owned(), reason };
        let read = |path: &Path| fs::read(path).map_err(|error| refuse(path, format!("cannot be read: {error}")));
        let chain = CertificateDer::pem_slice_iter(&read(&self.certificate)?).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| refuse(&self.certificate, format!("is no PEM file: {error}")))?;
        if chain.is_empty() {
            return Err(refuse(&self.certificate, "holds no certificate".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?);
        let key = key.map_err(|error| refuse(&self.key, format!("holds no private key: {error}")))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|reason| TlsError::Pair { files: self.clone(), reason })
    }

    /// Changes when one of the files, or the target of a symbolic link, is written or replaced.
    fn state(&self) -> io::Result<FileStates> {
        let state = |path: &Path| fs::metadata(path).map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
        Ok([state(&self.certificate)?, state(&self.key)?])
    }
}

/// Inode, size and modification time of both files.
type FileStates = [(u64, u64, i64, i64); 2];

/// Accepts TLS connections with the current certificate.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    files: Files,
    provider: Arc<CryptoProvider>,
    current: Arc<Current>,
    /// The state of the files just before they were read.
    loaded: Option<FileStates>,
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

impl Tls {
    pub(crate) fn load(files: Files) -> Result<Self, TlsError> {
        let loaded = files.state().ok();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let current = Arc::new(Current(RwLock::new(Arc::new(files.load(&provider)?))));
        let versions = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = versions.map_err(|reason| TlsError::Pair { files: files.clone(), reason })?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self { acceptor: Arc::new(config).into(), files, provider, current, loaded })
    }

    /// Reloads the files whenever they have changed. If they do not match, as between the writes of one and the other, the current
    /// certificate remains in use. Never returns.
    pub(crate) async fn follow_files(&self) {
        let mut seen = self.loaded;
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            // Two stat calls every few seconds are not worth a blocking thread.
            let Ok(state) = self.files.state() else { continue };
            if seen == Some(state) {
                continue;
            }
            seen = Some(state);
            match self.files.load(&self.provider) {
                Ok(key) => {
                    *self.current.0.write() = Arc::new(key);
                    tracing::info!(certificate = %self.files.certificate.display(), "the certificate was renewed");
                }
                Err(error) => tracing::warn!(%error, "the new certificate cannot be used: the old one stays in use"),
            }
        }
    }
}
