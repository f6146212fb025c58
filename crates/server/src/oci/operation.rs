//! The operations of this door (OCI distribution specification, "Endpoints").

use super::listing::Listing;
use crate::http::OperationClass;
use roadstead_model::digest::DigestError;
use roadstead_model::name::NameError;
use roadstead_model::tag::{ReferenceError, TagError};
use roadstead_model::{Algorithm, Digest, Reference, RegistryAlias, RepositoryName, Tag};
use std::fmt;

/// The maximum number of `?tag=` in a push. The specification requires at least ten, and 414 beyond the limit ("Pushing
/// Manifests").
pub(super) const MAXIMUM_TAGS: usize = 100;

/// The target of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Pull(Place, Content),
    Other(Endpoint),
}

/// The content of a pull. HEAD is a pull without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// end-3
    Manifest(Reference),
    /// end-2
    Blob(Digest),
}

/// The target of a request other than a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/v2/` (end-1).
    Version,
    /// `/v2/_catalog`.
    Catalog(Listing),
    /// `/v2/_oci/ext/discover`.
    Extensions,
    Repository(Place, Operation),
}

/// `<alias>/<repository>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) alias: RegistryAlias,
    pub(super) repository: RepositoryName,
}

/// An operation on a repository other than a pull. A HEAD is the GET of the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// end-7
    PutManifest {
        reference: Reference,
        /// From `?tag=`, without duplicates.
        tags: Vec<Tag>,
    },
    /// end-9
    DeleteManifest(Reference),
    /// end-10
    DeleteBlob(Digest),
    /// end-4a, end-4c
    StartUpload(Option<Algorithm>),
    /// end-4b
    PushBlob(Digest),
    /// end-11
    MountBlob {
        digest: Digest,
        /// The source repository, or `None` for any.
        from: Option<Place>,
    },
    /// end-13
    GetUpload(String),
    /// end-5
    AppendUpload(String),
    /// end-6
    CompleteUpload { id: String, digest: Digest },
    /// end-14
    CancelUpload(String),
    /// end-8
    ListTags(Listing),
    /// end-12
    ListReferrers {
        subject: Digest,
        /// Lists this type only.
        artifact_type: Option<String>,
        listing: Listing,
    },
}

/// Why a request was not routed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RouteError {
    /// No endpoint has this path.
    #[error("there is no such endpoint")]
    UnknownPath,
    /// The endpoint does not support the method, but those in `allow`.
    #[error("this method is not supported here: use {allow}")]
    UnknownMethod { allow: &'static str },
    /// The name has only one segment, which is the most common mistake.
    #[error("repositories live under a registry alias")]
    NoAlias(String),
    /// The alias or the repository name is malformed.
    #[error("the name '{name}' is not valid: {part} {reason}")]
    Name { name: String, part: &'static str, reason: NameError },
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error(transparent)]
    Tag(#[from] TagError),
    #[error("a push may name {MAXIMUM_TAGS} tags at most")]
    TooManyTags,
    /// A closing PUT without `?digest=`.
    #[error("the parameter 'digest' is missing")]
    NoDigest,
    /// `n` is not a whole number.
    #[error("the parameter 'n' must be a whole number")]
    PageSize,
}

impl From<ReferenceError> for RouteError {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Digest(error) => Self::Digest(error),
            ReferenceError::Tag(error) => Self::Tag(error),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.alias, self.repository)
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(reference) => reference.fmt(f),
            Self::Blob(digest) => digest.fmt(f),
        }
    }
}

impl Content {
    pub(super) fn class(&self) -> OperationClass {
        match self {
            Self::Manifest(_) => OperationClass::ManifestRead,
            Self::Blob(_) => OperationClass::BlobRead,
        }
    }
}

impl Endpoint {
    pub(super) fn class(&self) -> OperationClass {
        match self {
            Self::Version | Self::Extensions => OperationClass::OciOther,
            Self::Catalog(_) => OperationClass::Catalog,
            Self::Repository(_, operation) => operation.class(),
        }
    }
}

impl Operation {
    fn class(&self) -> OperationClass {
        match self {
            Self::PutManifest { .. } | Self::DeleteManifest(_) => OperationClass::ManifestWrite,
            Self::PushBlob(_) | Self::MountBlob { .. } | Self::DeleteBlob(_) => OperationClass::BlobWrite,
            Self::StartUpload(_) | Self::GetUpload(_) | Self::AppendUpload(_) | Self::CompleteUpload { .. } | Self::CancelUpload(_) => {
                OperationClass::Upload
            }
            Self::ListTags(_) => OperationClass::Tags,
            Self::ListReferrers { .. } => OperationClass::Referrers,
        }
    }
}

impl Place {
    /// Parses `<alias>/<repository>`.
    pub(super) fn parse(name: &str) -> Result<Self, RouteError> {
        let (alias, repository) = name.split_once('/').ok_or_else(|| RouteError::NoAlias(shortened(name)))?;
        let invalid = |part| move |reason| RouteError::Name { name: shortened(name), part, reason };
        Ok(Self {
            alias: RegistryAlias::parse(alias).map_err(invalid("the registry alias"))?,
            repository: RepositoryName::parse(repository).map_err(invalid("the repository name"))?,
        })
    }
}

/// Returns the beginning of a name, to keep messages readable.
fn shortened(text: &str) -> String {
    text.chars().take(255).collect()
}
