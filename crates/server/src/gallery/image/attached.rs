//! What is attached to an image, with the commands that check it.

use super::super::pull_box::target;
use super::super::route::Place;
use super::files;
use crate::config::Origin;
use roadstead_model::gallery::excerpt::Allowance;
use roadstead_model::gallery::pull_command::PullCommand;
use roadstead_model::gallery::verify_command::{Format, verify_command};
use roadstead_model::gallery::visible_text::visible;
use roadstead_model::gallery::{ArtifactKind, AttachmentKind};
use roadstead_model::{Digest, Reference, Timestamp};
use roadstead_registry::{Attached, ImageView};

/// The most files of an attachment that are named. The others are on its own page.
const MOST_FILES: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttachedRow {
    /// What it is, such as `SBOM, provenance`: one attestation can be both.
    pub(super) kinds: String,
    /// Its type, unless that of its files or their names say as much.
    pub(super) media_type: Option<String>,
    /// The platform that it is attached to. `None` for the whole image.
    pub(super) platform: Option<String>,
    pub(super) pushed_at: Timestamp,
    /// In bytes.
    pub(super) size: u64,
    pub(super) digest: Digest,
    pub(super) files: Vec<(String, Digest)>,
}

/// A command that checks or shows attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// Such as `signature`.
    pub(super) kind: &'static str,
    pub(super) command: PullCommand,
}

/// The attachments, each of them once, and each command once.
pub(super) fn rows(view: &ImageView, origin: &Origin, place: &Place, allowance: &mut Allowance) -> (Vec<AttachedRow>, Vec<Check>) {
    let (mut rows, mut checks): (Vec<AttachedRow>, Vec<Check>) = (Vec::new(), Vec::new());
    for attached in &view.attached {
        match rows.iter_mut().find(|row| row.digest == attached.digest) {
            Some(row) => row.kinds += &format!(", {}", attached.kind.label()),
            None => rows.push(row(view, attached, allowance)),
        }
        if let Some(check) = check(view, origin, place, attached)
            && !checks.contains(&check)
        {
            checks.push(check);
        }
    }
    (rows, checks)
}

fn row(view: &ImageView, attached: &Attached, allowance: &mut Allowance) -> AttachedRow {
    let layers = attached.manifest.as_ref().map_or(&[][..], |manifest| &manifest.layers);
    let own_platform = view.chosen.as_ref().filter(|chosen| chosen.digest == attached.subject).and_then(|chosen| chosen.platform.as_ref());
    let media_type = attached.artifact_media_type.as_deref().unwrap_or(&attached.media_type);
    // Many attachments have the type of an image, for registries that accept no other.
    let is_telling =
        ArtifactKind::of_artifact_type(media_type) != ArtifactKind::Image && layers.iter().all(|layer| layer.media_type != media_type);
    AttachedRow {
        kinds: title(attached.kind).to_owned(),
        media_type: is_telling.then(|| allowance.text(media_type)),
        platform: own_platform.map(|platform| visible(&platform.to_string()).into_owned()),
        pushed_at: attached.pushed_at,
        size: attached.size,
        digest: attached.digest.clone(),
        files: layers.iter().take(MOST_FILES).map(|layer| (allowance.text(files::name(layer)), layer.digest.clone())).collect(),
    }
}

fn check(view: &ImageView, origin: &Origin, place: &Place, attached: &Attached) -> Option<Check> {
    let format = Format::of(attached.manifest.as_ref()?);
    // BuildKit's attestations are found through the index.
    let subject = if format == Format::BuildKit { &view.digest } else { &attached.subject };
    let reference = Reference::Digest(subject.clone());
    let command = verify_command(attached.kind, format, &target(origin, place, &reference, None))?;
    Some(Check { kind: attached.kind.label(), command })
}

fn title(kind: AttachmentKind) -> &'static str {
    match kind {
        AttachmentKind::Signature => "Signature",
        AttachmentKind::Sbom => "SBOM",
        AttachmentKind::Provenance => "Provenance",
        AttachmentKind::Report => "Report",
        AttachmentKind::Other => "Other",
    }
}
