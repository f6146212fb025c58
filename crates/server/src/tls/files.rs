//! The PEM files of a certificate chain and its private key.

use super::TlsError;
use super::certificate::Certificate;
use crate::config::Config;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The paths of `--tls-cert` and `--tls-key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Inode, size and modification time of both files.
pub(super) type FileStates = [(u64, u64, i64, i64); 2];

impl Files {
    /// Returns the configured files. They are set both or neither.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let (certificate, key) = config.tls_cert.clone().zip(config.tls_key.clone())?;
        Some(Self { certificate, key })
    }

    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<Certificate, TlsError> {
        let chain = chain_in(&self.certificate, &read(&self.certificate)?)?;
        let key = key_in(&self.key, &read(&self.key)?)?;
        Certificate::new(chain, key, provider).map_err(|reason| TlsError::Pair { files: self.clone(), reason })
    }

    /// Changes when one of the files, or the target of a symbolic link, is written or replaced.
    pub(super) fn state(&self) -> io::Result<FileStates> {
        let state = |path: &Path| fs::metadata(path).map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
        Ok([state(&self.certificate)?, state(&self.key)?])
    }
}

fn refuse(path: &Path, reason: String) -> TlsError {
    TlsError::File { path: path.to_owned(), reason }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::PermissionDenied => ": let the user that runs the server read it",
            _ => "",
        };
        refuse(path, format!("cannot be read: {error}{advice}"))
    })
}

fn chain_in(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| refuse(path, format!("is no PEM file: {error}")))?;
    if !chain.is_empty() {
        return Ok(chain);
    }
    let why = match bytes {
        bytes if PrivateKeyDer::from_pem_slice(bytes).is_ok() => ", but a private key: are --tls-cert and --tls-key swapped?".to_owned(),
        // A sequence in DER.
        [0x30, ..] => format!(" in PEM form: convert it with 'openssl x509 -inform der -in {} -out chain.pem'", path.display()),
        _ => ": it needs a block that begins with '-----BEGIN CERTIFICATE-----'".to_owned(),
    };
    Err(refuse(path, format!("holds no certificate{why}")))
}

fn key_in(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let is_encrypted = String::from_utf8_lossy(bytes).contains("ENCRYPTED");
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match is_encrypted {
        true => refuse(path, format!("holds an encrypted private key: decrypt it with 'openssl pkey -in {} -out key.pem'", path.display())),
        false => refuse(path, format!("holds no private key: {error}")),
    })
}
