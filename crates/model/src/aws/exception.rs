//! The exceptions of the service model.

use super::scalars::{PART_SIZE, REGISTRY_ID, REPOSITORY_NAME, TEXT, UPLOAD_ID};
use super::shape::{Member, optional};

/// An exception that operations declare. What every AWS service may answer besides (AccessDeniedException and the like) is
/// not declared, and belongs to the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exception {
    /// An upload was completed that holds no bytes.
    EmptyUpload,
    /// The image is there already, under the same tag.
    ImageAlreadyExists,
    /// The manifest does not have the digest that the caller named.
    ImageDigestDoesNotMatch,
    /// The repository holds no such image.
    ImageNotFound,
    /// The tag is set already and may not be moved.
    ImageTagAlreadyExists,
    /// The layer does not have the digest that the caller named.
    InvalidLayer,
    /// The part does not start where the upload stands.
    InvalidLayerPart,
    /// A member of the request is not what it must be.
    InvalidParameter,
    /// A resource tag is not what it must be.
    InvalidTagParameter,
    /// The repository holds the layer already.
    LayerAlreadyExists,
    /// A part other than the last was too small.
    LayerPartTooSmall,
    /// The manifest needs layers that the repository does not hold.
    LayersNotFound,
    /// A quota is spent.
    LimitExceeded,
    /// The manifest list names images that the repository does not hold.
    ReferencedImagesNotFound,
    /// No such registry.
    RegistryNotFound,
    /// The registry has a repository of this name already.
    RepositoryAlreadyExists,
    /// The repository has no catalog data.
    RepositoryCatalogDataNotFound,
    /// The repository holds images, and its deletion was not forced.
    RepositoryNotEmpty,
    /// No such repository.
    RepositoryNotFound,
    /// The repository has no policy.
    RepositoryPolicyNotFound,
    /// The server failed: the only one that is not the caller's fault.
    Server,
    /// More resource tags than a repository may have.
    TooManyTags,
    /// The operation is not served in this region.
    UnsupportedCommand,
    /// The repository has no such upload.
    UploadNotFound,
}

/// The one member that most exceptions have.
static MESSAGE: &[Member] = &[optional("message", &TEXT)];

static LAYER_PART: &[Member] = &[
    optional("registryId", &REGISTRY_ID),
    optional("repositoryName", &REPOSITORY_NAME),
    optional("uploadId", &UPLOAD_ID),
    optional("lastValidByteReceived", &PART_SIZE),
    optional("message", &TEXT),
];

impl Exception {
    /// Every exception.
    pub const ALL: &[Self] = &[
        Self::EmptyUpload,
        Self::ImageAlreadyExists,
        Self::ImageDigestDoesNotMatch,
        Self::ImageNotFound,
        Self::ImageTagAlreadyExists,
        Self::InvalidLayer,
        Self::InvalidLayerPart,
        Self::InvalidParameter,
        Self::InvalidTagParameter,
        Self::LayerAlreadyExists,
        Self::LayerPartTooSmall,
        Self::LayersNotFound,
        Self::LimitExceeded,
        Self::ReferencedImagesNotFound,
        Self::RegistryNotFound,
        Self::RepositoryAlreadyExists,
        Self::RepositoryCatalogDataNotFound,
        Self::RepositoryNotEmpty,
        Self::RepositoryNotFound,
        Self::RepositoryPolicyNotFound,
        Self::Server,
        Self::TooManyTags,
        Self::UnsupportedCommand,
        Self::UploadNotFound,
    ];

    /// The name as `__type` carries it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyUpload => "EmptyUploadException",
            Self::ImageAlreadyExists => "ImageAlreadyExistsException",
            Self::ImageDigestDoesNotMatch => "ImageDigestDoesNotMatchException",
            Self::ImageNotFound => "ImageNotFoundException",
            Self::ImageTagAlreadyExists => "ImageTagAlreadyExistsException",
            Self::InvalidLayer => "InvalidLayerException",
            Self::InvalidLayerPart => "InvalidLayerPartException",
            Self::InvalidParameter => "InvalidParameterException",
            Self::InvalidTagParameter => "InvalidTagParameterException",
            Self::LayerAlreadyExists => "LayerAlreadyExistsException",
            Self::LayerPartTooSmall => "LayerPartTooSmallException",
            Self::LayersNotFound => "LayersNotFoundException",
            Self::LimitExceeded => "LimitExceededException",
            Self::ReferencedImagesNotFound => "ReferencedImagesNotFoundException",
            Self::RegistryNotFound => "RegistryNotFoundException",
            Self::RepositoryAlreadyExists => "RepositoryAlreadyExistsException",
            Self::RepositoryCatalogDataNotFound => "RepositoryCatalogDataNotFoundException",
            Self::RepositoryNotEmpty => "RepositoryNotEmptyException",
            Self::RepositoryNotFound => "RepositoryNotFoundException",
            Self::RepositoryPolicyNotFound => "RepositoryPolicyNotFoundException",
            Self::Server => "ServerException",
            Self::TooManyTags => "TooManyTagsException",
            Self::UnsupportedCommand => "UnsupportedCommandException",
            Self::UploadNotFound => "UploadNotFoundException",
        }
    }

    /// Whether it is a fault of the server, answered with a status in the 500s; all others are 400.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Server)
    }

    /// Its members in JSON.
    pub const fn members(self) -> &'static [Member] {
        if matches!(self, Self::InvalidLayerPart) { LAYER_PART } else { MESSAGE }
    }
}
