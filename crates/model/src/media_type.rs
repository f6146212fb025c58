//! Media types of manifests and layers.

/// OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI artifact manifest (withdrawn before OCI 1.1, still pushed by old tools).
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// Docker image manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker image manifest, version 2, schema 1, unsigned; refused here.
pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// Docker image manifest, version 2, schema 1, signed; refused here.
pub const DOCKER_SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// The maximum length in bytes of a media type or an artifact type: 127 on each side of the slash (RFC 6838, section 4.2).
pub const LONGEST: usize = 255;

/// Replaces a stored media type that is too long to repeat: content of unknown type (RFC 2046, section 4.5.1).
pub const UNKNOWN: &str = "application/octet-stream";

/// The structure of a manifest, as determined by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A config and layers.
    Image,
    /// A list of other manifests.
    Index,
    /// JSON of an unknown media type, stored without requiring any content it references.
    Other,
}

/// Classifies a manifest's media type. Returns `None` for Docker's schema 1, which is refused.
pub fn kind(media_type: &str) -> Option<Kind> {
    match media_type {
        OCI_MANIFEST | DOCKER_MANIFEST | OCI_ARTIFACT => Some(Kind::Image),
        OCI_INDEX | DOCKER_LIST => Some(Kind::Index),
        DOCKER_SCHEMA1 | DOCKER_SCHEMA1_SIGNED => None,
        _ => Some(Kind::Other),
    }
}

/// Whether an index entry of this media type is a manifest rather than a blob.
pub fn is_manifest(media_type: &str) -> bool {
    matches!(kind(media_type), Some(Kind::Image | Kind::Index))
}

/// Whether a registry may lack layers of this media type (OCI image specification, "Non-Distributable Layers").
pub fn is_non_distributable(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.oci.image.layer.nondistributable.")
        || media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
        || media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar"
}

/// Strips parameters (`; charset=…`) and surrounding white space, which OCI tells registries to ignore.
pub fn without_parameters(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_a_media_type_are_ignored() {
        assert_eq!(without_parameters(" application/json ; charset=utf-8"), "application/json");
        assert_eq!(without_parameters(""), "");
    }

    #[test]
    fn schema_1_is_not_stored() {
        assert_eq!(kind(DOCKER_SCHEMA1_SIGNED), None);
        assert_eq!(kind("application/vnd.example+json"), Some(Kind::Other));
    }
}
