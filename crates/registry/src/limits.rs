//! Every quota and size in one place, with the source of its default beside it.

use roadstead_model::manifest;

/// What an installation allows.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of a manifest: 4 MiB (OCI distribution specification, "Pushing Manifests").
    pub manifest_bytes: usize,
    /// Blobs of up to so many bytes lie in the metadata instead of the blob store: 16 KiB, above which copying them into a
    /// log and out of it costs as much as a file.
    pub small_blob_bytes: usize,
    /// Bytes of a layer: 10,000 MiB (Amazon ECR Public service quotas: 1,000 parts of 10 MiB).
    pub layer_bytes: u64,
    /// Repositories of a registry: 10,000 (quota L-502CB705).
    pub repositories: u64,
    /// Images of a repository: 100,000 (quota L-F0CAD50B).
    pub images_per_repository: u64,
    /// Tags of an image: 1,000 (Amazon ECR Public service quotas).
    pub tags_per_image: u64,
    /// Resource tags of a repository: 50 (Amazon ECR Public user guide, "Tag restrictions").
    pub resource_tags: u64,
    /// Upload sessions of a registry that are open at the same time: 5,000, which leaves each of many repositories enough for its
    /// pushes. AWS states no number.
    pub uploads: u64,
    /// Upload sessions of a repository that are open at the same time: 1,000, ten times what the busiest pushes need at once, so
    /// that those that were given up within a day do no harm.
    pub uploads_per_repository: u64,
    /// Bytes that each part but the last must have in a session of the AWS door: 5 MiB (service quotas).
    pub layer_part_minimum: u64,
    /// Bytes that a part may have there: 20,971,520 (service model, `UploadLayerPart`).
    pub layer_part_maximum: u64,
    /// Whether an index may list manifests that its repository does not hold. AWS refuses such an index.
    pub sparse_indexes: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: manifest::MAXIMUM_SIZE,
            small_blob_bytes: 16 << 10,
            layer_bytes: 10_000 << 20,
            repositories: 10_000,
            images_per_repository: 100_000,
            tags_per_image: 1_000,
            resource_tags: 50,
            uploads: 5_000,
            uploads_per_repository: 1_000,
            layer_part_minimum: 5 << 20,
            layer_part_maximum: 20 << 20,
            sparse_indexes: false,
        }
    }
}
