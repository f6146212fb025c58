//! All quotas and sizes, with the sources of their defaults.

use roadstead_model::manifest;

/// The quotas and sizes of an installation.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The maximum size of a manifest in bytes: 4 MiB (OCI distribution specification, "Pushing Manifests").
    pub manifest_bytes: usize,
    /// The maximum size in bytes of a blob that is stored in the metadata instead of the blob store: 16 KiB. Above that, copying it
    /// into the WAL and out again costs as much as a file.
    pub small_blob_bytes: usize,
    /// The maximum size of a layer in bytes: 10,000 MiB (Amazon ECR Public service quotas: 1,000 parts of 10 MiB).
    pub layer_bytes: u64,
    /// Repositories per registry: 10,000 (quota L-502CB705).
    pub repositories: u64,
    /// Images per repository: 100,000 (quota L-F0CAD50B).
    pub images_per_repository: u64,
    /// Tags per image: 1,000 (Amazon ECR Public service quotas).
    pub tags_per_image: u64,
    /// Resource tags per repository: 50 (Amazon ECR Public user guide, "Tag restrictions").
    pub resource_tags: u64,
    /// Open upload sessions per registry: 5,000, enough for concurrent pushes to many repositories. AWS states no number.
    pub uploads: u64,
    /// Open upload sessions per repository: 1,000, ten times what the busiest pushes need, because abandoned sessions count until
    /// they are collected, for about a day.
    pub uploads_per_repository: u64,
    /// The minimum size in bytes of every part but the last, in sessions of the AWS door: 5 MiB (service quotas).
    pub layer_part_minimum: u64,
    /// The maximum size in bytes of a part in sessions of the AWS door: 20,971,520 (service model, `UploadLayerPart`).
    pub layer_part_maximum: u64,
    /// Whether an index may list manifests that its repository does not hold. AWS refuses such indexes.
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
