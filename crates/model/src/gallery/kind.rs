//! Kinds of artifacts.

use super::pull_command::Clients;
use crate::manifest::Manifest;
use crate::media_type::Kind;

/// What a manifest is to a person. An index is of the kind of its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArtifactKind {
    Image,
    Chart,
    Wasm,
    Flux,
    Model,
    Sif,
    DiskImage,
    Policy,
    Compose,
    Module,
    DevContainer,
    Falco,
    Bundle,
    Plugin,
    BuildCache,
    Signature,
    Attestation,
    Sbom,
    Report,
    Readme,
    PackageMetadata,
    /// Any other kind.
    Artifact,
}

/// How a kind is recognised and shown.
struct Row {
    kind: ArtifactKind,
    /// In addresses, JSON and the database.
    name: &'static str,
    label: &'static str,
    plural: &'static str,
    icon: &'static str,
    clients: Clients,
    /// Artifact types, config types or layer types. One that ends with `*` is a beginning.
    media_types: &'static [&'static str],
}

const fn row(
    kind: ArtifactKind,
    clients: Clients,
    [name, label, plural, icon]: [&'static str; 4],
    media_types: &'static [&'static str],
) -> Row {
    Row { kind, name, label, plural, icon, clients, media_types }
}

/// In the order of [`ArtifactKind`].
#[rustfmt::skip]
const TABLE: &[Row] = &[
    row(ArtifactKind::Image, Clients::Image, ["image", "Image", "images", "image"], &["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"]),
    row(ArtifactKind::Chart, Clients::Helm, ["chart", "Helm chart", "charts", "chart"], &["application/vnd.cncf.helm.*"]),
    row(ArtifactKind::Wasm, Clients::Wasm, ["wasm", "WebAssembly", "WebAssembly components", "wasm"], &["application/vnd.wasm.*", "application/wasm", "application/vnd.module.wasm.*", "application/vnd.bytecodealliance.wasm.*"]),
    row(ArtifactKind::Flux, Clients::Flux, ["flux", "Flux artifact", "Flux artifacts", "flux"], &["application/vnd.cncf.flux.*"]),
    row(ArtifactKind::Model, Clients::DockerModel, ["model", "AI model", "AI models", "model"], &["application/vnd.docker.ai.*", "application/vnd.cncf.model.*", "application/vnd.kitops.*", "application/vnd.ollama.*"]),
    row(ArtifactKind::Sif, Clients::Apptainer, ["sif", "Apptainer image", "Apptainer images", "image"], &["application/vnd.sylabs.sif.*"]),
    row(ArtifactKind::DiskImage, Clients::Oras, ["disk-image", "Disk image", "disk images", "disk"], &["application/vnd.cirruslabs.tart.*", "application/vnd.diskimage.*", "application/x-qemu-disk", "application/x-raw-disk-image"]),
    row(ArtifactKind::Policy, Clients::Oras, ["policy", "Policy", "policies", "policy"], &["application/vnd.cncf.openpolicyagent.*", "application/vnd.cncf.kyverno.*", "application/vnd.gatekeeper.*", "application/vnd.oci.conftest.*"]),
    row(ArtifactKind::Compose, Clients::Compose, ["compose", "Compose application", "Compose applications", "bundle"], &["application/vnd.docker.compose.*"]),
    row(ArtifactKind::Module, Clients::Oras, ["module", "OpenTofu module", "OpenTofu modules", "bundle"], &["application/vnd.opentofu.*", "application/vnd.terraform.*"]),
    row(ArtifactKind::DevContainer, Clients::Oras, ["dev-container", "Dev container feature", "dev container features", "bundle"], &["application/vnd.devcontainers*"]),
    row(ArtifactKind::Falco, Clients::Oras, ["falco", "Falco artifact", "Falco artifacts", "policy"], &["application/vnd.cncf.falco.*"]),
    row(ArtifactKind::Bundle, Clients::Oras, ["bundle", "Application bundle", "application bundles", "bundle"], &["application/vnd.cnab.*", "application/vnd.zarf.*", "application/vnd.carvel.*"]),
    row(ArtifactKind::Plugin, Clients::Oras, ["plugin", "Plugin", "plugins", "bundle"], &["application/vnd.docker.plugin.*", "application/vnd.kubewarden.*"]),
    row(ArtifactKind::BuildCache, Clients::Oras, ["build-cache", "Build cache", "build caches", "disk"], &["application/vnd.buildkit.cacheconfig.*"]),
    row(ArtifactKind::Signature, Clients::Oras, ["signature", "Signature", "signatures", "signature"], &["application/vnd.dev.cosign.simplesigning.*", "application/vnd.dev.cosign.artifact.sig.*", "application/vnd.dev.sigstore.bundle*", "application/vnd.cncf.notary.signature"]),
    row(ArtifactKind::Attestation, Clients::Oras, ["attestation", "Attestation", "attestations", "provenance"], &["application/vnd.in-toto*", "application/vnd.dsse.envelope.*", "application/vnd.docker.attestation.manifest.*"]),
    row(ArtifactKind::Sbom, Clients::Oras, ["sbom", "SBOM", "SBOMs", "sbom"], &["application/spdx*", "text/spdx*", "application/vnd.cyclonedx*", "application/vnd.syft*", "application/vnd.dev.cosign.artifact.sbom.*"]),
    row(ArtifactKind::Report, Clients::Oras, ["report", "Report", "reports", "report"], &["application/sarif+json", "application/vnd.security.vulnerability.report*"]),
    row(ArtifactKind::Readme, Clients::Oras, ["readme", "README", "READMEs", "text"], &["text/markdown"]),
    row(ArtifactKind::PackageMetadata, Clients::Oras, ["package-metadata", "Package metadata", "package metadata", "text"], &["application/vnd.cncf.artifacthub.*"]),
    ARTIFACT,
];

