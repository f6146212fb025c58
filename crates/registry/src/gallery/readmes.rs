//! READMEs pushed as artifacts, of a repository (under the tag `readme`) or attached to an image, and their pictures.

use crate::disk::blocking;
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::markdown::{self, PICTURE_PREFIX, Pictures, Prose};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::repository_blob::StoredBlob;
use bytes::Bytes;
use roadstead_model::gallery::readme::{MAXIMUM_BYTES, MAXIMUM_PICTURE_BYTES, Readme, TAG};
use roadstead_model::{Digest, Manifest};

statements! {
    INSERT = "INSERT INTO readme (manifest_id, digest, renderer, html, contents) VALUES (?1, ?2, 0, '', '[]')
        ON CONFLICT (manifest_id) DO NOTHING";
    INSERT_PICTURE = "INSERT INTO readme_picture (manifest_id, title, media_type, digest) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (manifest_id, title) DO NOTHING";
    SELECT_OF_REPOSITORY = "SELECT r.renderer, r.html, r.contents FROM tag t JOIN readme r ON r.manifest_id = t.manifest_id
        WHERE t.repository_id = ?1 AND t.name = ?2";
    SELECT_OF_SUBJECT = "SELECT r.renderer, r.html, r.contents FROM referrer x JOIN readme r ON r.manifest_id = x.manifest_id
        WHERE x.repository_id = ?1 AND x.subject = ?2 ORDER BY x.manifest_id DESC LIMIT 1";
    SELECT_OUTDATED = "SELECT r.manifest_id, b.digest, b.size, b.storage_key, c.bytes FROM readme r
        JOIN blob b ON b.digest = r.digest LEFT JOIN blob_content c ON c.blob_id = b.id WHERE r.renderer < ?1 ORDER BY r.renderer LIMIT ?2";
    SELECT_PICTURES = "SELECT title, digest FROM readme_picture WHERE manifest_id = ?1";
    UPDATE = "UPDATE readme SET renderer = ?2, html = ?3, contents = ?4 WHERE manifest_id = ?1";
    SELECT_PICTURE = "SELECT p.media_type, b.digest, b.size, b.storage_key, c.bytes FROM readme_picture p
        JOIN blob b ON b.digest = p.digest LEFT JOIN blob_content c ON c.blob_id = b.id WHERE p.digest = ?1 LIMIT 1";
}

/// A README to be rendered.
struct Outdated {
    manifest: i64,
    markdown: StoredBlob,
    pictures: Pictures,
}

impl Installation {
    /// Renders at most `limit` READMEs. Returns how many there were.
    pub(super) async fn render_outdated_readmes(&self, limit: usize) -> Result<usize> {
        let outdated = self.0.metadata.read(async |tx: &mut Tx<'_>| select_outdated(tx, limit).await).await?;
        let found = outdated.len();
        for Outdated { manifest, markdown, pictures } in outdated {
            let bytes = self.read_start(&markdown, MAXIMUM_BYTES).await?;
            // A hostile text keeps a thread busy for a while.
            let prose = blocking(move || Ok::<_, Error>(Prose::render(&String::from_utf8_lossy(&bytes), &pictures))).await?;
            let contents = prose.stored_contents();
            let update = async move |tx: &mut Tx<'_>| {
                let html = prose.html.as_str();
                tx.execute(&UPDATE, params![manifest, markdown::VERSION, html, contents]).await.map(drop)
            };
            self.0.metadata.write_lazily(update).await?;
        }
        Ok(found)
    }

    /// The media type and bytes of a picture that was pushed with a README of any repository.
    pub async fn readme_picture(&self, digest: &Digest) -> Result<Option<(String, Bytes)>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one(&SELECT_PICTURE, params![digest]).await;
        let found: Option<(String, StoredBlob)> = self.0.metadata.read(select).await?;
        match found.filter(|(_, picture)| picture.size <= MAXIMUM_PICTURE_BYTES) {
            Some((media_type, picture)) => Ok(Some((media_type, self.read_start(&picture, MAXIMUM_PICTURE_BYTES).await?))),
            None => Ok(None),
        }
    }

    /// The first bytes of a blob.
    async fn read_start(&self, blob: &StoredBlob, maximum: u64) -> Result<Bytes> {
        let length = usize::try_from(blob.size.min(maximum)).unwrap_or(0);
        self.open_blob(blob).await?.slice(0, length as u64).copy(0, length).await
    }
}

/// Remembers that a manifest holds a README. Does nothing for other manifests.
pub(crate) async fn record(tx: &mut Tx<'_>, id: i64, manifest: &Manifest) -> Result<()> {
    let Some(Readme { markdown, pictures }) = Readme::of(manifest) else { return Ok(()) };
    tx.send(&INSERT, params![id, markdown]).await?;
    for picture in pictures {
        tx.send(&INSERT_PICTURE, params![id, picture.title, picture.media_type, picture.digest]).await?;
    }
    Ok(())
}

/// The README of a repository.
pub(crate) async fn of_repository(tx: &mut Tx<'_>, repository: i64) -> Result<Option<Prose>> {
    let found = tx.query_one(&SELECT_OF_REPOSITORY, params![repository, TAG]).await?;
    Ok(found.and_then(|Rendered(prose)| prose))
}

/// The README that was last attached to an image.
pub(crate) async fn of_subject(tx: &mut Tx<'_>, repository: i64, subject: &Digest) -> Result<Option<Prose>> {
    let found = tx.query_one(&SELECT_OF_SUBJECT, params![repository, subject]).await?;
    Ok(found.and_then(|Rendered(prose)| prose))
}

async fn select_outdated(tx: &mut Tx<'_>, limit: usize) -> Result<Vec<Outdated>> {
    let mut outdated = Vec::new();
    for (manifest, markdown) in tx.query(&SELECT_OUTDATED, params![markdown::VERSION, limit]).await? {
        let pictures: Vec<(String, Digest)> = tx.query(&SELECT_PICTURES, params![manifest]).await?;
        let pictures = pictures.into_iter().map(|(title, digest)| (title, format!("{PICTURE_PREFIX}{digest}"))).collect();
        outdated.push(Outdated { manifest, markdown, pictures });
    }
    Ok(outdated)
}

/// A rendered README. `None` until the background task has rendered it with this version.
struct Rendered(Option<Prose>);

impl FromRow for Rendered {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (renderer, html, contents): (i64, String, String) = row.read()?;
        Ok(Self(Prose::from_stored(renderer, html, &contents)))
    }
}
