//! Errors of operations. Each door maps them to its own codes.

use roadstead_model::catalog_data::LogoError;
use roadstead_model::manifest::ManifestError;
use roadstead_model::name::NameError;
use roadstead_model::resource_tag::ReservedTag;
use roadstead_model::{Digest, RegistryId, RepositoryKey, RepositoryName, Tag};

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed. Only [`Error::Internal`] and [`Error::Unavailable`] carry the text of an internal failure, which the
/// doors log and never send.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No registry has this id or alias.
    #[error("the registry '{0}' does not exist")]
    RegistryNotFound(String),
    /// The registry has no repository of this name.
    #[error(
        "The repository with name '{name}' does not exist in the registry with id '{registry}'",
        name = .0.name, registry = .0.registry
    )]
    RepositoryNotFound(RepositoryKey),
    /// The registry has a repository of this name already.
    #[error(
        "The repository with name '{name}' already exists in the registry with id '{registry}'",
        name = .0.name, registry = .0.registry
    )]
    RepositoryExists(RepositoryKey),
    /// The repository holds images, and the deletion was not forced.
    #[error(
        "The repository with name '{name}' in registry with id '{registry}' cannot be deleted because it still contains images",
        name = .0.name, registry = .0.registry
    )]
    RepositoryNotEmpty(RepositoryKey),
    /// The repository has no image of this digest or tag.
    #[error(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{name}' in the registry with id '{registry}'",
        or_null(.digest), or_null(.tag), name = .repository.name, registry = .repository.registry
    )]
    ImageNotFound {
        /// The repository.
        repository: RepositoryKey,
        /// The digest that was asked for.
        digest: Option<String>,
        /// The tag that was asked for.
        tag: Option<String>,
    },
    /// The repository holds this very image already, under this very tag.
    #[error(
        "Image with digest '{digest}' and tag '{}' already exists in the repository with name '{name}' in registry with id '{registry}'",
        or_null(.tag), name = .repository.name, registry = .repository.registry
    )]
    ImageExists {
        /// The repository.
        repository: RepositoryKey,
        /// The digest of the image.
        digest: Digest,
        /// The tag that it was to get.
        tag: Option<String>,
    },
    /// The conditions of a conditional push did not hold (RFC 9110, section 13).
    #[error("the tag does not point at the expected manifest")]
    PreconditionFailed,
    /// A manifest needs blobs that the repository does not hold.
    #[error(
        "Layers with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist",
        joined(.digests), name = .repository.name, registry = .repository.registry
    )]
    LayersNotFound {
        /// The repository.
        repository: RepositoryKey,
        /// The absent blobs.
        digests: Vec<Digest>,
    },
    /// An index lists content that the repository does not hold.
    #[error(
        "Images with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist",
        joined(.digests), name = .repository.name, registry = .repository.registry
    )]
    ReferencedImagesNotFound {
        /// The repository.
        repository: RepositoryKey,
        /// The absent children.
        digests: Vec<Digest>,
    },
    /// The pushed manifest does not have the digest that the client named.
    #[error(
        "The image with digest '{expected}' in repository '{name}' and registry ID '{registry}' does not match the image digest that Amazon ECR has calculated.",
        name = .repository.name, registry = .repository.registry
    )]
    ManifestDigestMismatch {
        /// The repository.
        repository: RepositoryKey,
        /// The digest that the client named.
        expected: Digest,
    },
    /// The pushed bytes do not have the digest that the client named.
    #[error("the content has the digest '{computed}', not '{expected}'")]
    LayerDigestMismatch {
        /// The digest that the client named.
        expected: Digest,
        /// The digest of what arrived.
        computed: Digest,
    },
    /// The bytes are no manifest.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    /// The repository holds these very bytes as another media type.
    #[error("the repository holds the manifest '{digest}' as '{media_type}': push it as that, or delete it first")]
    MediaTypeFixed {
        /// The digest of the manifest.
        digest: Digest,
        /// What it was pushed as first.
        media_type: String,
    },
    /// What was named one by one does not fit into an answer.
    #[error("what is named takes more than {maximum} bytes: name less at a time")]
    AnswerTooLarge {
        /// The most bytes of an answer.
        maximum: usize,
    },
    /// The manifest is larger than 4 MiB.
    #[error("the manifest is larger than 4194304 bytes")]
    ManifestTooLarge,
    /// The repository does not hold this blob.
    #[error("the repository does not hold the blob '{0}'")]
    LayerNotFound(Digest),
    /// No upload session has this id in this repository.
    #[error(
        "Upload with id '{id}' could not be found for the repository with name '{name}' in the registry with id '{registry}'",
        name = .repository.name, registry = .repository.registry
    )]
    UploadNotFound {
        /// The repository.
        repository: RepositoryKey,
        /// The id that was asked for.
        id: String,
    },
    /// A part does not start where the session stands.
    #[error("the part does not start at byte {received}, where the upload stands")]
    LayerPartInvalid {
        /// The repository.
        repository: RepositoryKey,
        /// The session.
        id: String,
        /// How many bytes the session holds: the next part starts at this offset.
        received: u64,
    },
    /// Another request is writing to the session, or has taken it over.
    #[error("another request is writing to the upload, which stands at byte {received}")]
    UploadBusy {
        /// The repository.
        repository: RepositoryKey,
        /// The session.
        id: String,
        /// How many bytes the session holds, or will hold if the other request ends now.
        received: u64,
    },
    /// The account or the repository has as many unfinished uploads as it may have; that passes.
    #[error("{} already has the maximum allowed number of unfinished uploads which is '{limit}'", holder(.registry, .name))]
    TooManyUploads {
        /// The account's registry.
        registry: RegistryId,
        /// The repository, if it is its own limit that is reached.
        name: Option<RepositoryName>,
        /// The limit.
        limit: u64,
    },
    /// A part but the last is smaller than the session's minimum.
    #[error("All layer parts except the last part should be at least 5MB")]
    LayerPartTooSmall,
    /// Nothing was uploaded to a session that has to receive something.
    #[error(
        "The upload with id '{id}' for the repository with name '{name}' in the registry with id '{registry}' has received no layer part",
        name = .repository.name, registry = .repository.registry
    )]
    UploadEmpty {
        /// The repository.
        repository: RepositoryKey,
        /// The session.
        id: String,
    },
    /// The repository holds this layer already.
    #[error(
        "The layer with digest '{digest}' already exists in the repository with name '{name}' in registry with id '{registry}'",
        name = .repository.name, registry = .repository.registry
    )]
    LayerExists {
        /// The repository.
        repository: RepositoryKey,
        /// The layer.
        digest: Digest,
    },
    /// The repository has no policy.
    #[error(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry}'",
        name = .0.name, registry = .0.registry
    )]
    PolicyNotFound(RepositoryKey),
    /// A policy document is malformed, or names a principal that does not exist; the text says which, for the log and the command line.
    #[error("invalid policy: {0}")]
    PolicyInvalid(String),
    /// The policy would keep its author from ever changing it again.
    #[error("the policy would lock its author out")]
    PolicyLocksOut,
    /// A logo is not acceptable.
    #[error(transparent)]
    LogoInvalid(#[from] LogoError),
    /// A resource tag's key or value is reserved or malformed.
    #[error(transparent)]
    ResourceTagInvalid(#[from] ReservedTag),
    /// A repository would have more resource tags than allowed.
    #[error(
        "The repository with name '{name}' in registry with id '{registry}' would have more than the maximum allowed number of resource tags which is '{limit}'",
        name = .repository.name, registry = .repository.registry
    )]
    TooManyResourceTags {
        /// The repository.
        repository: RepositoryKey,
        /// The quota.
        limit: u64,
    },
    /// A blob is larger than the limit.
    #[error("The layer is larger than the maximum allowed size which is '{maximum}' bytes")]
    LayerTooLarge {
        /// The limit in bytes.
        maximum: u64,
    },
    /// A name is not well formed.
    #[error("{reason}")]
    NameInvalid {
        /// The name's member in a request.
        member: &'static str,
        /// What is wrong with it.
        reason: NameError,
    },
    /// An account, an alias, a user or a key of this name is there already; the text is for the operator.
    #[error("{0}")]
    AlreadyExists(String),
    /// A principal does not exist; the text is for the operator.
    #[error("{0}")]
    PrincipalNotFound(String),
    /// An account, an alias, a user or a key cannot be as the operator wants it; the text says why, and what to do instead.
    #[error("{0}")]
    Refused(String),
    /// A quota is spent.
    #[error("{0}")]
    LimitExceeded(String),
    /// Something that stays refers to what was to be deleted.
    #[error("'{digest}' is still needed by '{needed_by}'")]
    StillNeeded {
        /// What was to be deleted.
        digest: Digest,
        /// The manifest that needs it.
        needed_by: Digest,
    },
    /// The client stopped sending, or its connection failed.
    #[error("the request body ended early")]
    BodyIncomplete,
    /// The storage cannot serve now: the disk is full, or input and output fail.
    #[error("the storage is unavailable: {0}")]
    Unavailable(String),
    /// A defect.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// An image that is not there, by its tag.
    pub fn tag_not_found(repository: &RepositoryKey, tag: &Tag) -> Self {
        Self::ImageNotFound { repository: repository.clone(), digest: None, tag: Some(tag.to_string()) }
    }

    /// An image that is not there, by its digest.
    pub fn digest_not_found(repository: &RepositoryKey, digest: &Digest) -> Self {
        Self::ImageNotFound { repository: repository.clone(), digest: Some(digest.to_string()), tag: None }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

fn holder(registry: &RegistryId, name: &Option<RepositoryName>) -> String {
    match name {
        Some(name) => format!("The repository with name '{name}' in the registry with id '{registry}'"),
        None => format!("The registry with id '{registry}'"),
    }
}

fn or_null(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or("null")
}

/// How many digests a message names at most.
const NAMED: usize = 50;

fn joined(digests: &[Digest]) -> String {
    let named = digests.iter().take(NAMED).map(Digest::as_str).collect::<Vec<_>>().join(", ");
    if digests.len() > NAMED { format!("{named} and {} more", digests.len() - NAMED) } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::Algorithm;

    #[test]
    fn a_message_names_the_first_digests_and_counts_the_others() {
        let digests: Vec<_> = (0..52_u8).map(|number| Digest::of(Algorithm::Sha256, &[number])).collect();
        let text = joined(&digests);
        assert!(text.starts_with(digests[0].as_str()) && text.ends_with(&format!("{} and 2 more", digests[49])), "{text}");
        assert_eq!(joined(&digests[..2]), format!("{}, {}", digests[0], digests[1]));
    }
}
