//! About and usage texts of repositories as HTML, rendered when they are written.

use crate::error::Result;
use crate::installation::Installation;
use crate::markdown::{self, Pictures, Prose};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::catalog_data::CatalogData;

statements! {
    UPSERT = "INSERT INTO repository_text (repository_id, kind, renderer, html, contents) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (repository_id, kind) DO UPDATE SET renderer = excluded.renderer, html = excluded.html, contents = excluded.contents";
    DELETE = "DELETE FROM repository_text WHERE repository_id = ?1 AND kind = ?2";
    SELECT_ABOUT = "SELECT c.about_text, t.renderer, t.html, t.contents FROM repository_catalog_data c
        JOIN repository_text t ON t.repository_id = c.repository_id AND t.kind = 'about' WHERE c.repository_id = ?1";
    SELECT_USAGE = "SELECT c.usage_text, t.renderer, t.html, t.contents FROM repository_catalog_data c
        JOIN repository_text t ON t.repository_id = c.repository_id AND t.kind = 'usage' WHERE c.repository_id = ?1";
    SELECT_OUTDATED = "SELECT t.repository_id, t.kind, CASE WHEN t.kind = 'about' THEN c.about_text ELSE c.usage_text END
        FROM repository_text t JOIN repository_catalog_data c ON c.repository_id = t.repository_id WHERE t.renderer < ?1 LIMIT ?2";
    UPDATE_OUTDATED = "UPDATE repository_text SET renderer = ?3, html = ?4, contents = ?5
        WHERE repository_id = ?1 AND kind = ?2 AND renderer < ?3";
}

/// A text of a repository's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    About,
    Usage,
}

impl TextKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Usage => "usage",
        }
    }
}

/// Both texts, rendered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    about: Option<Prose>,
    usage: Option<Prose>,
}

impl Texts {
    pub(crate) fn of(data: &CatalogData) -> Self {
        let render = |text: &Option<String>| text.as_deref().map(|text| Prose::render(text, &Pictures::new()));
        Self { about: render(&data.about_text), usage: render(&data.usage_text) }
    }
}

impl Installation {
    /// Renders READMEs that are new, and texts that an earlier version rendered, in batches of `limit`.
    pub async fn render_outdated(&self, limit: usize) -> Result<()> {
        while self.render_outdated_texts(limit).await? + self.render_outdated_readmes(limit).await? > 0 {}
        Ok(())
    }

    /// Renders at most `limit` texts. Returns how many there were.
    async fn render_outdated_texts(&self, limit: usize) -> Result<usize> {
        let select = async |tx: &mut Tx<'_>| tx.query(&SELECT_OUTDATED, params![markdown::VERSION, limit]).await;
        let outdated: Vec<(i64, String, Option<String>)> = self.0.metadata.read(select).await?;
        let found = outdated.len();
        for (repository, kind, text) in outdated {
            let prose = Prose::render(text.as_deref().unwrap_or_default(), &Pictures::new());
            let contents = prose.stored_contents();
            let update = async move |tx: &mut Tx<'_>| {
                // The owner may have written another text meanwhile, which is up to date.
                let html = prose.html.as_str();
                tx.execute(&UPDATE_OUTDATED, params![repository, kind, markdown::VERSION, html, contents]).await.map(drop)
            };
            self.0.metadata.write_lazily(update).await?;
        }
        Ok(found)
    }
}

/// Replaces the texts of a repository.
pub(crate) async fn put(tx: &mut Tx<'_>, repository: i64, texts: &Texts) -> Result<()> {
    for (kind, prose) in [(TextKind::About, &texts.about), (TextKind::Usage, &texts.usage)] {
        let kind = kind.as_str();
        match prose {
            Some(prose) => {
                let (html, contents) = (prose.html.as_str(), prose.stored_contents());
                tx.execute(&UPSERT, params![repository, kind, markdown::VERSION, html, contents]).await?
            }
            None => tx.execute(&DELETE, params![repository, kind]).await?,
        };
    }
    Ok(())
}

/// A text of a repository. One that another version rendered is rendered again.
pub(crate) async fn select(tx: &mut Tx<'_>, repository: i64, kind: TextKind) -> Result<Option<Prose>> {
    let statement = match kind {
        TextKind::About => &SELECT_ABOUT,
        TextKind::Usage => &SELECT_USAGE,
    };
    Ok(tx.query_one(statement, params![repository]).await?.map(|Stored(prose)| prose))
}

struct Stored(Prose);

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (markdown, renderer, html, contents): (Option<String>, i64, String, String) = row.read()?;
        let stored = Prose::from_stored(renderer, html, &contents);
        Ok(Self(stored.unwrap_or_else(|| Prose::render(markdown.as_deref().unwrap_or_default(), &Pictures::new()))))
    }
}
