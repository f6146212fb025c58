//! Errors of signatures.

pub(super) const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. \
    Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";

/// Why a signature was refused. The messages are those of AWS, and are sent to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request carries no signature.
    #[error("Missing Authentication Token")]
    Missing,
    /// Parts of the signature are missing or malformed.
    #[error("{0}")]
    Incomplete(String),
    /// The signature is complete but wrong.
    #[error("{0}")]
    Invalid(String),
    /// The access key does not exist or is not active.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
}

impl SignatureError {
    /// The name of the exception, whose status is 400 (Amazon ECR Public API reference, "Common errors").
    pub const fn exception(&self) -> &'static str {
        match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Invalid(_) => "InvalidSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
        }
    }

    pub fn mismatch() -> Self {
        Self::Invalid(MISMATCH.to_owned())
    }

    /// Whether the signature is another one than the request should have.
    pub fn is_mismatch(&self) -> bool {
        matches!(self, Self::Invalid(reason) if reason == MISMATCH)
    }

    /// A mismatch, with what is known of its cause.
    pub fn mismatch_because(cause: &str) -> Self {
        Self::Invalid(format!("{MISMATCH} {cause}"))
    }
}
