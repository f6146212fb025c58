//! What lists and searches say of a repository, read from where it is stored.

use crate::error::Result;
use crate::gallery::featured::{self, Featured};
use crate::metadata::{FromRow, Row, Tx, params, statements};
use crate::pull_statistics::reports::PullTotals;
use crate::resource_tags;
use roadstead_model::gallery::search::filter::{self, ALL, Facet};
use roadstead_model::gallery::search::weights::{Document, Standing, pulls_step, recent_pulls_step};
use roadstead_model::gallery::summary::DESCRIPTION;
use roadstead_model::gallery::{ArtifactKind, OwnerSettings, RepositoryCard};
use roadstead_model::{Platform, RegistryAlias, RepositoryKey, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

statements! {
    SELECT = "SELECT r.registry_id, r.name, r.created_at, g.verified, CASE WHEN g.verified THEN g.display_name END, a.name, c.description,
            c.about_text, c.usage_text, c.operating_systems, c.architectures, c.logo_name, e.pulls_step, e.recent_pulls_step
        FROM repository r JOIN registry g ON g.id = r.registry_id JOIN registry_alias a ON a.registry_id = g.id AND a.is_primary
        LEFT JOIN repository_catalog_data c ON c.repository_id = r.id LEFT JOIN gallery_entry e ON e.repository_id = r.id
        WHERE r.id = ?1";
}

/// A repository as it is now.
pub(super) struct Facts {
    stored: Stored,
    pub(super) settings: OwnerSettings,
    featured: Featured,
    pulls: PullTotals,
}

/// What the tables of repositories, registries and catalog data say.
struct Stored {
    key: RepositoryKey,
    created_at: Timestamp,
    verified: bool,
    display_name: Option<String>,
    alias: RegistryAlias,
    description: Option<String>,
    about: Option<String>,
    usage: Option<String>,
    operating_systems: Option<Vec<String>>,
    architectures: Option<Vec<String>>,
    logo_name: Option<String>,
    /// The steps of pulls that the index was computed from.
    pulls_step: Option<i64>,
    recent_pulls_step: Option<i64>,
}

/// How much a term counts for a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Posting {
    pub(super) score: i64,
    pub(super) weight: i64,
}

/// Reads a repository. `None` if it does not exist.
pub(super) async fn read(tx: &mut Tx<'_>, repository: i64, pulls: PullTotals) -> Result<Option<Facts>> {
    let Some(stored) = tx.query_one(&SELECT, params![repository]).await? else { return Ok(None) };
    let settings = OwnerSettings::of(&resource_tags::select(tx, repository).await?);
    let featured = featured::select(tx, repository).await?;
    Ok(Some(Facts { stored, settings, featured, pulls }))
}

impl Facts {
    /// The kind of the featured image. `None` if there is none.
    pub(super) fn kind(&self) -> Option<ArtifactKind> {
        self.featured.tag.as_ref().map(|tag| tag.row.kind)
    }

    /// Whether a signature is attached to the featured image.
    pub(super) fn is_signed(&self) -> bool {
        self.featured.tag.as_ref().is_some_and(|tag| tag.row.attached.signatures)
    }

