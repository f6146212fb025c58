//! The settings of certificates that an authority issues by itself (ACME, RFC 8555).

use super::origin;
use std::path::PathBuf;

/// What certificates are ordered, and where.
#[derive(Debug, Clone, Default)]
pub struct AcmeConfig {
    /// The domains to have a certificate for. None if empty.
    pub domains: Vec<String>,
    /// The address that the authority may write to.
    pub email: Option<String>,
    /// The URL of the authority's directory.
    pub directory: String,
    /// The certificates of the authorities that the directory is trusted by, instead of those of the system.
    pub ca_file: Option<PathBuf>,
}

impl AcmeConfig {
    /// Adds a domain. One that is named twice still has one certificate.
    pub(super) fn add_domain(&mut self, text: &str) -> Result<(), String> {
        let domain = domain(text)?;
        if !self.domains.contains(&domain) {
            self.domains.push(domain);
        }
        Ok(())
    }
}

/// A domain that the challenge TLS-ALPN-01 can validate: no address and no wildcard.
fn domain(text: &str) -> Result<String, String> {
    let domain = text.to_ascii_lowercase();
    let is_label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_domain = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label);
    match is_domain && domain.parse::<std::net::Ipv4Addr>().is_err() {
        true => Ok(domain),
        false if domain.starts_with("*.") => {
            Err(format!("'{text}' is a wildcard, which needs access to the DNS: name each domain, or use --tls-cert"))
        }
        false => Err(format!("'{text}' is not a domain such as registry.example.org")),
    }
}

pub(super) fn email(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;<>?&\"".contains(&byte));
    match text.split_once('@') {
        Some((user, host)) if is_plain && !user.is_empty() && !host.is_empty() && !host.contains('@') => Ok(text.to_owned()),
        _ => Err(format!("'{text}' is not an e-mail address")),
    }
}

pub(super) fn directory(text: &str) -> Result<String, String> {
    let is_url = text.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_url { Ok(text.to_owned()) } else { Err(origin::refusal(text, "a URL that begins with https://")) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;

    fn refusal(flags: &[&str]) -> String {
        config(flags, &[]).unwrap_err()
    }

    #[test]
    fn a_domain_is_one_that_an_authority_can_validate_by_connecting_to_it() {
        let domains = config(&["--acme-domain", "Registry.Example.org", "--acme-domain=b.example.org,registry.example.org"], &[]);
        assert_eq!(domains.unwrap().acme.domains, ["registry.example.org", "b.example.org"]);
        for text in
            ["localhost", "192.0.2.1", "a_b.example", "-a.example", "example.org.", "https://example.org", "example.org:443", "exämple.org"]
        {
            let expected = format!("--acme-domain: '{text}' is not a domain such as registry.example.org");
            assert_eq!(refusal(&[&format!("--acme-domain={text}")]), expected);
        }
        let wildcard = refusal(&["--acme-domain=*.example.org"]);
        assert_eq!(
            wildcard,
            "--acme-domain: '*.example.org' is a wildcard, which needs access to the DNS: name each domain, or use --tls-cert"
        );
    }

    #[test]
    fn an_email_and_a_directory_have_their_form() {
        assert_eq!(refusal(&["--acme-email", "ops"]), "--acme-email: 'ops' is not an e-mail address");
        assert!(refusal(&["--acme-email", "ops@example.org?subject=x"]).ends_with("is not an e-mail address"));
        assert!(refusal(&["--acme-directory", "http://ca.example/dir"]).ends_with("is not a URL that begins with https://"));
    }
}
