//! What a request can ask of this door (OCI distribution specification, "Endpoints").

use super::listing::Listing;
use roadstead_model::digest::DigestError;
use roadstead_model::name::NameError;
use roadstead_model::tag::{ReferenceError, TagError};
use roadstead_model::{Algorithm, Digest, Reference, RegistryAlias, RepositoryName, Tag};
use std::fmt;

/// How many `?tag=` a push may have. The specification requires at least ten, and 414 beyond the limit ("Pushing Manifests").
pub(super) const MAXIMUM_TAGS: usize = 100;

/// What a request asks for, a pull or anything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Pull(Place, Content),
    Other(Endpoint),
}

/// What a pull reads. HEAD is a pull without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// end-3
    Manifest(Reference),
    /// end-2
    Blob(Digest),
}

/// Any other request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/v2/` (end-1).
    Version,
    /// `/v2/_catalog`.
    Catalog(Listing),
    /// `/v2/_oci/ext/discover`.
    Extensions,
    /// Any other operation on a repository.
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
        /// The source repository; none for any.
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
        /// Lists only this type.
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
    /// The endpoint exists, but not with this method.
    #[error("this method is not supported here: use {allow}")]
    UnknownMethod {
        /// The methods that are.
        allow: &'static str,
    },
    /// The name has one segment, the most common mistake.
    #[error("repositories live under a registry alias")]
    NoAlias(String),
    /// The alias or the repository name is malformed.
    #[error("the name '{name}' is not valid: {part} {reason}")]
    Name { name: String, part: &'static str, reason: NameError },
    /// A digest is malformed or of an unknown algorithm.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A tag is malformed.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// More tags than one push may have.
    #[error("a push may name {MAXIMUM_TAGS} tags at most")]
    TooManyTags,
    /// A closing PUT without `?digest=`.
    #[error("the parameter 'digest' is missing")]
    NoDigest,
    /// `n` is no whole number.
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

impl Place {
    /// Reads `<alias>/<repository>`.
    pub(super) fn parse(name: &str) -> Result<Self, RouteError> {
        let (alias, repository) = name.split_once('/').ok_or_else(|| RouteError::NoAlias(shortened(name)))?;
        let invalid = |part| move |reason| RouteError::Name { name: shortened(name), part, reason };
        Ok(Self {
            alias: RegistryAlias::parse(alias).map_err(invalid("the registry alias"))?,
            repository: RepositoryName::parse(repository).map_err(invalid("the repository name"))?,
        })
    }
}

/// The beginning of a name, to keep messages readable.
fn shortened(text: &str) -> String {
    text.chars().take(255).collect()
}
