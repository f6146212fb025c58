//! The files of an artifact that is no image: blobs to download.

use roadstead_model::Digest;
use roadstead_model::gallery::ArtifactKind;
use roadstead_model::gallery::excerpt::{Allowance, Excerpt};
use roadstead_model::manifest::Descriptor;
use roadstead_registry::ImageView;

/// The most files that are listed.
const MOST_FILES: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileRow {
    /// The title, otherwise the predicate type of an attestation, otherwise the media type.
    pub(super) name: String,
    pub(super) media_type: String,
    /// In bytes.
    pub(super) size: u64,
    pub(super) digest: Digest,
    /// Whether the registry need not hold it.
    pub(super) is_external: bool,
}

pub(super) fn rows(view: &ImageView, allowance: &mut Allowance) -> Excerpt<FileRow> {
    let artifact = view.content().filter(|manifest| ArtifactKind::of(manifest) != ArtifactKind::Image);
    let layers = artifact.map_or(&[][..], |manifest| &manifest.layers);
    allowance.list(MOST_FILES, layers.iter(), |allowance, layer| FileRow {
        name: allowance.text(name(layer)),
        media_type: allowance.text(&layer.media_type),
        size: layer.size,
        digest: layer.digest.clone(),
        is_external: layer.external,
    })
}

/// What a blob is called (OCI image specification, "Pre-Defined Annotation Keys"; in-toto's predicate types for attestations).
pub(super) fn name(layer: &Descriptor) -> &str {
    let named = ["org.opencontainers.image.title", "in-toto.io/predicate-type", "predicateType"];
    named.iter().find_map(|key| layer.annotations.get(*key)).unwrap_or(&layer.media_type)
}
