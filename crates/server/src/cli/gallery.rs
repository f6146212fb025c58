//! `roadstead gallery`: the index of the gallery.

use super::audit::{Change, Whose};
use super::data_access;
use super::failure::Failure;
use super::output::{Output, Record};
use clap::Subcommand;
use roadstead_registry::Installation;
use serde::Serialize;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Have the server compute the search index and the lists of repositories anew, while it runs or at its next start
    Reindex,
}

/// The number of repositories to compute anew.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Marked {
    repositories: u64,
}

impl data_access::Verb for Verb {
    fn change(&self) -> Option<Change> {
        Some(Change::new("cli:gallery reindex", Whose::Any, ""))
    }

    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure> {
        let Self::Reindex = self;
        output.one(&Marked { repositories: installation.reindex_gallery().await? })
    }
}

impl Record for Marked {
    const HEADINGS: &'static [&'static str] = &["REPOSITORIES TO INDEX"];

    fn cells(&self) -> Vec<String> {
        vec![self.repositories.to_string()]
    }
}
