//! `roadstead repository`: the repositories, and what the gallery makes of one.

use super::audit::Change;
use super::data_access::{self, Account};
use super::failure::Failure;
use super::output::{Output, Record, table, yes_or_no};
use crate::config::values;
use clap::{Args, Subcommand};
use roadstead_model::gallery::featured::Candidacy;
use roadstead_model::gallery::owner_settings::{FEATURED_TAG, OwnerSettings};
use roadstead_model::gallery::tag_row::TagOrder;
use roadstead_model::{PageSize, RegistryId, RepositoryKey, RepositoryName};
use roadstead_registry::{Installation, PageStart, TagQuery};
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the repositories of an account
    List {
        #[command(flatten)]
        account: Account,
    },
    /// Print which tag of a repository is featured and how many are listed, and warn of settings without effect
    Show {
        #[command(flatten)]
        repository: Named,
    },
}

/// A repository of an account.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The repository, without the alias
    #[arg(value_name = "REPOSITORY", value_parser = values::repository)]
    pub(super) name: RepositoryName,
    #[command(flatten)]
    pub(super) account: Account,
}

impl Named {
    pub(super) async fn key(&self, installation: &Installation) -> Result<RepositoryKey, Failure> {
        Ok(RepositoryKey::new(self.account.find(installation).await?, self.name.clone()))
    }
}

/// A repository in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedRecord {
    registry_id: String,
    repository_name: String,
    created_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryRecord {
    registry_id: String,
    repository_name: String,
    featured_tag: Option<String>,
    chosen_as: Option<&'static str>,
    listed_tags: u64,
    hidden_tags: u64,
    unlisted: bool,
    deprecated: bool,
    warnings: Vec<String>,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        None
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        let repository = match self {
            Self::List { account } => return list(installation, &account.find(installation).await?, output).await,
            Self::Show { repository } => repository,
        };
        let record = describe(installation, &repository.key(installation).await?).await?;
        output.print(&record, || {
            let warnings: String = record.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
            table(std::slice::from_ref(&record)) + &warnings
        })
    }
}

async fn list(installation: &Installation, registry: &RegistryId, output: Output) -> Result<(), Failure> {
    let (mut records, mut after) = (Vec::new(), None);
    loop {
        let page = installation.list_repositories(registry, after.as_deref(), PageSize::MAXIMUM).await?;
        records.extend(page.items.iter().map(|repository| ListedRecord {
            registry_id: registry.to_string(),
            repository_name: repository.key.name.to_string(),
            created_at: repository.created_at.to_rfc3339(),
        }));
        after = page.next;
        if after.is_none() {
            return output.many(records.into_iter());
        }
    }
}

async fn describe(installation: &Installation, key: &RepositoryKey) -> Result<RepositoryRecord, Failure> {
    let settings = OwnerSettings::of(&installation.resource_tags(key).await?);
    let featured = installation.featured_tag(key).await?.tag;
    let query = TagQuery { order: TagOrder::Newest, filter: String::new(), with_hidden: true, from: PageStart::Start, limit: 1 };
    let tags = installation.tag_list(key, &query).await?;
    let is_owners = featured.as_ref().is_some_and(|tag| tag.candidacy == Candidacy::Owner);
    let wanted = settings.featured_tag.filter(|_| !is_owners);
    Ok(RepositoryRecord {
        registry_id: key.registry.to_string(),
        repository_name: key.name.to_string(),
        chosen_as: featured.as_ref().map(|tag| chosen_as(tag.candidacy)),
        featured_tag: featured.map(|tag| tag.row.name.to_string()),
        listed_tags: tags.listed,
        hidden_tags: tags.hidden,
        unlisted: settings.is_unlisted,
        deprecated: settings.deprecated.is_some(),
        warnings: wanted.iter().map(|tag| format!("{FEATURED_TAG} names '{tag}', which is no tag of an image here")).collect(),
    })
}

fn chosen_as(candidacy: Candidacy) -> &'static str {
    match candidacy {
        Candidacy::Owner => "choice of the owner",
        Candidacy::Latest => "latest",
        Candidacy::HighestStable => "highest stable version",
        Candidacy::Newest => "newest tag",
    }
}

impl Record for ListedRecord {
    const HEADINGS: &'static [&'static str] = &["REGISTRY", "REPOSITORY", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![self.registry_id.clone(), self.repository_name.clone(), self.created_at.clone()]
    }
}

impl Record for RepositoryRecord {
    const HEADINGS: &'static [&'static str] =
        &["REGISTRY", "REPOSITORY", "FEATURED TAG", "CHOSEN AS", "LISTED TAGS", "HIDDEN TAGS", "UNLISTED", "DEPRECATED"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.registry_id.clone(),
            self.repository_name.clone(),
            self.featured_tag.clone().unwrap_or_else(|| "-".to_owned()),
            self.chosen_as.unwrap_or("-").to_owned(),
            self.listed_tags.to_string(),
            self.hidden_tags.to_string(),
            yes_or_no(self.unlisted),
            yes_or_no(self.deprecated),
        ]
    }
}
