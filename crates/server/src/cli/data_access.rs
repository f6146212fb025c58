//! What all commands have in common that work on the data folder beside a server.

use super::audit::{Change, Witness};
use super::failure::Failure;
use super::output::Output;
use crate::config::{ConfigError, Flags, Sources, values};
use clap::{Args, Subcommand};
use roadstead_model::RegistryId;
use roadstead_registry::Installation;
use std::path::PathBuf;

/// Under which the help lists what every command takes.
const HEADING: &str = "Options of all commands";

/// Where the data is, and how to print.
#[derive(Debug, Args)]
pub(super) struct Beside {
    /// The data directory of the server
    #[arg(long, global = true, help_heading = HEADING, value_name = "FOLDER")]
    data: Option<String>,
    /// The TOML file of the server, which may name the data directory
    #[arg(long, global = true, help_heading = HEADING, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The output format
    #[arg(long, global = true, help_heading = HEADING, value_enum, default_value_t)]
    output: Output,
}

/// A kind of thing, and what to do with it: `roadstead <noun> <verb>`.
#[derive(Debug, Args)]
pub(super) struct Noun<V: Subcommand> {
    #[command(flatten)]
    beside: Beside,
    #[command(subcommand)]
    verb: V,
}

/// What a command does.
pub(super) trait Verb: Subcommand {
    /// What it changes, for the audit log; none for a command that only shows something.
    fn change(&self) -> Option<Change>;

    /// Does it, and prints it with the output that was asked for.
    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure>;
}

/// Whose users, keys and aliases are meant.
#[derive(Debug, Args)]
pub(super) struct Account {
    /// The account [default: the server's own]
    #[arg(long, value_name = "ID", value_parser = values::account_id)]
    account: Option<RegistryId>,
}

impl Beside {
    /// What the command line, the environment and the file say of the server's settings.
    pub(super) fn sources(&self) -> Result<Sources, ConfigError> {
        Sources::read(Flags::of_data(self.data.clone(), self.config.clone()), std::env::vars_os())
    }

    /// Opens the registry for `work`, which prints with the output that was asked for.
    pub(super) fn run(
        self,
        change: Option<Change>,
        work: impl AsyncFnOnce(&Installation, Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let sources = self.sources()?;
        let (options, witness) = (sources.open_options()?, Witness::of(&sources, change.is_some())?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Failed(format!("cannot start: {error}")))?;
        runtime.block_on(async {
            let installation = Installation::open(options).await?;
            let outcome = work(&installation, self.output).await;
            let own = installation.account_id().clone();
            installation.close().await;
            witness.hears(change, &own, outcome)
        })
    }
}

impl<V: Verb> Noun<V> {
    /// Does what the command says.
    pub(super) fn run(self) -> Result<(), Failure> {
        self.beside.run(self.verb.change(), async |installation, output| self.verb.run(installation, output).await)
    }
}

impl Account {
    /// The one that the command line names.
    pub(super) fn given(&self) -> Option<RegistryId> {
        self.account.clone()
    }

    /// Whether the command line names one.
    pub(super) fn is_given(&self) -> bool {
        self.account.is_some()
    }

    /// The id of the account, which exists.
    pub(super) async fn find(&self, installation: &Installation) -> Result<RegistryId, Failure> {
        let id = self.account.as_ref().unwrap_or_else(|| installation.account_id());
        Ok(installation.describe_registry(id).await?.id)
    }
}
