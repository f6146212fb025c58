//! What is attached to images: referrers, the tags of cosign, and the attestations of BuildKit's indexes.

use crate::error::Result;
use crate::gallery::summary;
use crate::metadata::{Tx, params, statements};
use roadstead_model::gallery::AttachmentKind;
use roadstead_model::gallery::attachment::{AttachedTag, attested_by};
use roadstead_model::{Digest, Manifest, Tag};

statements! {
    INSERT = "INSERT INTO attachment (repository_id, subject, kind, manifest_id) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (repository_id, subject, kind, manifest_id) DO NOTHING";
    // A referrer remains attached without its tag.
    DELETE = "DELETE FROM attachment WHERE repository_id = ?1 AND subject = ?2 AND manifest_id = ?3
        AND NOT EXISTS (SELECT 1 FROM referrer f WHERE f.manifest_id = ?3)";
    SELECT_ID = "SELECT m.id FROM manifest m WHERE m.repository_id = ?1 AND m.digest = ?2";
}

/// Records what a manifest is attached to by itself: its subject, or the entries of an index that others attest.
pub(crate) async fn of_manifest(tx: &mut Tx<'_>, repository: i64, id: i64, manifest: &Manifest, kinds: &[AttachmentKind]) -> Result<()> {
    if let Some(subject) = &manifest.subject {
        insert(tx, repository, subject, id, kinds, AttachmentKind::Other).await?;
    }
    for entry in &manifest.manifests {
        if let Some(subject) = attested_by(entry)
            && let Some(attestation) = tx.query_one(&SELECT_ID, params![repository, entry.digest]).await?
        {
            let kinds = summary::attached_kinds(tx, attestation).await?;
            insert(tx, repository, &subject, attestation, &kinds, AttachmentKind::Provenance).await?;
        }
    }
    Ok(())
}

/// Records that a tag attaches a manifest to the image in its name, if it does.
pub(crate) async fn attach_by_tag(tx: &mut Tx<'_>, repository: i64, tag: &Tag, manifest: i64, kinds: &[AttachmentKind]) -> Result<()> {
    match AttachedTag::parse(tag.as_str()) {
        Some(AttachedTag { subject, kind: Some(kind) }) => insert(tx, repository, &subject, manifest, kinds, kind).await,
        _ => Ok(()),
    }
}

/// Undoes [`attach_by_tag`] when the tag is deleted or moved.
pub(crate) async fn detach_by_tag(tx: &mut Tx<'_>, repository: i64, tag: &Tag, manifest: i64) -> Result<()> {
    if let Some(AttachedTag { subject, .. }) = AttachedTag::parse(tag.as_str()) {
        tx.send(&DELETE, params![repository, subject, manifest]).await?;
    }
    Ok(())
}

/// Attaches a manifest as each of its kinds, or as `otherwise` if nothing says what it is.
async fn insert(
    tx: &mut Tx<'_>,
    repository: i64,
    subject: &Digest,
    manifest: i64,
    kinds: &[AttachmentKind],
    otherwise: AttachmentKind,
) -> Result<()> {
    let kinds = if kinds.is_empty() { &[otherwise][..] } else { kinds };
    for kind in kinds {
        tx.send(&INSERT, params![repository, subject, kind.code(), manifest]).await?;
    }
    Ok(())
}
