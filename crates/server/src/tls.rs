//! HTTPS: the certificates of the server, and why handshakes fail.
//!
//! A certificate is read from files, which are read again when they change, or an authority issues it (ACME, RFC 8555). Then it is in
//! the database, and so are the answers to the authority's challenges, which it may ask any replica for.

mod certificate;
mod challenge;
mod failure;
mod failure_log;
mod files;
mod served;

pub(crate) use certificate::Certificate;
pub(crate) use failure::HandshakeFailure;

use crate::config::Config;
use challenge::Challenges;
use failure_log::FailureLog;
use files::{FileStates, Files};
use roadstead_registry::Installation;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::Acceptor;
use served::Served;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// ALPN protocols by preference (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// The ALPN name of HTTP/2.
pub(crate) const HTTP2: &[u8] = b"h2";
/// How often the files are checked: tools that renew certificates do not notify the server.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// `reason` completes the sentence that the path begins.
    #[error("'{}' {reason}", path.display())]
    File { path: PathBuf, reason: String },
    /// The key belongs to another certificate, or is of an unsupported kind.
    #[error("the certificate in '{}' and the key in '{}' cannot be used together: {reason}", files.certificate.display(), files.key.display())]
    Pair { files: Files, reason: String },
    /// The TLS library refuses the configuration.
    #[error("cannot set up TLS: {0}")]
    Library(#[from] rustls::Error),
}

/// A failed handshake.
#[derive(Debug)]
pub(crate) struct HandshakeError {
    pub(crate) failure: HandshakeFailure,
    pub(crate) error: Option<io::Error>,
}

/// Accepts TLS connections with the current certificates.
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    provider: Arc<CryptoProvider>,
    served: Arc<Served>,
    source: Source,
    pub(crate) failures: FailureLog,
}

/// Where the certificates come from.
enum Source {
    Files {
        files: Files,
        /// Their state just before they were read.
        loaded: Option<FileStates>,
    },
    Authority(Challenges),
}

impl Tls {
    /// TLS as configured. `None` if connections are plain.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let served = Arc::new(Served::default());
        let source = match Files::of(config) {
            Some(files) => {
                let loaded = files.state().ok();
                served.replace_all(files.load(&provider)?);
                Source::Files { files, loaded }
            }
            None if config.acme.domains.is_empty() => return Ok(None),
            None => Source::Authority(Challenges::of(config.acme.domains.clone())),
        };
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(served.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Some(Self { config: Arc::new(config), provider, served, source, failures: FailureLog::default() }))
    }

    /// Performs a handshake. Returns `None` for that of an authority which validates that this server answers for a domain.
    pub(crate) async fn accept<S>(&self, stream: S, installation: &Installation) -> Result<Option<TlsStream<S>>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let failed = |error: io::Error| match HandshakeFailure::of(&error) {
            HandshakeFailure::Other if self.served.is_empty() => {
                HandshakeError { failure: HandshakeFailure::NoCertificate, error: Some(error) }
            }
            failure => HandshakeError { failure, error: Some(error) },
        };
        let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await.map_err(failed)?;
        let answer = match &self.source {
            Source::Authority(challenges) => challenges.answer(&handshake.client_hello(), installation, &self.provider).await,
            Source::Files { .. } => None,
        };
        if let Some(answer) = answer {
            let mut validated = handshake.into_stream(answer).await.map_err(failed)?;
            // The authority has seen what it wants, and may be gone.
            let _ = validated.shutdown().await;
            return Ok(None);
        }
        handshake.into_stream(self.config.clone()).await.map(Some).map_err(failed)
    }

    /// The certificates in use.
    pub(crate) fn certificates(&self) -> Vec<Certificate> {
        self.served.all()
    }

    pub(crate) fn certificate_for(&self, domain: &str) -> Option<Certificate> {
        self.served.of(domain).map(|(_, certificate)| certificate)
    }

    /// The number of the certificate in use among those issued for a domain.
    pub(crate) fn number_for(&self, domain: &str) -> Option<u64> {
        self.served.of(domain).map(|(number, _)| number)
    }

    /// Serves a certificate for a domain from now on.
    pub(crate) fn serve_for(&self, domain: &str, number: u64, certificate: Certificate) {
        self.served.put(domain, number, certificate);
    }

    /// Reads a chain and its key, all in PEM form. Fails with the end of a sentence.
    pub(crate) fn read(&self, pem: &[u8]) -> Result<Certificate, String> {
        Certificate::of_pem(pem, &self.provider)
    }

    /// Reloads the files whenever they have changed, and calls `changed` each time. If they do not match, as between the writes of one
    /// and the other, the current certificate remains in use. Never returns if there are files.
    pub(crate) async fn follow_files(&self, changed: impl Fn()) {
        let Source::Files { files, loaded } = &self.source else { return };
        let mut seen = *loaded;
        loop {
            tokio::time::sleep(CHECK_INTERVAL).await;
            // Two stat calls every few seconds are not worth a blocking thread.
            let Ok(state) = files.state() else { continue };
            if seen == Some(state) {
                continue;
            }
            seen = Some(state);
            match files.load(&self.provider) {
                Ok(certificate) => {
                    self.served.replace_all(certificate);
                    tracing::info!(certificate = %files.certificate.display(), "the certificate was renewed");
                    changed();
                }
                Err(error) => tracing::warn!(%error, "the new certificate cannot be used: the old one stays in use"),
            }
        }
    }
}
