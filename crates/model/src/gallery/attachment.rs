//! What is attached to an image: signatures, SBOMs, provenance, reports.

use crate::digest::Digest;
use crate::manifest::{Descriptor, Manifest};
use std::collections::BTreeMap;

/// What something attached to an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttachmentKind {
    Signature,
    Sbom,
    Provenance,
    Report,
    /// Any other referrer.
    Other,
}

/// Media types and predicate types by their beginnings. The first that matches applies.
#[rustfmt::skip]
const TYPES: &[(&str, AttachmentKind)] = &[
    ("application/vnd.dev.cosign.simplesigning.", AttachmentKind::Signature),
    ("application/vnd.dev.cosign.artifact.sig.", AttachmentKind::Signature),
    ("application/vnd.cncf.notary.signature", AttachmentKind::Signature),
    // cosign 3 signs with an attestation of this type in a bundle.
    ("https://sigstore.dev/cosign/sign/", AttachmentKind::Signature),
    ("application/spdx", AttachmentKind::Sbom),
    ("text/spdx", AttachmentKind::Sbom),
    ("application/vnd.cyclonedx", AttachmentKind::Sbom),
    ("application/vnd.syft", AttachmentKind::Sbom),
    ("application/vnd.dev.cosign.artifact.sbom.", AttachmentKind::Sbom),
    ("https://spdx.dev/Document", AttachmentKind::Sbom),
    ("https://cyclonedx.org/", AttachmentKind::Sbom),
    ("https://syft.dev/", AttachmentKind::Sbom),
    ("https://slsa.dev/", AttachmentKind::Provenance),
    ("https://cosign.sigstore.dev/attestation/vuln/", AttachmentKind::Report),
    ("https://in-toto.io/attestation/vuln", AttachmentKind::Report),
    ("https://in-toto.io/attestation/test-result/", AttachmentKind::Report),
    ("application/sarif+json", AttachmentKind::Report),
    ("application/vnd.security.vulnerability.report", AttachmentKind::Report),
    ("application/vnd.in-toto", AttachmentKind::Provenance),
    ("application/vnd.dsse.envelope.", AttachmentKind::Provenance),
];

/// The types of a Sigstore bundle, which holds a signature, or an attestation that its annotations name.
const SIGSTORE_BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// The annotations of layers and manifests that name the predicate type of an attestation: of BuildKit, cosign's tags and Sigstore's
/// bundles.
const PREDICATE_TYPES: &[&str] = &["in-toto.io/predicate-type", "predicateType", "dev.sigstore.bundle.predicateType"];

impl AttachmentKind {
    /// The number in the database.
    pub fn code(self) -> i64 {
        match self {
            Self::Signature => 1,
            Self::Sbom => 2,
            Self::Provenance => 3,
            Self::Report => 4,
            Self::Other => 5,
        }
    }

    /// The kind with this number in the database.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Signature, Self::Sbom, Self::Provenance, Self::Report, Self::Other].into_iter().find(|kind| kind.code() == code)
    }

    /// The name on pages.
    pub fn label(self) -> &'static str {
        if self == Self::Sbom { "SBOM" } else { self.name() }
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Sbom => "sbom",
            Self::Provenance => "provenance",
            Self::Report => "report",
            Self::Other => "other",
        }
    }

    /// What a manifest holds for the image that it is attached to, each kind once: an attestation can have an SBOM and provenance as
    /// layers. Empty if nothing says what it is.
    pub fn of(manifest: &Manifest) -> Vec<Self> {
        let own = [manifest.artifact_type.as_deref(), manifest.config.as_ref().map(|config| config.media_type.as_str())];
        let own = own.into_iter().flatten().find_map(|media_type| Self::of_part(media_type, &manifest.annotations));
        let layers = manifest.layers.iter().filter_map(Self::of_layer);
        let mut kinds: Vec<_> = own.map_or_else(|| layers.collect(), |kind| vec![kind]);
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn of_layer(layer: &Descriptor) -> Option<Self> {
        Self::of_part(&layer.media_type, &layer.annotations)
    }

    /// The kind of a part. The type of its predicate is the better hint.
    fn of_part(media_type: &str, annotations: &BTreeMap<String, String>) -> Option<Self> {
        let of_type = |found: &str| TYPES.iter().find(|(beginning, _)| found.starts_with(beginning)).map(|(_, kind)| *kind);
        let is_bundle = media_type.starts_with(SIGSTORE_BUNDLE);
        let kind = of_type(media_type);
        if !is_bundle && kind.is_none_or(|kind| kind != Self::Provenance) {
            return kind;
        }
        let predicate = PREDICATE_TYPES.iter().find_map(|name| annotations.get(*name));
        let fallback = if is_bundle { Self::Signature } else { Self::Provenance };
        Some(predicate.map_or(fallback, |predicate| of_type(predicate).unwrap_or(Self::Provenance)))
    }
}

/// A tag that attaches its manifest to the image with the digest in its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedTag {
    pub subject: Digest,
    /// What the tag attaches, unless its manifest says it. `None` for the list of referrers of clients that find no API for it (OCI
    /// distribution specification, "Referrers Tag Schema").
    pub kind: Option<AttachmentKind>,
}

