//! What lists and pages show of a manifest without reading it.

use super::attachment::{AttachmentKind, is_attestation};
use super::image_config::ImageConfig;
use super::kind::ArtifactKind;
use super::tag_row::PlatformEntry;
use crate::digest::Digest;
use crate::manifest::{Descriptor, Manifest};
use crate::measure::beginning;
use crate::media_type::Kind;
use crate::platform::Platform;
use crate::timestamp::Timestamp;
use std::collections::BTreeMap;

/// The most platforms of an index that a summary has. The largest official images have about 20.
pub const MOST_PLATFORMS: usize = 64;

/// The longest annotation in bytes. A longer one is cut if it is a text for people, and left out otherwise.
const LONGEST_ANNOTATION: usize = 2048;

/// The annotation whose text may be cut.
pub const DESCRIPTION: &str = "org.opencontainers.image.description";

/// The annotations and labels that the gallery shows (OCI image specification, "Pre-Defined Annotation Keys"; Artifact Hub, "Container
/// images repositories").
pub const WELL_KNOWN: &[&str] = &[
    "io.artifacthub.package.license",
    "io.artifacthub.package.readme-url",
    "org.opencontainers.image.authors",
    "org.opencontainers.image.base.name",
    DESCRIPTION,
    "org.opencontainers.image.documentation",
    "org.opencontainers.image.licenses",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.source",
    "org.opencontainers.image.title",
    "org.opencontainers.image.url",
    "org.opencontainers.image.vendor",
    "org.opencontainers.image.version",
];

/// A summary of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub kind: ArtifactKind,
    /// The image, or the images of an index, by platform: at most [`MOST_PLATFORMS`].
    pub platforms: Vec<PlatformEntry>,
    /// When the image was built.
    pub created: Option<Timestamp>,
    /// The [`WELL_KNOWN`] annotations. Those of an index win over those of its images, and annotations over labels.
    pub annotations: BTreeMap<String, String>,
    /// What the manifest is for the image that it is attached to.
    pub attaches: Vec<AttachmentKind>,
}

impl Summary {
    /// Summarises a manifest that is no index. `config` is the configuration of an image.
    pub fn of_image(manifest: &Manifest, digest: &Digest, config: Option<ImageConfig>) -> Self {
        let kind = ArtifactKind::of(manifest);
        let config = config.unwrap_or_default();
        let platform = Platform::of(config.os.as_deref(), config.architecture.as_deref(), config.variant).filter(|_| kind.is_runnable());
        let entry = platform.map(|platform| PlatformEntry { platform, digest: digest.clone(), size: manifest.content_size() });
        Self {
            kind,
            platforms: entry.into_iter().collect(),
            created: config.created,
            annotations: well_known([&manifest.annotations, &config.labels]),
            attaches: AttachmentKind::of(manifest),
        }
    }

    /// Summarises an index. `sizes` are those of its entries, in order, and `first` is the summary of the first entry that
    /// [`Self::first_image`] returns.
    pub fn of_index(index: &Manifest, sizes: &[u64], first: Option<Self>) -> Self {
        let own_kind = ArtifactKind::of(index);
        let entries = index.manifests.iter().zip(sizes).filter(|(entry, _)| !is_attestation(entry));
        let platform = |(entry, size): (&Descriptor, &u64)| {
            Some(PlatformEntry { platform: entry.platform.clone()?, digest: entry.digest.clone(), size: *size })
        };
        let (kind, created, inherited) = match first {
            Some(first) if own_kind == ArtifactKind::Image => (first.kind, first.created, first.annotations),
            _ => (own_kind, None, BTreeMap::new()),
        };
        Self {
            kind,
            platforms: entries.filter_map(platform).take(MOST_PLATFORMS).collect(),
            created,
            annotations: well_known([&index.annotations, &inherited]),
            attaches: AttachmentKind::of(index),
        }
    }

    /// The entry of an index that tells the kind of the others.
    pub fn first_image(index: &Manifest) -> Option<&Descriptor> {
        index.manifests.iter().find(|entry| index.kind == Kind::Index && !is_attestation(entry))
    }
}

