//! What a request can ask of this door (OCI distribution specification, "Endpoints").

use super::listing::Listing;
use roadstead_model::digest::DigestError;
use roadstead_model::name::NameError;
use roadstead_model::tag::{ReferenceError, TagError};
use roadstead_model::{Algorithm, Digest, Reference, RegistryAlias, RepositoryName, Tag};
use std::fmt;

/// How many `?tag=` a push may have. The specification wants ten at least, and 414 for too many ("Pushing Manifests").
pub(super) const MAXIMUM_TAGS: usize = 100;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Content of a repository.
    Pull(Place, Content),
    /// Anything else.
    Other(Endpoint),
}

/// What a pull asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// end-3
    Manifest(Reference),
    /// end-2
    Blob(Digest),
}

/// What a request asks for that is not a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/v2/` (end-1).
    Version,
    /// `/v2/_catalog`.
    Catalog(Listing),
    /// `/v2/_oci/ext/discover`.
    Extensions,
    /// Everything else about one repository.
    Repository(Place, Operation),
}

/// `<alias>/<repository>`: where a repository is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The registry's public first path segment.
    pub(super) alias: RegistryAlias,
    /// The name within the registry.
    pub(super) repository: RepositoryName,
}

/// What is done to a repository. A HEAD is the GET of the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// end-7
    PutManifest {
        /// What the path says.
        reference: Reference,
        /// The further tags of `?tag=`, each once.
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
        /// The blob.
        digest: Digest,
        /// The repository to take it from; none for any.
        from: Option<Place>,
    },
    /// end-13
    GetUpload(String),
    /// end-5
    AppendUpload(String),
    /// end-6
    CompleteUpload {
        /// The session.
        id: String,
        /// What its content must be.
        digest: Digest,
    },
    /// end-14
    CancelUpload(String),
    /// end-8
    ListTags(Listing),
    /// end-12
    ListReferrers {
        /// What they refer to.
        subject: Digest,
        /// Only those of this type.
        artifact_type: Option<String>,
        /// Which part.
        listing: Listing,
    },
}

/// Why a request asks for nothing that exists.
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
    /// The repository's name has one segment: everybody's first mistake.
    #[error("repositories live under a registry alias")]
    NoAlias(String),
    /// The alias or the repository's name is not well formed.
    #[error("the name '{name}' is not valid: {part} {reason}")]
    Name {
        /// The whole name.
        name: String,
        /// Which part of it.
        part: &'static str,
        /// What is wrong with it.
        reason: NameError,
    },
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

/// A name of the client's that goes into a message: its beginning only, so that a message stays readable.
fn shortened(text: &str) -> String {
    text.chars().take(255).collect()
}
