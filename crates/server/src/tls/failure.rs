//! Why a TLS handshake failed, as far as the server can tell.

use rustls::{AlertDescription, Error};
use std::io::{self, ErrorKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeFailure {
    /// The client does not accept the certificate.
    Untrusted,
    /// Client and server have no version, cipher or protocol in common.
    Incompatible,
    /// There is no certificate yet.
    NoCertificate,
    /// The client sent another alert.
    Alert,
    /// The client speaks plain HTTP.
    PlainHttp,
    /// The client does not speak TLS.
    NotTls,
    /// The client closed the connection.
    Closed,
    /// The client took too long.
    Timeout,
    Other,
}

impl HandshakeFailure {
    pub(crate) const ALL: [Self; 9] = [
        Self::Untrusted,
        Self::Incompatible,
        Self::NoCertificate,
        Self::Alert,
        Self::PlainHttp,
        Self::NotTls,
        Self::Closed,
        Self::Timeout,
        Self::Other,
    ];

    /// The failure that an error of the TLS library stands for.
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::AlertReceived(alert)) => Self::of_alert(*alert),
            Some(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => Self::Incompatible,
            Some(Error::InvalidMessage(_) | Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. }) => {
                Self::NotTls
            }
            Some(_) => Self::Other,
            None if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Self::Closed,
            None => Self::Other,
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        use AlertDescription::{
            BadCertificate, CertificateExpired, CertificateRevoked, CertificateUnknown, HandshakeFailure, ProtocolVersion, UnknownCA,
            UnsupportedCertificate,
        };
        match alert {
            UnknownCA | BadCertificate | CertificateUnknown | CertificateExpired | CertificateRevoked | UnsupportedCertificate => {
                Self::Untrusted
            }
            HandshakeFailure | ProtocolVersion => Self::Incompatible,
            _ => Self::Alert,
        }
    }

    /// The value of the metric's label.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Incompatible => "incompatible",
            Self::NoCertificate => "no_certificate",
            Self::Alert => "alert",
            Self::PlainHttp => "plain_http",
            Self::NotTls => "not_tls",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }

    /// What an operator should know. `None` for what scanners of the Internet cause all the time.
    pub(crate) const fn advice(self) -> Option<&'static str> {
        match self {
            Self::Untrusted => Some(
                "the client does not accept the certificate: it does not know the issuer, asked for another name, or the certificate has expired",
            ),
            Self::Incompatible => Some("client and server have no TLS version, cipher or protocol in common"),
            Self::NoCertificate => Some("there is no certificate yet"),
            Self::PlainHttp => Some("the client sent plain HTTP to a port that speaks HTTPS"),
            Self::Alert | Self::NotTls | Self::Closed | Self::Timeout | Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alerts_of_a_client_that_does_not_trust_the_certificate_are_one_reason() {
        for (alert, reason) in [
            (AlertDescription::UnknownCA, "untrusted"),
            (AlertDescription::BadCertificate, "untrusted"),
            (AlertDescription::CertificateExpired, "untrusted"),
            (AlertDescription::ProtocolVersion, "incompatible"),
            (AlertDescription::InternalError, "alert"),
        ] {
            let error = io::Error::new(ErrorKind::InvalidData, Error::AlertReceived(alert));
            assert_eq!(HandshakeFailure::of(&error).label(), reason, "{alert:?}");
        }
        assert_eq!(HandshakeFailure::of(&ErrorKind::UnexpectedEof.into()), HandshakeFailure::Closed);
        assert_eq!(HandshakeFailure::of(&io::Error::other(Error::NoApplicationProtocol)), HandshakeFailure::Incompatible);
    }

    #[test]
    fn every_reason_has_a_label_of_its_own() {
        let mut labels: Vec<_> = HandshakeFailure::ALL.map(HandshakeFailure::label).to_vec();
        labels.sort_unstable();
        labels.dedup();
        assert_eq!(labels.len(), HandshakeFailure::ALL.len());
    }
}
