//! A repository as its page shows it.

use super::featured::{self, Featured};
use super::{readmes, texts};
use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::markdown::Prose;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::{TextKind, resource_tags};
use roadstead_model::gallery::OwnerSettings;
use roadstead_model::{RegistryAlias, RepositoryKey, Timestamp};

statements! {
    SELECT = "SELECT r.id, r.created_at, r.listed_tags, r.hidden_tags, g.verified, g.display_name, a.name, c.description,
            COALESCE(c.architectures, '[]'), COALESCE(c.operating_systems, '[]'), c.logo_name, c.about_text, c.usage_text
        FROM repository r JOIN registry g ON g.id = r.registry_id
        JOIN registry_alias a ON a.registry_id = r.registry_id AND a.is_primary
        LEFT JOIN repository_catalog_data c ON c.repository_id = r.id
        WHERE r.registry_id = ?1 AND r.name = ?2";
}

/// A repository with the texts of its owner.
#[derive(Debug, Clone)]
pub struct RepositoryView {
    pub(super) id: i64,
    pub created_at: Timestamp,
    /// The number of tags that the gallery lists, and of those that the owner hides.
    pub listed_tags: u64,
    pub hidden_tags: u64,
    pub verified: bool,
    /// The name of the publisher, only if it is verified.
    pub display_name: Option<String>,
    /// The primary alias of the publisher.
    pub alias: RegistryAlias,
    pub description: Option<String>,
    /// As the owner declares them.
    pub architectures: Vec<String>,
    /// As the owner declares them.
    pub operating_systems: Vec<String>,
    /// The last segment of the logo's URL.
    pub logo_name: Option<String>,
    /// The long description in Markdown, as written.
    pub about_text: Option<String>,
    /// The usage instructions in Markdown, as written.
    pub usage_text: Option<String>,
    pub settings: OwnerSettings,
    pub featured: Featured,
}

impl Installation {
    /// A repository, and one of its texts. Without a text of the owner, its README is the one about it.
    pub async fn repository_view(&self, repository: &RepositoryKey, kind: TextKind) -> Result<(RepositoryView, Option<Prose>)> {
        let find = async |tx: &mut Tx<'_>| {
            let found: Option<RepositoryView> = tx.query_one(&SELECT, params![repository.registry, repository.name]).await?;
            let mut view = found.ok_or_else(|| Error::RepositoryNotFound(repository.clone()))?;
            view.settings = OwnerSettings::of(&resource_tags::select(tx, view.id).await?);
            view.featured = featured::select(tx, view.id).await?;
            let text = match texts::select(tx, view.id, kind).await? {
                None if kind == TextKind::About => readmes::of_repository(tx, view.id).await?,
                text => text,
            };
            Ok((view, text))
        };
        self.0.metadata.read(find).await
    }
}

impl FromRow for RepositoryView {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (id, created_at, listed_tags, hidden_tags) = row.read()?;
        let verified = row.read()?;
        let display_name: Option<String> = row.read()?;
        Ok(Self {
            id,
            created_at,
            listed_tags,
            hidden_tags,
            verified,
            display_name: display_name.filter(|_| verified),
            alias: row.read()?,
            description: row.read()?,
            architectures: row.read()?,
            operating_systems: row.read()?,
            logo_name: row.read()?,
            about_text: row.read()?,
            usage_text: row.read()?,
            settings: OwnerSettings::default(),
            featured: Featured::default(),
        })
    }
}
