//! `roadstead transfer`: copies an installation to another place.

use super::copying::{OnDamage, Rows, Shown, show, with_resources};
use super::data_access::DataAccess;
use super::failure::Failure;
use super::runtime;
use clap::Args;
use roadstead_registry::{Copied, DatabasePlace, OpenOptions, Side, Transfer};

#[derive(Debug, Args)]
pub(super) struct Command {
    /// Where the installation is: its data directory; or the URL of its database, and that of its bucket or the data directory with its
    /// blobs
    #[arg(long, num_args = 1..=2, required = true, value_name = "PLACE")]
    from: Vec<String>,
    /// Where to copy it to, in the same form: a place that is empty, or has an interrupted copy to continue
    #[arg(long, num_args = 1..=2, required = true, value_name = "PLACE")]
    to: Vec<String>,
    /// Only show what there is to copy
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    access: DataAccess,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sources = self.access.sources()?;
        let [from, to] = [("from", &self.from), ("to", &self.to)].map(|(flag, places)| sources.open_options_at(flag, places));
        let [from, to] = [with_resources(from?), with_resources(to?)];
        runtime::on_all_cores()?.block_on(async {
            let source = Side::source(&from).await?;
            let copied = match self.dry_run {
                true => self.survey(&source, &to).await,
                false => self.copy(&source, &from, &to).await,
            };
            source.close().await;
            self.access.output().many(copied?.into_iter().map(Rows::of))
        })
    }

    /// Says what there is to copy, and tries whether the target can be reached.
    async fn survey(&self, source: &Side, to: &OpenOptions) -> Result<Vec<Copied>, Failure> {
        Side::reach(to).await?;
        let plan = source.survey().await?;
        show(&format!("{} bytes of blobs to copy, and these rows:", plan.blob_bytes));
        Ok(plan.tables)
    }

    async fn copy(&self, source: &Side, from: &OpenOptions, to: &OpenOptions) -> Result<Vec<Copied>, Failure> {
        let target = Side::target(to, source).await?;
        let shown = Shown::new(OnDamage::End("something is damaged: roadstead check --contents --repair repairs what it can"));
        let copied = async { Transfer::new(source.clone(), target.clone()).await?.run(&shown).await };
        let copied = tokio::select! {
            copied = copied => copied.map_err(Failure::from),
            _ = tokio::signal::ctrl_c() => Err(Failure::Failed("interrupted: the same command continues the copy".to_owned())),
        };
        target.close().await;
        if copied.is_ok() && from.database == DatabasePlace::File && to.database != DatabasePlace::File && from.master_key.is_none() {
            show("Give the servers of the copy the same master key, by ROADSTEAD_MASTER_KEY or --master-key-file.");
        }
        copied
    }
}
