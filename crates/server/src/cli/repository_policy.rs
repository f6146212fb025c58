//! `roadstead repository-policy`: removes repository policies that lock out even the owner.

use super::audit::{Change, Whose};
use super::data_access;
use super::failure::Failure;
use super::output::Output;
use super::repository::Named;
use clap::Subcommand;
use roadstead_registry::Installation;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Print the policy of a repository
    Show {
        #[command(flatten)]
        repository: Named,
    },
    /// Delete the policy of a repository, and print it
    Delete {
        #[command(flatten)]
        repository: Named,
    },
}

/// A policy as GetRepositoryPolicy and DeleteRepositoryPolicy show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryPolicyRecord {
    registry_id: String,
    repository_name: String,
    policy_text: String,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        let Self::Delete { repository } = self else { return None };
        let account = Whose::Given(repository.account.given());
        Some(Change::new("cli:repository-policy delete", account, repository.name.to_string()))
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        let (Self::Show { repository } | Self::Delete { repository }) = &self;
        let key = repository.key(installation).await?;
        let policy_text = match self {
            Self::Show { .. } => installation.repository_policy(&key).await?,
            Self::Delete { .. } => installation.delete_repository_policy(&key).await?,
        };
        let text = format!("{}\n", policy_text.trim_end());
        let record = RepositoryPolicyRecord { registry_id: key.registry.to_string(), repository_name: key.name.to_string(), policy_text };
        output.print(&record, || text)
    }
}
