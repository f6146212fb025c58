//! Classes of operations, whose latency is measured apart.

/// What a request is for: its door, and a class of the door's operations. They are few and fixed, because each has a histogram, and
/// nothing that a client sends can add one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum OperationClass {
    AwsRead,
    AwsWrite,
    AwsUpload,
    /// The operation is not known, or belongs to another service.
    AwsOther,
    ManifestRead,
    ManifestWrite,
    BlobRead,
    /// Everything but a read of a blob as a whole: pushes in one request, mounts, deletions.
    BlobWrite,
    Upload,
    Tags,
    Referrers,
    Catalog,
    Token,
    /// `/v2/`, the list of extensions, and what no endpoint has.
    OciOther,
    GalleryPage,
    GalleryApi,
    /// What pages consist of besides their HTML.
    GalleryAsset,
    Probe,
    None,
}

impl OperationClass {
    pub(crate) const ALL: [Self; 19] = [
        Self::AwsRead,
        Self::AwsWrite,
        Self::AwsUpload,
        Self::AwsOther,
        Self::ManifestRead,
        Self::ManifestWrite,
        Self::BlobRead,
        Self::BlobWrite,
        Self::Upload,
        Self::Tags,
        Self::Referrers,
        Self::Catalog,
        Self::Token,
        Self::OciOther,
        Self::GalleryPage,
        Self::GalleryApi,
        Self::GalleryAsset,
        Self::Probe,
        Self::None,
    ];

    /// The name of the door.
    pub(crate) const fn door(self) -> &'static str {
        match self {
            Self::AwsRead | Self::AwsWrite | Self::AwsUpload | Self::AwsOther => "aws",
            Self::ManifestRead
            | Self::ManifestWrite
            | Self::BlobRead
            | Self::BlobWrite
            | Self::Upload
            | Self::Tags
            | Self::Referrers
            | Self::Catalog
            | Self::Token
            | Self::OciOther => "oci",
            Self::GalleryPage | Self::GalleryApi | Self::GalleryAsset => "gallery",
            Self::Probe => "probe",
            Self::None => "none",
        }
    }

    /// The name of the class among those of its door.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AwsRead => "read",
            Self::AwsWrite => "write",
            Self::AwsUpload | Self::Upload => "upload",
            Self::ManifestRead => "manifest_read",
            Self::ManifestWrite => "manifest_write",
            Self::BlobRead => "blob_read",
            Self::BlobWrite => "blob_write",
            Self::Tags => "tags",
            Self::Referrers => "referrers",
            Self::Catalog => "catalog",
            Self::Token => "token",
            Self::GalleryPage => "page",
            Self::GalleryApi => "api",
            Self::GalleryAsset => "asset",
            Self::Probe => "probe",
            Self::None => "none",
            Self::AwsOther | Self::OciOther => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_class_is_listed_at_its_place_and_has_a_name_of_its_own() {
        let names: HashSet<_> = OperationClass::ALL.into_iter().map(|class| (class.door(), class.name())).collect();
        assert_eq!(names.len(), OperationClass::ALL.len());
        for (place, class) in OperationClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, place);
        }
    }
}
