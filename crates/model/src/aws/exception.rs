//! The exceptions of the service model.

macro_rules! exceptions {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// An exception that operations declare. Those that every AWS service may return, such as AccessDeniedException, are not
        /// declared.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Exception {
            $($(#[$meta])* $name,)*
        }

        impl Exception {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The value of `__type`.
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
    /// The image already exists with the same tag.
    ImageAlreadyExists,
    ImageDigestDoesNotMatch,
    ImageNotFound,
    ImageTagAlreadyExists,
    InvalidLayer,
    /// The part does not start at the upload's committed offset.
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
    Server,
    TooManyTags,
    /// The operation is not served in this region.
    UnsupportedCommand,
    UploadNotFound,
}

impl Exception {
    /// Whether the server is at fault: the status is 500 then, and otherwise 400.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::Server)
    }
}
