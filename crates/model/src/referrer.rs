//! Referrers: manifests whose `subject` is another manifest.

/// A manifest that refers to another one with its `subject`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    pub digest: String,
    /// The [descriptor](crate::oci::ReferrerDescriptor) as JSON, composed at the push and copied into listings as it is.
    pub descriptor: String,
}
