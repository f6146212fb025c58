//! The exceptions of the service model.

macro_rules! exceptions {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// An exception that operations declare. What every AWS service may answer besides (AccessDeniedException and the like) is
        /// not declared, and belongs to the door.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Exception {
            $($(#[$meta])* $name,)*
        }

        impl Exception {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name as `__type` carries it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => concat!(stringify!($name), "Exception"),)*
                }
            }
        }
    };
}

exceptions! {
    EmptyUpload,
    /// The image is there already, under the same tag.
    ImageAlreadyExists,
    ImageDigestDoesNotMatch,
    ImageNotFound,
    ImageTagAlreadyExists,
    InvalidLayer,
    /// The part does not start where the upload stands.
    InvalidLayerPart,
    InvalidParameter,
    InvalidTagParameter,
    LayerAlreadyExists,
    LayerPartTooSmall,
    LayersNotFound,
    LimitExceeded,
    ReferencedImagesNotFound,
    RegistryNotFound,
    RepositoryAlreadyExists,
    RepositoryCatalogDataNotFound,
    RepositoryNotEmpty,
    RepositoryNotFound,
    RepositoryPolicyNotFound,
    /// A fault of the server, answered with status 500; all others are 400.
    Server,
    TooManyTags,
    /// The operation is not served in this region.
    UnsupportedCommand,
    UploadNotFound,
}

impl Exception {
    /// Whether it is a fault of the server.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Server)
    }
}