const ARTIFACT: Row = row(ArtifactKind::Artifact, Clients::Oras, ["artifact", "Artifact", "artifacts", "artifact"], &[]);

impl ArtifactKind {
    /// All kinds, images first.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.kind)
    }

    /// The kind of a manifest, from its artifact type, else its config's media type, else those of its layers. Old tools store
    /// signatures, attestations and modules as the layers of an image.
    pub fn of(manifest: &Manifest) -> Self {
        if let Some(artifact_type) = &manifest.artifact_type {
            return Self::of_media_type(artifact_type).unwrap_or(Self::Artifact);
        }
        let layer = manifest.layers.first().and_then(|layer| Self::of_media_type(&layer.media_type));
        let config = manifest.config.as_ref().and_then(|config| Self::of_media_type(&config.media_type));
        match (manifest.kind, config, layer) {
            (Kind::Index, ..) => {
                let types = manifest.manifests.iter().find_map(|entry| entry.artifact_type.as_deref());
                types.map_or(Self::Image, Self::of_artifact_type)
            }
            (Kind::Other, ..) => Self::of_artifact_type(&manifest.media_type),
            (Kind::Image, None | Some(Self::Image), Some(kind)) | (Kind::Image, Some(kind), _) => kind,
            (Kind::Image, None, None) => Self::Artifact,
        }
    }

    /// The kind that an artifact type or a config's media type stands for.
    pub fn of_artifact_type(media_type: &str) -> Self {
        Self::of_media_type(media_type).unwrap_or(Self::Artifact)
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        let matches = |pattern: &&str| match pattern.strip_suffix('*') {
            Some(beginning) => media_type.starts_with(beginning),
            None => media_type == *pattern,
        };
        TABLE.iter().find(|row| row.media_types.iter().any(matches)).map(|row| row.kind)
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.kind)
    }

    /// The name in addresses, JSON and the database: `image`, `chart`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name on pages: `Helm chart`.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The name of several in a sentence: `images`.
    pub fn plural(self) -> &'static str {
        self.row().plural
    }

    /// The name of the icon.
    pub fn icon(self) -> &'static str {
        self.row().icon
    }

    /// Whether it runs on a platform.
    pub fn is_runnable(self) -> bool {
        matches!(self, Self::Image | Self::Wasm)
    }

    /// The clients that pull it, unless its media type decides: see [`Clients::of`].
    pub(super) fn clients(self) -> Clients {
        self.row().clients
    }

    fn row(self) -> &'static Row {
        TABLE.get(self as usize).unwrap_or(&ARTIFACT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    const EMPTY: &str = "application/vnd.oci.empty.v1+json";

    /// The kind of a manifest of these types; an empty one is left out.
    fn kind(artifact_type: &str, config: &str, layers: &[&str]) -> ArtifactKind {
        let descriptor =
            |media_type: &str| serde_json::json!({"mediaType": media_type, "digest": format!("sha256:{}", "0".repeat(64)), "size": 2});
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": crate::media_type::OCI_MANIFEST, "artifactType": artifact_type,
            "config": descriptor(config), "layers": layers.iter().map(|layer| descriptor(layer)).collect::<Vec<_>>(),
        });
        ArtifactKind::of(&Manifest::parse(manifest.to_string().as_bytes(), None).expect("a manifest"))
    }

    #[test]
    fn the_table_is_in_the_order_of_the_kinds_and_its_names_are_unique() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, at, "{}", row.name);
            assert_eq!(ArtifactKind::parse(row.kind.name()), Some(row.kind));
        }
        assert_eq!(TABLE.len(), ArtifactKind::Artifact as usize + 1);
    }

    #[test]
    fn a_kind_is_told_by_artifact_type_then_config_then_layers() {
        let layer = "application/vnd.oci.image.layer.v1.tar+gzip";
        for (expected, artifact_type, config, layers) in [
            (ArtifactKind::Image, "", CONFIG, &[layer][..]),
            (ArtifactKind::Image, "", "application/vnd.docker.container.image.v1+json", &[]),
            (ArtifactKind::Chart, "", "application/vnd.cncf.helm.config.v1+json", &["application/vnd.cncf.helm.chart.content.v1.tar+gzip"]),
            (ArtifactKind::Wasm, "", "application/vnd.wasm.config.v0+json", &["application/wasm"]),
            (ArtifactKind::Wasm, "", EMPTY, &["application/wasm"]),
            (ArtifactKind::Flux, "", "application/vnd.cncf.flux.config.v1+json", &["application/vnd.cncf.flux.content.v1.tar+gzip"]),
            (ArtifactKind::Signature, "", CONFIG, &["application/vnd.dev.cosign.simplesigning.v1+json"]),
            (ArtifactKind::Signature, "application/vnd.dev.sigstore.bundle.v0.3+json", EMPTY, &[]),
            (ArtifactKind::Attestation, "", CONFIG, &["application/vnd.in-toto+json"]),
            (ArtifactKind::Readme, "text/markdown", EMPTY, &["text/markdown"]),
            (ArtifactKind::Readme, "", EMPTY, &["text/markdown"]),
            (ArtifactKind::PackageMetadata, "", "application/vnd.cncf.artifacthub.config.v1+yaml", &[]),
            (ArtifactKind::Artifact, "application/vnd.example", CONFIG, &["text/markdown"]),
            (ArtifactKind::Artifact, "", EMPTY, &["text/plain"]),
        ] {
            assert_eq!(kind(artifact_type, config, layers), expected, "{artifact_type} {config} {layers:?}");
        }
    }
}
