//! Referrers.

/// A manifest whose `subject` is another manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    pub digest: String,
    /// The [descriptor](crate::oci::ReferrerDescriptor) as JSON, composed at the push and copied into listings unchanged.
    pub descriptor: String,
}