    /// Those that the owner declares and those of the featured image.
    pub(super) fn operating_systems(&self) -> BTreeSet<&'static str> {
        let declared = self.stored.operating_systems.iter().flatten().map(String::as_str);
        declared.chain(self.platforms().map(|platform| platform.os.as_str())).filter_map(filter::operating_system).collect()
    }

    /// Those that the owner declares and those of the featured image.
    pub(super) fn architectures(&self) -> BTreeSet<&'static str> {
        let declared = self.stored.architectures.iter().flatten().map(String::as_str);
        declared.chain(self.platforms().map(|platform| platform.architecture.as_str())).filter_map(filter::architecture).collect()
    }

    fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.featured.tag.iter().flat_map(|tag| &tag.row.platforms).map(|entry| &entry.platform)
    }

    /// The owner's description, else that of the featured image.
    pub(super) fn description(&self) -> Option<&str> {
        let of_image = self.featured.tag.as_ref().and_then(|tag| tag.annotations.get(DESCRIPTION));
        self.stored.description.as_ref().or(of_image).map(String::as_str)
    }

    /// The last push of a listed tag or, if there was none, the creation.
    pub(super) fn updated_at(&self) -> Timestamp {
        self.featured.updated_at.unwrap_or(self.stored.created_at)
    }

    /// The repository as lists show it.
    pub(super) fn card(&self, id: i64) -> RepositoryCard {
        let words = |words: BTreeSet<&str>| words.into_iter().map(str::to_owned).collect();
        RepositoryCard {
            id,
            key: self.stored.key.clone(),
            alias: self.stored.alias.clone(),
            display_name: self.stored.display_name.clone(),
            verified: self.stored.verified,
            kind: self.kind(),
            description: self.description().map(str::to_owned),
            operating_systems: words(self.operating_systems()),
            architectures: words(self.architectures()),
            signed: self.is_signed(),
            deprecated: self.settings.deprecated.clone(),
            logo_name: self.stored.logo_name.clone(),
            pulls: self.pulls.total,
            recent_pulls: self.pulls.last_30_days,
            updated_at: self.updated_at(),
            created_at: self.stored.created_at,
        }
    }

    pub(super) fn pulls_step(&self) -> i64 {
        pulls_step(self.pulls.total, self.stored.pulls_step)
    }

    pub(super) fn recent_pulls_step(&self) -> i64 {
        recent_pulls_step(self.pulls.last_30_days, self.stored.recent_pulls_step)
    }

    /// All terms of the repository. None if its owner does not want it to be listed.
    pub(super) fn postings(&self) -> BTreeMap<String, Posting> {
        if self.settings.is_unlisted {
            return BTreeMap::new();
        }
        let (boost, place) = (self.standing().boost(), self.pulls_step());
        let words = self.weights().into_iter().map(|(word, weight)| (word, Posting { score: weight + boost, weight }));
        words.chain(self.filters().into_iter().map(|term| (term, Posting { score: place, weight: 0 }))).collect()
    }

    fn weights(&self) -> BTreeMap<String, i64> {
        let Stored { key, display_name, alias, about, usage, .. } = &self.stored;
        let keywords = self.settings.keywords.join(" ");
        let document = Document {
            alias: alias.as_str(),
            name: key.name.as_str(),
            display_name: display_name.as_deref(),
            kind: self.kind().map(ArtifactKind::label),
            keywords: Some(&keywords),
            description: self.description(),
            about: about.as_deref(),
            usage: usage.as_deref(),
        };
        document.weights()
    }

    fn standing(&self) -> Standing {
        Standing {
            recent_pulls_step: self.recent_pulls_step(),
            verified: self.stored.verified,
            deprecated: self.settings.deprecated.is_some(),
            empty: self.kind().is_none(),
        }
    }

    fn filters(&self) -> Vec<String> {
        let flags = [(self.stored.verified, Facet::Verified), (self.is_signed(), Facet::Signed)];
        let flags = flags.into_iter().filter(|(holds, _)| *holds).map(|(_, facet)| facet.term(""));
        let kind = self.kind().map(|kind| Facet::Kind.term(kind.name()));
        let systems = self.operating_systems().into_iter().map(|name| Facet::OperatingSystem.term(name));
        let architectures = self.architectures().into_iter().map(|name| Facet::Architecture.term(name));
        let always = [ALL.to_owned(), Facet::Publisher.term(self.stored.alias.as_str())];
        always.into_iter().chain(flags).chain(kind).chain(systems).chain(architectures).collect()
    }
}

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            key: row.read::<RepositoryKey>()?,
            created_at: row.read()?,
            verified: row.read()?,
            display_name: row.read()?,
            alias: row.read()?,
            description: row.read()?,
            about: row.read()?,
            usage: row.read()?,
            operating_systems: row.read()?,
            architectures: row.read()?,
            logo_name: row.read()?,
            pulls_step: row.read()?,
            recent_pulls_step: row.read()?,
        })
    }
}
