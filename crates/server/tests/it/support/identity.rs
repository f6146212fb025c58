//! Self-signed certificates, and clients that trust them.

use super::Server;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// A certificate for `localhost`, and the PEM files of it and its key.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    chain_file: String,
    key_file: String,
}

impl Identity {
    /// Writes `chain.pem` and `key.pem`.
    pub(crate) fn write_to(directory: &Path) -> Self {
        Self::write(directory, CertificateParams::new(["localhost".to_owned()]).unwrap())
    }

    /// Writes them with a certificate that expired at the beginning of 2001.
    pub(crate) fn expired(directory: &Path) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
        Self::write(directory, params)
    }

    fn write(directory: &Path, params: CertificateParams) -> Self {
        let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
        let (chain_file, key_file) = (path("chain.pem"), path("key.pem"));
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        std::fs::write(&chain_file, certificate.pem()).unwrap();
        Self { certificate: certificate.der().clone(), chain_file, key_file }
    }

    /// The flags of a server with this certificate.
    pub(crate) fn flags(&self) -> [&str; 4] {
        ["--tls-cert", &self.chain_file, "--tls-key", &self.key_file]
    }

    /// A client that trusts only this certificate.
    pub(crate) fn client(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// Connects, and offers these protocols.
    pub(crate) fn connect(&self, server: &Server, protocols: &[&[u8]]) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(self.client(protocols), name).unwrap();
        Ok(StreamOwned::new(connection, TcpStream::connect(server.address())?))
    }

    /// Sends one request over HTTP/1.1. Fails if the server presents another certificate.
    pub(crate) fn get(&self, server: &Server, path: &str) -> std::io::Result<String> {
        let mut stream = self.connect(server, &[b"http/1.1"])?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost:{}\r\nconnection: close\r\n\r\n", server.address().port());
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
