//! Whether manifests have their content, and everything that it references is linked.

use super::repairing::Repair;
use super::walking::{Keyed, Walk};
use super::{Check, Kind, gaps, repairing};
use crate::error::Result;
use crate::manifest_push::{record_blob, record_child};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_blobs::rows::link;
use crate::transfer::damage::Damaged;
use roadstead_model::{Digest, Manifest};

statements! {
    SELECT_PAGE = "SELECT m.id, m.repository_id, m.digest, m.media_type FROM manifest m WHERE m.id > ?1 ORDER BY m.id LIMIT ?2";
    SELECT_BYTES = "SELECT c.bytes FROM manifest_content c WHERE c.manifest_id = ?1";
    EXISTS = "SELECT EXISTS (SELECT 1 FROM manifest m WHERE m.id = ?1)";
    SELECT_BLOB = "SELECT b.id, EXISTS (SELECT 1 FROM manifest_blob u WHERE u.manifest_id = ?1 AND u.blob_id = b.id)
            AND EXISTS (SELECT 1 FROM repository_blob l WHERE l.repository_id = ?2 AND l.blob_id = b.id)
        FROM blob b WHERE b.digest = ?3";
    SELECT_CHILD = "SELECT c.id, EXISTS (SELECT 1 FROM manifest_child x WHERE x.parent_id = ?1 AND x.child_id = c.id)
        FROM manifest c WHERE c.repository_id = ?2 AND c.digest = ?3";
}

/// A row of `manifest`.
struct ManifestRow {
    id: i64,
    repository: i64,
    digest: Digest,
    media_type: String,
}

/// What a manifest lacks.
enum Lack {
    Content,
    /// Its content is not what its digest says.
    Whole,
    /// Its content or its links cannot be read.
    Unreadable(String),
    /// There is no row of this blob.
    Blob(Digest),
    LinkToBlob(i64, Digest),
    LinkToChild(i64, Digest),
}

