//! What the settings of certificates mean together.

use super::place::{ConfigError, Place};
use super::settings::Config;

impl Config {
    /// Fails if what is set about certificates does not fit together.
    pub(crate) fn refuse_half_certificates(&self) -> Result<(), ConfigError> {
        let refuse = |flag: &str, reason: &str| Err(ConfigError { place: Place::Flag(flag.to_owned()), reason: reason.to_owned() });
        let orders = !self.acme.domains.is_empty();
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), None) => refuse("tls-key", "is not set, but --tls-cert is: set both or neither"),
            (None, Some(_)) => refuse("tls-cert", "is not set, but --tls-key is: set both or neither"),
            (Some(_), Some(_)) if orders => refuse("acme-domain", "cannot be set together with --tls-cert: remove one of them"),
            _ if !orders && self.acme.email.is_some() => refuse("acme-domain", "is not set, but --acme-email is: name the domain"),
            _ if !orders && self.acme.ca_file.is_some() => refuse("acme-domain", "is not set, but --acme-ca-file is: name the domain"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;

    #[test]
    fn certificates_come_from_files_or_from_an_authority() {
        let files = ["--tls-cert=chain.pem", "--tls-key=key.pem"];
        let both = [files[0], files[1], "--acme-domain=registry.example.org"];
        for (flags, reason) in [
            (&both[..], "--acme-domain: cannot be set together with --tls-cert: remove one of them"),
            (&files[..1], "--tls-key: is not set, but --tls-cert is: set both or neither"),
            (&files[1..], "--tls-cert: is not set, but --tls-key is: set both or neither"),
            (&["--acme-email=ops@example.org"], "--acme-domain: is not set, but --acme-email is: name the domain"),
            (&["--acme-ca-file=ca.pem"], "--acme-domain: is not set, but --acme-ca-file is: name the domain"),
        ] {
            assert_eq!(config(flags, &[]).unwrap().refuse_half_certificates().unwrap_err().to_string(), reason);
        }
        for flags in [&files[..], &both[2..], &["--acme-domain=a.example", "--acme-email=ops@example.org"], &[]] {
            assert!(config(flags, &[]).unwrap().refuse_half_certificates().is_ok());
        }
    }
}
