//! Lists of repositories, page by page.

use crate::error::Result;
use crate::installation::Installation;
use crate::metadata::{FromRow, Parameter, Row, Tx, params, statements};
use roadstead_model::gallery::ArtifactKind;
use roadstead_model::gallery::card::{CardCursor, CardOrder, RepositoryCard};
use roadstead_model::{RegistryId, RepositoryKey};

/// The columns of a card.
macro_rules! card {
    ($rest:literal) => {
        concat!(
            "SELECT repository_id, registry_id, name, alias, display_name, verified, kind, description, operating_systems, architectures, signed,
            deprecated, logo_name, pulls, recent_pulls, updated_at, created_at FROM gallery_entry ",
            $rest
        )
    };
}

statements! {
    SELECT_BY_CREATION = card!("WHERE listed AND repository_id < ?1 ORDER BY repository_id DESC LIMIT ?2");
    SELECT_BY_PULLS = card!("WHERE listed AND (pulls, repository_id) < (?1, ?2) ORDER BY pulls DESC, repository_id DESC LIMIT ?3");
    SELECT_BY_UPDATE = card!("WHERE listed AND (updated_at, repository_id) < (?1, ?2) ORDER BY updated_at DESC, repository_id DESC LIMIT ?3");
    SELECT_OF_REGISTRY = card!("WHERE listed AND registry_id = ?4 AND (pulls, repository_id) < (?1, ?2)
        ORDER BY pulls DESC, repository_id DESC LIMIT ?3");
    SELECT_OF_REGISTRY_BY_NAME = card!("WHERE listed AND registry_id = ?1 AND name > ?2 ORDER BY name LIMIT ?3");
    SELECT_BY_NAME = card!("WHERE listed AND (alias, name) > (?1, ?2) ORDER BY alias, name LIMIT ?3");
    SELECT_MANY = card!("WHERE listed AND repository_id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
        ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42,
        ?43, ?44, ?45, ?46, ?47, ?48, ?49, ?50)");
}

/// The number of row ids that one statement takes.
pub(super) const IDS: usize = 50;

impl Installation {
    /// Listed repositories after `after` in an order, the greatest first.
    pub async fn list_cards(&self, order: CardOrder, after: Option<CardCursor>, limit: usize) -> Result<Vec<RepositoryCard>> {
        self.0.metadata.scan(async |tx: &mut Tx<'_>| select(tx, order, after, limit).await).await
    }

    /// Listed repositories of a registry after `after`, the most pulled first.
    pub async fn list_cards_of(&self, registry: &RegistryId, after: Option<CardCursor>, limit: usize) -> Result<Vec<RepositoryCard>> {
        let CardCursor { number, id } = after.unwrap_or(CardCursor::FIRST);
        let select = async |tx: &mut Tx<'_>| tx.query(&SELECT_OF_REGISTRY, params![number, id, limit, registry]).await;
        self.0.metadata.scan(select).await
    }

    /// Listed repositories of a registry with names after `after`.
    pub async fn list_cards_of_by_name(&self, registry: &RegistryId, after: &str, limit: usize) -> Result<Vec<RepositoryCard>> {
        let select = async |tx: &mut Tx<'_>| tx.query(&SELECT_OF_REGISTRY_BY_NAME, params![registry, after, limit]).await;
        self.0.metadata.scan(select).await
    }
}

/// Listed repositories after `after` in an order, the greatest first.
pub(super) async fn select(tx: &mut Tx<'_>, order: CardOrder, after: Option<CardCursor>, limit: usize) -> Result<Vec<RepositoryCard>> {
    let CardCursor { number, id } = after.unwrap_or(CardCursor::FIRST);
    match order {
        CardOrder::Created => tx.query(&SELECT_BY_CREATION, params![id, limit]).await,
        CardOrder::Pulls => tx.query(&SELECT_BY_PULLS, params![number, id, limit]).await,
        CardOrder::Updated => tx.query(&SELECT_BY_UPDATE, params![number, id, limit]).await,
    }
}

/// The first listed repositories by alias and name.
pub(super) async fn first_by_name(tx: &mut Tx<'_>, limit: usize) -> Result<Vec<RepositoryCard>> {
    tx.query(&SELECT_BY_NAME, params!["", "", limit]).await
}

/// The listed repositories among those with these row ids, in no order.
pub(super) async fn select_many(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<RepositoryCard>> {
    let mut cards = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS) {
        let parameters: Vec<_> = padded(ids).map(Parameter::value).collect();
        cards.extend(tx.query(&SELECT_MANY, &parameters).await?);
    }
    Ok(cards)
}

/// Repeats the last of at most [`IDS`] row ids, as often as a statement takes them.
pub(super) fn padded(ids: &[i64]) -> impl Iterator<Item = &i64> {
    ids.iter().chain(ids.last().into_iter().cycle()).take(IDS)
}

impl FromRow for RepositoryCard {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.read()?,
            key: row.read::<RepositoryKey>()?,
            alias: row.read()?,
            display_name: row.read()?,
            verified: row.read()?,
            kind: row.read::<Option<String>>()?.and_then(|name| ArtifactKind::parse(&name)),
            description: row.read()?,
            operating_systems: row.read()?,
            architectures: row.read()?,
            signed: row.read()?,
            deprecated: row.read()?,
            logo_name: row.read()?,
            pulls: row.read()?,
            recent_pulls: row.read()?,
            updated_at: row.read()?,
            created_at: row.read()?,
        })
    }
}
