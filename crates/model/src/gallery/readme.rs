//! READMEs pushed as artifacts, such as by `oras push REFERENCE:readme --artifact-type text/markdown README.md:text/markdown`.

use super::kind::ArtifactKind;
use crate::digest::Digest;
use crate::manifest::{Descriptor, Manifest};

/// The tag whose README is that of the repository.
pub const TAG: &str = "readme";

/// The largest README in bytes.
pub const MAXIMUM_BYTES: u64 = 64 * 1024;

/// The largest picture in bytes, which is also that of a logo.
pub const MAXIMUM_PICTURE_BYTES: u64 = 512_000;
/// The most pictures of a README.
const MOST_PICTURES: usize = 8;
/// The longest title of a picture in bytes.
const LONGEST_TITLE: usize = 255;

/// The types of pictures that are shown. SVG is not one, because it can contain scripts.
const PICTURE_TYPES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];

const MARKDOWN: &str = "text/markdown";
const TITLE: &str = "org.opencontainers.image.title";

/// The media type, if pictures of it are shown.
pub fn picture_type(media_type: &str) -> Option<&'static str> {
    PICTURE_TYPES.into_iter().find(|known| *known == media_type)
}

/// What a manifest with a README holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readme {
    /// The blob with the Markdown.
    pub markdown: Digest,
    pub pictures: Vec<Picture>,
}

/// A picture that was pushed with a README.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The path by which the README refers to it.
    pub title: String,
    pub media_type: &'static str,
    pub digest: Digest,
}

impl Readme {
    /// The README that a manifest holds, if it is no larger than [`MAXIMUM_BYTES`].
    pub fn of(manifest: &Manifest) -> Option<Self> {
        // Every push asks, and finding the kind takes longer than seeing that there is no Markdown.
        let types = manifest.artifact_type.as_ref().into_iter().chain(manifest.layers.iter().map(|layer| &layer.media_type));
        if !types.into_iter().any(|media_type| media_type.starts_with(MARKDOWN)) || ArtifactKind::of(manifest) != ArtifactKind::Readme {
            return None;
        }
        // The repository holds what is not external.
        let layers = manifest.layers.iter().filter(|layer| !layer.external);
        let is_markdown = |layer: &&Descriptor| layer.media_type.split(';').next() == Some(MARKDOWN);
        let markdown = layers.clone().find(is_markdown).or_else(|| layers.clone().next())?;
        let pictures = layers.filter_map(Picture::of).take(MOST_PICTURES).collect();
        (markdown.size <= MAXIMUM_BYTES).then(|| Self { markdown: markdown.digest.clone(), pictures })
    }
}

impl Picture {
    fn of(layer: &Descriptor) -> Option<Self> {
        let media_type = picture_type(&layer.media_type)?;
        let title = layer.annotations.get(TITLE).filter(|title| title.len() <= LONGEST_TITLE)?;
        let picture = || Self { title: title.clone(), media_type, digest: layer.digest.clone() };
        (layer.size <= MAXIMUM_PICTURE_BYTES).then(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_type::OCI_MANIFEST;
    use serde_json::{Value, json};

    fn layer(digit: char, media_type: &str, size: u64, title: &str) -> Value {
        let digest = format!("sha256:{}", digit.to_string().repeat(64));
        json!({"mediaType": media_type, "digest": digest, "size": size, "annotations": {TITLE: title}})
    }

    fn readme(artifact_type: &str, layers: &[Value]) -> Option<Readme> {
        let config = layer('e', "application/vnd.oci.empty.v1+json", 2, "");
        let manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type, "config": config, "layers": layers});
        Readme::of(&Manifest::parse(manifest.to_string().as_bytes(), None).expect("a manifest"))
    }

    #[test]
    fn a_readme_is_found_with_its_pictures() {
        let layers = [
            layer('a', "image/png", 9, "docs/a.png"),
            layer('b', "text/markdown", 9, "README.md"),
            layer('c', "image/svg+xml", 9, "c.svg"),
            layer('d', "image/webp", MAXIMUM_PICTURE_BYTES + 1, "d.webp"),
        ];
        let found = readme("text/markdown", &layers).expect("a README");
        assert!(found.markdown.as_str().ends_with("bb"));
        assert_eq!(found.pictures.len(), 1);
        assert_eq!((&*found.pictures[0].title, found.pictures[0].media_type), ("docs/a.png", "image/png"));
        assert!(readme("", &layers[1..2]).is_some());
        let many: Vec<Value> = (0..20).map(|_| layer('a', "image/png", 9, "a")).collect();
        assert_eq!(readme("text/markdown", &many).expect("a README").pictures.len(), MOST_PICTURES);
    }

    #[test]
    fn other_artifacts_and_large_texts_are_none() {
        assert_eq!(readme("application/vnd.example", &[layer('b', "text/markdown", 9, "README.md")]), None);
        assert_eq!(readme("text/markdown", &[layer('b', "text/markdown", MAXIMUM_BYTES + 1, "README.md")]), None);
        assert_eq!(readme("text/markdown", &[]), None);
    }
}
