//! Referrers: manifests whose subject is another one.

/// A manifest that refers to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: String,
    /// Its [descriptor](crate::oci::ReferrerDescriptor) as JSON, composed when it was pushed: listings only pass it on.
    pub descriptor: String,
}
