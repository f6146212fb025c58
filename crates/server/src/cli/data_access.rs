//! Commands that open the installation themselves, whether or not a server is running.

use super::audit::{AuditLog, Change};
use super::failure::Failure;
use super::output::Output;
use super::runtime;
use crate::config::{ConfigError, PlaceFlags, Sources, values};
use clap::{Args, Subcommand};
use roadstead_model::RegistryId;
use roadstead_registry::{BlobAccess, Installation, OpenOptions};

/// The options of all commands.
#[derive(Debug, Args)]
pub(super) struct DataAccess {
    #[command(flatten)]
    places: PlaceFlags,
    /// The output format
    #[arg(long, global = true, help_heading = PlaceFlags::HEADING, value_enum, default_value_t)]
    output: Output,
}

/// `roadstead <noun> <verb>`.
#[derive(Debug, Args)]
pub(super) struct Noun<V: Subcommand> {
    #[command(flatten)]
    access: DataAccess,
    #[command(subcommand)]
    verb: V,
}

/// The verb of a command.
pub(super) trait Verb: Subcommand {
    /// The change for the audit log, or `None` if the command only reads.
    fn change(&self) -> Option<Change>;

    /// Runs the command and prints the result.
    async fn run(self, installation: &Installation, output: Output) -> Result<(), Failure>;
}

/// The account of a command.
#[derive(Debug, Args)]
pub(super) struct Account {
    /// The account [default: the server's own]
    #[arg(long, value_name = "ID", value_parser = values::account_id)]
    account: Option<RegistryId>,
}

impl DataAccess {
    /// The settings on the command line, in the environment and in the file.
    pub(super) fn sources(&self) -> Result<Sources, ConfigError> {
        Sources::read(self.places.0.clone(), std::env::vars_os())
    }

    /// The format of the output.
    pub(super) const fn output(&self) -> Output {
        self.output
    }

    /// Opens the installation for `work`. Only a change may write blobs.
    pub(super) fn run(
        self,
        change: Option<Change>,
        work: impl AsyncFnOnce(&Installation, Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let access = if change.is_some() { BlobAccess::Write } else { BlobAccess::Read };
        self.run_with(access, change, work)
    }

    /// Opens the installation for `work`, with this access to its blobs.
    pub(super) fn run_with(
        self,
        blob_access: BlobAccess,
        change: Option<Change>,
        work: impl AsyncFnOnce(&Installation, Output) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let sources = self.sources()?;
        let (options, audit_log) = (OpenOptions { blob_access, ..sources.open_options()? }, AuditLog::of(&sources, change.is_some())?);
        runtime::on_one_thread()?.block_on(async {
            let installation = Installation::open(options).await?;
            let outcome = work(&installation, self.output).await;
            let own = installation.account_id().clone();
            installation.close().await;
            audit_log.record(change, &own, outcome)
        })
    }
}

impl<V: Verb> Noun<V> {
    pub(super) fn run(self) -> Result<(), Failure> {
        self.access.run(self.verb.change(), async |installation, output| self.verb.run(installation, output).await)
    }
}

impl Account {
    /// The account on the command line.
    pub(super) fn given(&self) -> Option<RegistryId> {
        self.account.clone()
    }

    /// The id of the account. Fails if it does not exist.
    pub(super) async fn find(&self, installation: &Installation) -> Result<RegistryId, Failure> {
        let id = self.account.as_ref().unwrap_or_else(|| installation.account_id());
        Ok(installation.describe_registry(id).await?.id)
    }
}
