//! Commands that check or show what is attached to an image.

use super::attachment::AttachmentKind;
use super::pull_command::{PullCommand, Target, quoted};
use crate::manifest::Manifest;

/// How something is attached, which decides the client that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A signature or an attestation of cosign, in its own format or in a Sigstore bundle.
    Cosign,
    /// A signature of the Notary Project.
    Notation,
    /// An attestation of BuildKit within the index.
    BuildKit,
    /// Files, as `oras attach` and others store them.
    Files,
}

impl Format {
    /// The format of an attached manifest.
    pub fn of(manifest: &Manifest) -> Self {
        let config = manifest.config.as_ref().map(|config| &config.media_type);
        let layers = manifest.layers.iter().map(|layer| &layer.media_type);
        let types: Vec<_> = manifest.artifact_type.iter().chain(config).chain(layers).map(String::as_str).collect();
        let has = |beginnings: &[&str]| types.iter().any(|found| beginnings.iter().any(|beginning| found.starts_with(beginning)));
        if has(&["application/vnd.cncf.notary."]) {
            Self::Notation
        } else if has(&["application/vnd.dev.cosign.", "application/vnd.dev.sigstore.bundle", "application/vnd.dsse.envelope."]) {
            Self::Cosign
        } else if has(&["application/vnd.in-toto"]) {
            Self::BuildKit
        } else {
            Self::Files
        }
    }
}

/// The command that checks an attachment of the image `subject`, or shows it if it is nothing to check. Words in capitals stand for
/// what only the reader knows: whom to trust. `None` if the attachment is no more than its files.
pub fn verify_command(kind: AttachmentKind, format: Format, subject: &Target<'_>) -> Option<PullCommand> {
    let image = subject.by_digest().unwrap_or_else(|| subject.reference());
    let image = quoted(&image);
    let signer = "--certificate-identity IDENTITY --certificate-oidc-issuer ISSUER";
    let (client, words) = match (format, kind) {
        (Format::Cosign, AttachmentKind::Signature) => {
            ("cosign", vec!["cosign verify", signer, subject.flag("--allow-http-registry"), &image])
        }
        (Format::Cosign, _) => {
            let command = ["cosign verify-attestation --type", predicate(kind), signer, subject.flag("--allow-http-registry"), &image];
            ("cosign", command.to_vec())
        }
        (Format::Notation, _) => ("notation", vec!["notation verify", subject.flag("--insecure-registry"), &image]),
        (Format::BuildKit, AttachmentKind::Sbom) => {
            ("docker", vec!["docker buildx imagetools inspect", &image, "--format", "'{{ json .SBOM }}'"])
        }
        (Format::BuildKit, AttachmentKind::Provenance) => {
            ("docker", vec!["docker buildx imagetools inspect", &image, "--format", "'{{ json .Provenance }}'"])
        }
        (Format::BuildKit | Format::Files, _) => return None,
    };
    Some(PullCommand::of_words(client, &words))
}

/// The name by which cosign knows a type of predicate (cosign, "verify-attestation").
fn predicate(kind: AttachmentKind) -> &'static str {
    match kind {
        AttachmentKind::Sbom => "spdxjson",
        AttachmentKind::Provenance => "slsaprovenance1",
        AttachmentKind::Report => "vuln",
        AttachmentKind::Signature | AttachmentKind::Other => "custom",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::name::{RegistryAlias, RepositoryName};
    use crate::tag::Reference;
    use serde_json::json;

    fn command(https: bool, kind: AttachmentKind, format: Format) -> Option<String> {
        let (alias, repository) = (RegistryAlias::parse("harbour").unwrap(), RepositoryName::parse("web").unwrap());
        let digest = Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
        let target = Target {
            authority: "r.example",
            https,
            alias: &alias,
            repository: &repository,
            reference: &Reference::parse("1.0").unwrap(),
            digest: Some(&digest),
        };
        verify_command(kind, format, &target).map(|command| command.text.replace(&digest.to_string(), "DIGEST"))
    }

    #[test]
    fn a_signature_is_checked_by_the_client_that_made_it() {
        let signature = |https, format| command(https, AttachmentKind::Signature, format).unwrap();
        assert_eq!(
            signature(true, Format::Cosign),
            "cosign verify --certificate-identity IDENTITY --certificate-oidc-issuer ISSUER r.example/harbour/web@DIGEST"
        );
        assert_eq!(
            signature(false, Format::Cosign),
            "cosign verify --certificate-identity IDENTITY --certificate-oidc-issuer ISSUER --allow-http-registry r.example/harbour/web@DIGEST"
        );
        assert_eq!(signature(true, Format::Notation), "notation verify r.example/harbour/web@DIGEST");
        assert_eq!(signature(false, Format::Notation), "notation verify --insecure-registry r.example/harbour/web@DIGEST");
    }

    #[test]
    fn attestations_are_checked_or_shown() {
        let sbom = command(true, AttachmentKind::Sbom, Format::BuildKit).unwrap();
        assert_eq!(sbom, "docker buildx imagetools inspect r.example/harbour/web@DIGEST --format '{{ json .SBOM }}'");
        let provenance = command(true, AttachmentKind::Provenance, Format::Cosign).unwrap();
        assert!(provenance.starts_with("cosign verify-attestation --type slsaprovenance1 --certificate-identity"), "{provenance}");
        assert_eq!(command(true, AttachmentKind::Sbom, Format::Files), None);
        assert_eq!(command(true, AttachmentKind::Report, Format::BuildKit), None);
    }

    #[test]
    fn the_format_is_told_by_the_types_of_the_manifest() {
        let format = |artifact_type: &str, layer: &str| {
            let part = |media_type: &str| json!({"mediaType": media_type, "digest": format!("sha256:{}", "0".repeat(64)), "size": 2});
            let manifest = json!({
                "schemaVersion": 2, "mediaType": crate::media_type::OCI_MANIFEST, "artifactType": artifact_type,
                "config": part("application/vnd.oci.image.config.v1+json"), "layers": [part(layer)],
            });
            Format::of(&Manifest::parse(manifest.to_string().as_bytes(), None).unwrap())
        };
        assert_eq!(format("", "application/vnd.dev.cosign.simplesigning.v1+json"), Format::Cosign);
        assert_eq!(
            format("application/vnd.dev.sigstore.bundle.v0.3+json", "application/vnd.dev.sigstore.bundle.v0.3+json"),
            Format::Cosign
        );
        assert_eq!(format("application/vnd.cncf.notary.signature", "application/jose+json"), Format::Notation);
        assert_eq!(format("", "application/vnd.in-toto+json"), Format::BuildKit);
        assert_eq!(format("application/spdx+json", "application/spdx+json"), Format::Files);
    }
}
