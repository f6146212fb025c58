//! Errors of operations. Each protocol maps them to its own codes.

use roadstead_model::catalog_data::LogoError;
use roadstead_model::manifest::ManifestError;
use roadstead_model::name::NameError;
use roadstead_model::resource_tag::ReservedTag;
use roadstead_model::{Digest, RegistryId, RepositoryKey, RepositoryName, Tag};

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed. Only [`Error::Internal`] and [`Error::Unavailable`] contain internal details, which are logged and never
/// sent to clients.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No registry has this id or alias.
    #[error("the registry '{0}' does not exist")]
    RegistryNotFound(String),
    /// The registry has no repository with this name.
    #[error(
        "The repository with name '{name}' does not exist in the registry with id '{registry}'",
        name = .0.name, registry = .0.registry
    )]
    RepositoryNotFound(RepositoryKey),
    /// The registry already has a repository with this name.
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
    /// The repository has no image with this digest or tag.
    #[error(
        "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{name}' in the registry with id '{registry}'",
        or_null(.digest), or_null(.tag), name = .repository.name, registry = .repository.registry
    )]
    ImageNotFound { repository: RepositoryKey, digest: Option<String>, tag: Option<String> },
    /// The repository already has this image with this tag.
    #[error(
        "Image with digest '{digest}' and tag '{}' already exists in the repository with name '{name}' in registry with id '{registry}'",
        or_null(.tag), name = .repository.name, registry = .repository.registry
    )]
    ImageExists { repository: RepositoryKey, digest: Digest, tag: Option<String> },
    /// The condition of a conditional push does not hold (RFC 9110, section 13).
    #[error("the tag does not point at the expected manifest")]
    PreconditionFailed,
    /// A manifest references blobs that the repository does not hold.
    #[error(
        "Layers with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist",
        joined(.digests), name = .repository.name, registry = .repository.registry
    )]
    LayersNotFound { repository: RepositoryKey, digests: Vec<Digest> },
    /// An index lists manifests that the repository does not hold.
    #[error(
        "Images with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{registry}' do not exist",
        joined(.digests), name = .repository.name, registry = .repository.registry
    )]
    ReferencedImagesNotFound { repository: RepositoryKey, digests: Vec<Digest> },
    /// The pushed manifest does not have the expected digest.
    #[error(
        "The image with digest '{expected}' in repository '{name}' and registry ID '{registry}' does not match the image digest that Amazon ECR has calculated.",
        name = .repository.name, registry = .repository.registry
    )]
    ManifestDigestMismatch { repository: RepositoryKey, expected: Digest },
    /// The pushed blob does not have the expected digest.
    #[error("the content has the digest '{computed}', not '{expected}'")]
    LayerDigestMismatch { expected: Digest, computed: Digest },
    /// The manifest is malformed.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    /// The repository already has this manifest with another media type.
    #[error("the repository holds the manifest '{digest}' as '{media_type}': push it as that, or delete it first")]
    MediaTypeFixed {
        digest: Digest,
        /// The stored media type.
        media_type: String,
    },
    /// The answer about the requested items exceeds the maximum size in bytes.
    #[error("what is named takes more than {maximum} bytes: name less at a time")]
    AnswerTooLarge { maximum: usize },
    /// The manifest is larger than 4 MiB.
    #[error("the manifest is larger than 4194304 bytes")]
    ManifestTooLarge,
    /// The repository does not hold this blob.
    #[error("the repository does not hold the blob '{0}'")]
    LayerNotFound(Digest),
    /// The repository has no upload session with this id.
    #[error(
        "Upload with id '{id}' could not be found for the repository with name '{name}' in the registry with id '{registry}'",
        name = .repository.name, registry = .repository.registry
    )]
    UploadNotFound { repository: RepositoryKey, id: String },
    /// A part does not start at the session's committed offset.
    #[error("the part does not start at byte {received}, where the upload stands")]
    LayerPartInvalid {
        repository: RepositoryKey,
        id: String,
        /// The committed offset, where the next part must start.
        received: u64,
    },
    /// Another request is writing to the session or has taken it over.
    #[error("another request is writing to the upload, which stands at byte {received}")]
    UploadBusy {
        repository: RepositoryKey,
        id: String,
        /// The session's length, including bytes of the other request.
        received: u64,
    },
    /// The registry or repository has reached its limit of upload sessions. Temporary.
    #[error("{} already has the maximum allowed number of unfinished uploads which is '{limit}'", holder(.registry, .name))]
    TooManyUploads {
        registry: RegistryId,
        /// The repository, if its own limit is reached.
        name: Option<RepositoryName>,
        limit: u64,
    },
    /// A part other than the last is smaller than the session's minimum.
    #[error("All layer parts except the last part should be at least 5MB")]
    LayerPartTooSmall,
    /// A session that must receive a layer part has received none.
    #[error(
        "The upload with id '{id}' for the repository with name '{name}' in the registry with id '{registry}' has received no layer part",
        name = .repository.name, registry = .repository.registry
    )]
    UploadEmpty { repository: RepositoryKey, id: String },
    /// The repository already holds this layer.
    #[error(
        "The layer with digest '{digest}' already exists in the repository with name '{name}' in registry with id '{registry}'",
        name = .repository.name, registry = .repository.registry
    )]
    LayerExists { repository: RepositoryKey, digest: Digest },
    /// The repository has no policy.
    #[error(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{registry}'",
        name = .0.name, registry = .0.registry
    )]
    PolicyNotFound(RepositoryKey),
    /// A policy is malformed or names a nonexistent principal. The text is for the log and the command line.
    #[error("invalid policy: {0}")]
    PolicyInvalid(String),
    /// The policy would prevent its author from changing it.
    #[error("the policy would lock its author out")]
    PolicyLocksOut,
    /// A logo is invalid.
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
    TooManyResourceTags { repository: RepositoryKey, limit: u64 },
    /// A blob is larger than the maximum size in bytes.
    #[error("The layer is larger than the maximum allowed size which is '{maximum}' bytes")]
    LayerTooLarge { maximum: u64 },
    /// A name is malformed.
    #[error("{reason}")]
    NameInvalid {
        /// The member of the request that contains the name.
        member: &'static str,
        reason: NameError,
    },
    /// An account, alias, user or access key already exists. The text is for the operator.
    #[error("{0}")]
    AlreadyExists(String),
    /// A principal does not exist. The text is for the operator.
    #[error("{0}")]
    PrincipalNotFound(String),
    /// A change of an account, alias, user or access key is not allowed. The text tells the operator why, and what to do instead.
    #[error("{0}")]
    Refused(String),
    /// A quota is exhausted.
    #[error("{0}")]
    LimitExceeded(String),
    /// A manifest cannot be deleted because another one references it.
    #[error("'{digest}' is still needed by '{needed_by}'")]
    StillNeeded {
        digest: Digest,
        /// The referencing manifest.
        needed_by: Digest,
    },
    /// The client stopped sending, or its connection failed.
    #[error("the request body ended early")]
    BodyIncomplete,
    /// The storage failed (full disk, I/O error), perhaps temporarily.
    #[error("the storage is unavailable: {0}")]
    Unavailable(String),
    /// A file of the database does not have the content that was written to it.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A bug.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    pub fn tag_not_found(repository: &RepositoryKey, tag: &Tag) -> Self {
        Self::ImageNotFound { repository: repository.clone(), digest: None, tag: Some(tag.to_string()) }
    }

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

/// The maximum number of digests in a message.
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
