//! What a pasted reference or digest leads to.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::gallery::search::query::{Address, Query};
use roadstead_model::{Digest, Reference, Tag};

statements! {
    SELECT_REPOSITORY = "SELECT r.id FROM registry_alias a JOIN repository r ON r.registry_id = a.registry_id AND r.name = ?2
        WHERE a.name = ?1 AND a.status = 'ACTIVE'";
    // Bounded, because a base image may be in every repository.
    SELECT_OF_DIGEST = "SELECT alias, name FROM
            (SELECT g.alias AS alias, g.name AS name, g.pulls AS pulls, g.repository_id AS id
            FROM manifest m JOIN gallery_entry g ON g.repository_id = m.repository_id WHERE m.digest = ?1 AND g.listed LIMIT 100) AS found
        ORDER BY pulls DESC, id LIMIT 1";
    SELECT_TAG_EXISTS = "SELECT EXISTS (SELECT 1 FROM tag WHERE repository_id = ?1 AND name = ?2)";
    SELECT_DIGEST_EXISTS = "SELECT EXISTS (SELECT 1 FROM manifest WHERE repository_id = ?1 AND digest = ?2)";
}

impl Installation {
    /// The repository or image that a query names exactly. A reference to an image that does not exist leads to its repository.
    pub async fn locate(&self, query: &Query) -> Result<Option<Address>> {
        let locate = async |tx: &mut Tx<'_>| {
            for address in &query.addresses {
                if let Some(repository) = tx.query_one(&SELECT_REPOSITORY, params![address.alias, address.name]).await? {
                    let reference = existing(tx, repository, address.reference.as_ref()).await?;
                    return Ok(Some(Address { reference, ..address.clone() }));
                }
            }
            match &query.digest {
                Some(digest) => of_digest(tx, digest).await,
                None => Ok(None),
            }
        };
        self.0.metadata.read(locate).await
    }
}

/// Whether the repository with this row id has a tag.
pub(super) async fn has_tag(tx: &mut Tx<'_>, repository: i64, tag: &Tag) -> Result<bool> {
    Ok(tx.query_one(&SELECT_TAG_EXISTS, params![repository, tag]).await?.unwrap_or(false))
}

async fn existing(tx: &mut Tx<'_>, repository: i64, reference: Option<&Reference>) -> Result<Option<Reference>> {
    let exists = match reference {
        Some(Reference::Tag(tag)) => has_tag(tx, repository, tag).await?,
        Some(Reference::Digest(digest)) => tx.query_one(&SELECT_DIGEST_EXISTS, params![repository, digest]).await?.unwrap_or(false),
        None => false,
    };
    Ok(reference.filter(|_| exists).cloned())
}

/// The image with a digest, in the most pulled of the listed repositories that hold it.
async fn of_digest(tx: &mut Tx<'_>, digest: &Digest) -> Result<Option<Address>> {
    let found: Option<Address> = tx.query_one(&SELECT_OF_DIGEST, params![digest]).await?;
    Ok(found.map(|address| Address { reference: Some(Reference::Digest(digest.clone())), ..address }))
}

impl FromRow for Address {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self { alias: row.read()?, name: row.read()?, reference: None })
    }
}