impl AttachedTag {
    /// Parses `sha256-<64 hex>`, alone or with cosign's `.sig`, `.att` and `.sbom`.
    pub fn parse(tag: &str) -> Option<Self> {
        let rest = tag.strip_prefix("sha256-")?;
        let (hex, suffix) = rest.split_at_checked(64)?;
        let kind = match suffix {
            "" => None,
            ".sig" => Some(AttachmentKind::Signature),
            ".att" => Some(AttachmentKind::Provenance),
            ".sbom" => Some(AttachmentKind::Sbom),
            _ => return None,
        };
        let subject = Digest::parse(&format!("sha256:{hex}")).ok()?;
        Some(Self { subject, kind })
    }
}

/// Whether an entry of an index is an attestation of another entry, which is never listed as a platform (BuildKit, "Image attestation
/// storage").
pub fn is_attestation(entry: &Descriptor) -> bool {
    entry.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest")
}

/// The manifest that an entry of an index attests.
pub fn attested_by(entry: &Descriptor) -> Option<Digest> {
    let digest = entry.annotations.get("vnd.docker.reference.digest").filter(|_| is_attestation(entry))?;
    Digest::parse(digest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn manifest(json: &Value) -> Manifest {
        Manifest::parse(json.to_string().as_bytes(), None).expect("a manifest")
    }

    fn descriptor(media_type: &str, annotations: &Value) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{}", "0".repeat(64)), "size": 2, "annotations": annotations})
    }

    /// The kinds of a manifest with these annotations, and layers of a media type and a predicate type.
    fn kinds(artifact_type: &str, annotations: &Value, layers: &[(&str, &str)]) -> Vec<AttachmentKind> {
        let layers: Vec<_> =
            layers.iter().map(|(kind, predicate)| descriptor(kind, &json!({"in-toto.io/predicate-type": predicate}))).collect();
        AttachmentKind::of(&manifest(&json!({
            "schemaVersion": 2, "mediaType": crate::media_type::OCI_MANIFEST, "artifactType": artifact_type, "annotations": annotations,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &json!({})), "layers": layers,
        })))
    }

    #[test]
    fn every_client_s_attachments_are_told_apart() {
        use AttachmentKind::{Provenance, Report, Sbom, Signature};
        let in_toto = "application/vnd.in-toto+json";
        let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
        for (expected, artifact_type, annotations, layers) in [
            (
                vec![Signature],
                "",
                json!({}),
                &[("application/vnd.dev.cosign.simplesigning.v1+json", ""), ("application/vnd.dev.cosign.simplesigning.v1+json", "")][..],
            ),
            (vec![Signature], "application/vnd.cncf.notary.signature", json!({}), &[("application/jose+json", "")]),
            (vec![Signature], bundle, json!({}), &[(bundle, "")]),
            (vec![Signature], bundle, json!({"dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1"}), &[]),
            (vec![Provenance], bundle, json!({"dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1"}), &[]),
            (
                vec![Sbom, Provenance],
                "",
                json!({}),
                &[(in_toto, "https://slsa.dev/provenance/v0.2"), (in_toto, "https://spdx.dev/Document")],
            ),
            (vec![Provenance], "", json!({}), &[(in_toto, "https://example.com/mine")]),
            (vec![Report], "", json!({}), &[("application/vnd.dsse.envelope.v1+json", "https://cosign.sigstore.dev/attestation/vuln/v1")]),
            (vec![Sbom], "application/spdx+json", json!({}), &[]),
            (vec![Report], "application/sarif+json", json!({}), &[]),
            (vec![], "application/vnd.example", json!({}), &[("text/plain", "")]),
        ] {
            assert_eq!(kinds(artifact_type, &annotations, layers), expected, "{artifact_type} {annotations} {layers:?}");
        }
    }

    #[test]
    fn a_tag_of_cosign_names_the_image() {
        let hex = "ab".repeat(32);
        let kind = |suffix: &str| AttachedTag::parse(&format!("sha256-{hex}{suffix}")).map(|tag| (tag.subject.to_string(), tag.kind));
        let subject = format!("sha256:{hex}");
        assert_eq!(kind(".sig"), Some((subject.clone(), Some(AttachmentKind::Signature))));
        assert_eq!(kind(""), Some((subject, None)));
        for other in ["-sig", ".sig2", ".SIG", "0"] {
            assert_eq!(kind(other), None, "{other}");
        }
        for tag in ["sha256-", "sha256-abc.sig", &format!("sha256-{}.sig", "AB".repeat(32)), &format!("sha512-{hex}"), "latest"] {
            assert_eq!(AttachedTag::parse(tag), None, "{tag}");
        }
    }

    #[test]
    fn an_attestation_of_buildkit_points_at_its_platform() {
        let subject = format!("sha256:{}", "1".repeat(64));
        let entry = descriptor(
            "application/vnd.oci.image.manifest.v1+json",
            &json!({
                "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject,
            }),
        );
        let index = manifest(&json!({"schemaVersion": 2, "mediaType": crate::media_type::OCI_INDEX, "manifests": [entry]}));
        assert_eq!(index.manifests.first().and_then(attested_by).map(|digest| digest.to_string()), Some(subject));
    }

    #[test]
    fn codes_are_unique() {
        for code in 1..=5 {
            assert_eq!(AttachmentKind::from_code(code).map(AttachmentKind::code), Some(code));
        }
        assert_eq!(AttachmentKind::from_code(0), None);
    }
}
