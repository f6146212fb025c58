//! `roadstead check`: compares the rows with the bytes while servers run, and repairs what can be. Or verifies a place of backups.

mod of_backup;
mod other_registry;

use super::audit::{AuditLog, Change, Whose};
use super::data_access::DataAccess;
use super::failure::Failure;
use super::output::{Output, Record, table};
use super::runtime;
use crate::config::{Place, values};
use clap::Args;
use other_registry::OtherRegistry;
use roadstead_registry::{BackupCopy, CheckOptions, Checked, Finding, SecondCopy, VerifyOptions};
use std::num::NonZeroU64;

#[derive(Debug, Args)]
pub(super) struct Command {
    /// Also read every blob and verify its digest
    #[arg(long)]
    contents: bool,
    /// Repair what can be repaired; in a place of backups, remove damaged copies, which the next backup makes again
    #[arg(long)]
    repair: bool,
    /// Check the place of backups at PLACE instead of the installation, and say which snapshots are hurt
    #[arg(long, value_name = "PLACE", conflicts_with = "from")]
    backup: Option<String>,
    /// Where to fetch lost blobs and manifests from: a place of backups, or a repository as https://registry/repository; several are
    /// asked in order
    #[arg(long, value_name = "PLACE", requires = "repair")]
    from: Vec<String>,
    /// The bytes of blobs to read in a second at most, such as 50MB/s
    #[arg(long, value_name = "RATE", requires = "contents", value_parser = values::bytes_per_second)]
    rate: Option<NonZeroU64>,
    #[command(flatten)]
    access: DataAccess,
}

impl Command {
    pub(super) fn run(self) -> Result<(), Failure> {
        match &self.backup {
            Some(place) => self.check_backup(place),
            None => self.check_installation(),
        }
    }

    fn check_backup(&self, place: &str) -> Result<(), Failure> {
        let sources = self.access.sources()?;
        let (opened, options) = (sources.backup_place(Place::Flag("backup".to_owned()), place)?, sources.open_options()?);
        let change = self.repair.then(|| Change::new("cli:check --backup --repair", Whose::Any, place.to_owned()));
        let audit_log = AuditLog::of(&sources, change.is_some())?;
        let verify = VerifyOptions { contents: self.contents, remove: self.repair, rate: self.rate };
        let verified = runtime::on_all_cores()?.block_on(of_backup::verify(&opened, verify, self.access.output()));
        audit_log.record(change, &options.account_id, verified)
    }

    fn check_installation(self) -> Result<(), Failure> {
        let sources = self.access.sources()?;
        let (mut backups, mut registries) = (Vec::new(), Vec::new());
        for place in &self.from {
            match OtherRegistry::named(place) {
                Some(registry) => registries.push(registry.map_err(Failure::Usage)?),
                None => backups.push(sources.backup_place(Place::Flag("from".to_owned()), place)?),
            }
        }
        let change = self.repair.then(|| Change::new("cli:check --repair", Whose::Any, ""));
        let Self { contents, repair, rate, .. } = self;
        self.access.run(change, async |installation, output| {
            let mut opened = Vec::new();
            for place in &backups {
                opened.push(BackupCopy::open(place).await?);
            }
            let copies = opened.iter().map(|backup| backup as &dyn SecondCopy);
            let copies = copies.chain(registries.iter().map(|registry| registry as &dyn SecondCopy)).collect();
            let options = CheckOptions { contents, repair, rate, copies };
            let checked = tokio::select! {
                checked = installation.check(&options) => checked?,
                _ = tokio::signal::ctrl_c() => return Err(Failure::Failed("interrupted".to_owned())),
            };
            for backup in opened {
                backup.close().await;
            }
            report(checked, output)
        })
    }
}

fn report(checked: Checked, output: Output) -> Result<(), Failure> {
    let left = checked.found - checked.repaired;
    let Checked { repositories, manifests, blobs, .. } = checked;
    let what = format!("{repositories} repositories, {manifests} manifests and {blobs} blobs");
    output.print(&checked, || text(&what, checked.bytes_read, checked.found, &checked.findings))?;
    match left {
        0 => Ok(()),
        1 => Err(Failure::Failed("one problem is not repaired".to_owned())),
        _ => Err(Failure::Failed(format!("{left} problems are not repaired"))),
    }
}

/// What was checked, and what was found.
fn text<R: Record>(what: &str, bytes_read: u64, found: u64, findings: &[R]) -> String {
    let problems = match found {
        1 => "1 problem".to_owned(),
        _ => format!("{found} problems"),
    };
    let summary = format!("{what} checked, {bytes_read} bytes read: {problems}\n");
    if findings.is_empty() { summary } else { summary + &table(findings) }
}

impl Record for Finding {
    const HEADINGS: &'static [&'static str] = &["REPAIRED", "PROBLEM", "IMAGES"];

    fn cells(&self) -> Vec<String> {
        vec![super::output::yes_or_no(self.repaired), self.text.clone(), self.images.join(", ")]
    }
}