/// The well-known annotations, each from the first source that has it.
fn well_known(sources: [&BTreeMap<String, String>; 2]) -> BTreeMap<String, String> {
    let value = |name: &str| sources.iter().find_map(|source| source.get(name)).filter(|value| !value.is_empty());
    let pair = |name: &&str| match value(name)? {
        long if long.len() > LONGEST_ANNOTATION => {
            (*name == DESCRIPTION).then(|| ((*name).to_owned(), beginning(long, LONGEST_ANNOTATION).to_owned()))
        }
        value => Some(((*name).to_owned(), value.clone())),
    };
    if sources.iter().all(|source| source.is_empty()) { BTreeMap::new() } else { WELL_KNOWN.iter().filter_map(pair).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use serde_json::{Value, json};

    fn digest(text: &str) -> Digest {
        Digest::of(Algorithm::Sha256, text.as_bytes())
    }

    fn manifest(json: &Value) -> Manifest {
        Manifest::parse(json.to_string().as_bytes(), None).expect("a manifest")
    }

    fn image(annotations: &Value) -> Manifest {
        let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest("config").as_str(), "size": 7});
        manifest(
            &json!({"schemaVersion": 2, "mediaType": crate::media_type::OCI_MANIFEST, "config": config, "layers": [], "annotations": annotations}),
        )
    }

    #[test]
    fn an_image_has_the_platform_of_its_config_and_annotations_win_over_labels() {
        let config = br#"{"os":"linux","architecture":"arm64","variant":"v8","created":"2026-01-02T03:04:05Z","config":{"Labels":
            {"org.opencontainers.image.title":"label","org.opencontainers.image.vendor":"Acme","other":"x"}}}"#;
        let image = image(&json!({"org.opencontainers.image.title": "annotation"}));
        let summary = Summary::of_image(&image, &digest("image"), ImageConfig::parse(config));
        assert_eq!(summary.kind, ArtifactKind::Image);
        let platforms: Vec<_> = summary.platforms.iter().map(|entry| (entry.platform.to_string(), entry.size)).collect();
        assert_eq!(platforms, [("linux/arm64/v8".to_owned(), 7)]);
        assert!(summary.created.is_some());
        let annotations: Vec<_> = summary.annotations.values().map(String::as_str).collect();
        assert_eq!(annotations, ["annotation", "Acme"]);
    }

    #[test]
    fn an_index_has_its_platforms_without_attestations_and_inherits_from_its_first_image() {
        let entry = |name: &str, platform: Value, annotations: Value| json!({"mediaType": crate::media_type::OCI_MANIFEST, "digest": digest(name).as_str(), "size": 5, "platform": platform, "annotations": annotations});
        let index = manifest(&json!({"schemaVersion": 2, "mediaType": crate::media_type::OCI_INDEX, "manifests": [
            entry("a", json!({"os": "linux", "architecture": "amd64"}), json!({})),
            entry("b", json!({"os": "linux", "architecture": "arm64"}), json!(null)),
            entry("c", json!({"os": "unknown", "architecture": "unknown"}), json!({"vnd.docker.reference.type": "attestation-manifest"})),
        ]}));
        let first = Summary::of_image(&image(&json!({"org.opencontainers.image.version": "1.0"})), &digest("a"), None);
        assert_eq!(Summary::first_image(&index).map(|entry| &entry.digest), Some(&digest("a")));
        let summary = Summary::of_index(&index, &[10, 20, 30], Some(first));
        let platforms: Vec<_> = summary.platforms.iter().map(|entry| (entry.platform.to_string(), entry.size)).collect();
        assert_eq!(platforms, [("linux/amd64".to_owned(), 10), ("linux/arm64".to_owned(), 20)]);
        assert_eq!(summary.annotations.len(), 1);
    }

    #[test]
    fn long_annotations_are_cut_or_left_out() {
        let long = "ü".repeat(2000);
        let summary =
            Summary::of_image(&image(&json!({DESCRIPTION: long, "org.opencontainers.image.source": long})), &digest("image"), None);
        let lengths: Vec<_> = summary.annotations.values().map(String::len).collect();
        assert_eq!(lengths, [LONGEST_ANNOTATION]);
    }
}