impl Check<'_> {
    pub(super) async fn manifests(&mut self) -> Result<()> {
        let mut walk = Walk::new(&self.installation.0.metadata, &SELECT_PAGE);
        while let Some(page) = self.next_rows::<ManifestRow>(&gaps::MANIFESTS, &mut walk).await? {
            self.checked.manifests += page.len() as u64;
            for row in &page {
                self.manifest(row).await?;
            }
        }
        Ok(())
    }

    async fn manifest(&mut self, row: &ManifestRow) -> Result<()> {
        let mut lacks = self.lacks(row).await?;
        if let [lack @ (Lack::Content | Lack::Whole | Lack::Unreadable(_))] = lacks.as_slice() {
            let (kind, wrong) = match lack {
                Lack::Content => (Kind::ManifestMissing, "has no content".to_owned()),
                Lack::Unreadable(error) => (Kind::ManifestContent, format!("cannot be read: {error}")),
                _ => (Kind::ManifestContent, "has other content than its digest says".to_owned()),
            };
            let repairing = repairing::repair_manifest(self.installation, &self.options.copies, row.id, &row.digest);
            let mut repair = if self.options.repair { Some(repairing::tried(repairing).await?) } else { None };
            lacks = if matches!(repair, Some(Ok(()))) { self.lacks(row).await? } else { Vec::new() };
            if let [Lack::Unreadable(error)] = lacks.as_slice() {
                repair = Some(Err(error.clone()));
            }
            self.found_damage(kind, (Damaged::Manifest, row.id), (&row.digest, &wrong), repair).await?;
        }
        for lack in lacks {
            self.lack(row, lack).await?;
        }
        Ok(())
    }

    async fn lacks(&self, row: &ManifestRow) -> Result<Vec<Lack>> {
        let read = async |tx: &mut Tx<'_>| row.lacks(tx).await;
        Ok(self.installation.0.metadata.salvage(read).await?.unwrap_or_else(|error| vec![Lack::Unreadable(error)]))
    }

    /// Reports, and repairs, what is not linked.
    async fn lack(&mut self, row: &ManifestRow, lack: Lack) -> Result<()> {
        let (kind, wrong) = match &lack {
            Lack::Content | Lack::Whole | Lack::Unreadable(_) => return Ok(()),
            Lack::Blob(digest) => (Kind::BlobRow, format!("references the blob {digest}, of which there is no row")),
            Lack::LinkToBlob(_, digest) => (Kind::Link, format!("is not linked to its blob {digest}")),
            Lack::LinkToChild(_, digest) => (Kind::Link, format!("is not linked to its manifest {digest}")),
        };
        let repair = if self.options.repair { Some(repairing::tried(self.supply(row, lack)).await?) } else { None };
        self.found_damage(kind, (Damaged::Manifest, row.id), (&row.digest, &wrong), repair).await
    }

    /// Supplies what a manifest lacks, if it is there.
    async fn supply(&self, row: &ManifestRow, lack: Lack) -> Result<Repair> {
        match lack {
            Lack::Content | Lack::Whole | Lack::Unreadable(_) => {}
            Lack::Blob(digest) => match repairing::add_blob(self.installation, &self.options.copies, &digest).await? {
                Ok(blob) => self.link_blob(row, blob, &digest).await?,
                Err(reason) => return Ok(Err(reason)),
            },
            Lack::LinkToBlob(blob, digest) => self.link_blob(row, blob, &digest).await?,
            Lack::LinkToChild(child, _) => {
                let parent = row.id;
                let record = async move |tx: &mut Tx<'_>| match tx.query_one(&EXISTS, params![parent]).await? {
                    Some(true) => record_child(tx, parent, child).await,
                    _ => Ok(()),
                };
                self.installation.0.metadata.write(record).await?;
            }
        }
        Ok(Ok(()))
    }

    async fn link_blob(&self, row: &ManifestRow, blob: i64, digest: &Digest) -> Result<()> {
        let (manifest, repository, now, digest) = (row.id, row.repository, self.installation.now(), digest.clone());
        let record = async move |tx: &mut Tx<'_>| {
            if tx.query_one(&EXISTS, params![manifest]).await? != Some(true) {
                return Ok(());
            }
            link(tx, repository, &digest, now).await?;
            record_blob(tx, manifest, repository, blob).await
        };
        self.installation.0.metadata.write(record).await
    }
}

impl ManifestRow {
    /// What it lacks. Nothing, if it has been deleted meanwhile.
    async fn lacks(&self, tx: &mut Tx<'_>) -> Result<Vec<Lack>> {
        let Some(bytes) = tx.query_one::<Vec<u8>>(&SELECT_BYTES, params![self.id]).await? else {
            let exists = tx.query_one(&EXISTS, params![self.id]).await? == Some(true);
            return Ok(exists.then_some(Lack::Content).into_iter().collect());
        };
        if Digest::of(self.digest.algorithm(), &bytes) != self.digest {
            return Ok(vec![Lack::Whole]);
        }
        // One that an older version accepted, and this one does not, is served as it is.
        let Ok(manifest) = Manifest::parse(&bytes, Some(&self.media_type)) else { return Ok(Vec::new()) };
        let mut lacks = Vec::new();
        for digest in manifest.required_blobs() {
            match tx.query_one::<(i64, bool)>(&SELECT_BLOB, params![self.id, self.repository, digest]).await? {
                None => lacks.push(Lack::Blob(digest.clone())),
                Some((blob, false)) => lacks.push(Lack::LinkToBlob(blob, digest.clone())),
                Some((_, true)) => {}
            }
        }
        for entry in &manifest.manifests {
            // An index may be sparse.
            if let Some((child, false)) = tx.query_one(&SELECT_CHILD, params![self.id, self.repository, entry.digest]).await? {
                lacks.push(Lack::LinkToChild(child, entry.digest.clone()));
            }
        }
        Ok(lacks)
    }
}

impl Keyed for ManifestRow {
    fn key(&self) -> i64 {
        self.id
    }
}

impl FromRow for ManifestRow {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { id: row.read()?, repository: row.read()?, digest: row.read()?, media_type: row.read_media_type()? })
    }
}
