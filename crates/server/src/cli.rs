//! The command line. Exit codes: 0 success, 1 failure, 2 usage error.

mod access_key;
mod account;
mod alias;
mod audit;
mod backup;
mod banner;
mod check;
mod checks;
mod copying;
mod data_access;
mod ephemeral;
mod failure;
mod gallery;
mod gc;
mod healthcheck;
mod input;
mod manual;
mod output;
mod policy;
mod ready_file;
mod repository;
mod repository_policy;
mod restore;
mod runtime;
mod serve;
mod signals;
mod stats;
mod transfer;
mod user;
mod version;

use crate::config::Flags;
use crate::heap;
use clap::{Parser, Subcommand};
use data_access::Noun;
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// How long writing the reason for a failure may take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// A public container registry with the APIs of Amazon ECR Public and the OCI distribution specification.
#[derive(Debug, Parser)]
#[command(name = "roadstead", version, long_version = version::long(), arg_required_else_help = true, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry.
    #[command(after_help = SERVE_HELP)]
    Serve(Flags),
    /// Ask the server of the same settings whether it is ready: exit code 0 if so, otherwise 1 and the reason.
    #[command(after_help = HEALTHCHECK_HELP)]
    Healthcheck(Flags),
    /// Manage the accounts of a server.
    #[command(after_help = DATA_ACCESS_HELP)]
    Account(Noun<account::Verb>),
    /// Manage the aliases of registries.
    #[command(after_help = DATA_ACCESS_HELP)]
    Alias(Noun<alias::Verb>),
    /// Manage the users of an account.
    #[command(after_help = DATA_ACCESS_HELP)]
    User(Noun<user::Verb>),
    /// Manage the keys that sign requests and log in.
    #[command(after_help = DATA_ACCESS_HELP)]
    AccessKey(Noun<access_key::Verb>),
    /// Manage the policies of users.
    #[command(after_help = DATA_ACCESS_HELP)]
    Policy(Noun<policy::Verb>),
    /// List repositories, and show what the gallery makes of one.
    #[command(after_help = DATA_ACCESS_HELP)]
    Repository(Noun<repository::Verb>),
    /// Show the policy of a repository, or delete one that locks everybody out.
    #[command(after_help = DATA_ACCESS_HELP)]
    RepositoryPolicy(Noun<repository_policy::Verb>),
    /// Manage the index of the gallery.
    #[command(after_help = DATA_ACCESS_HELP)]
    Gallery(Noun<gallery::Verb>),
    /// Show how often repositories, their tags and images are pulled.
    #[command(after_help = DATA_ACCESS_HELP, args_conflicts_with_subcommands = true)]
    Stats(stats::Command),
    /// Delete unreferenced blobs and abandoned uploads.
    #[command(after_help = DATA_ACCESS_HELP)]
    Gc(gc::Command),
    /// Compare the metadata with the content of blobs, and repair what can be.
    #[command(after_help = CHECK_HELP)]
    Check(check::Command),
    /// Copy the installation to a place of backups, while servers run.
    #[command(after_help = BACKUP_HELP)]
    Backup(backup::Command),
    /// Make an installation from a backup, in an empty place.
    #[command(after_help = RESTORE_HELP)]
    Restore(restore::Command),
    /// Copy an installation to another place, such as from a directory to a shared database and a bucket.
    #[command(after_help = TRANSFER_HELP)]
    Transfer(transfer::Command),
    /// Print what makes a shell complete the commands and options of roadstead.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions(manual::Completions),
    /// Write the manual pages, one for each command.
    Man(manual::Pages),
}

const SERVE_HELP: &str = "\
Each flag is also an environment variable (--public-url is ROADSTEAD_PUBLIC_URL) and a key of the TOML file (public_url; flags \
that begin with --limit- are in its table [limits]). The file can also declare accounts: see docs/configuration.md.
Flags override the environment, and the environment overrides the file. Only in the environment:
  ROADSTEAD_ACCESS_KEY_ID, ROADSTEAD_SECRET_ACCESS_KEY  The root access key; if unset, one is created and written to <data>/credentials,
                                                        or with --database made by 'roadstead access-key create'
  ROADSTEAD_MASTER_KEY                                  32 bytes in hexadecimal or base64 that protect all secrets; if unset, created and stored,
                                                        but with --database it must be given";

const HEALTHCHECK_HELP: &str = "\
Takes the flags, the environment and the file of 'roadstead serve', and asks for /readyz at --admin-listen, otherwise at --listen. \
The certificate of HTTPS is not verified, because it is for another name.";

const DATA_ACCESS_HELP: &str = "\
Works on the data while servers run; changes take effect immediately. The command finds the data as a server does: --data, \
ROADSTEAD_DATA, `data` in the file of --config or ROADSTEAD_CONFIG, otherwise ./roadstead-data; in the same way --database and --blobs. \
If the server has ROADSTEAD_MASTER_KEY, this command needs it too.";

const CHECK_HELP: &str = "\
Works while servers run. Exits with 1 if there are problems that are not repaired. Without --contents, the sizes of blobs are compared; \
manifests and small blobs are in the database and always verified. Repairs need no downtime, but garbage is not collected meanwhile.";

const BACKUP_HELP: &str = "\
Each backup is a snapshot of the state at its beginning. The place has each blob once, so the next backup copies only what is new. In a \
directory on the file system of the blobs, they are linked instead of copied. No garbage is collected meanwhile. The master key is \
included unless --without-master-key is given: whoever can read the backup can then act for every account. docs/backup.md tells more.";

const RESTORE_HELP: &str = "\
The place to restore to is that of a server with the same settings: --data, --database and --blobs, their environment variables or the \
file of --config. It must be empty, or have an interrupted restore to continue. Every digest is verified, and no server can use the \
place before it is complete.";

const TRANSFER_HELP: &str = "\
A place is a directory, postgres://… or s3://…; a database without a bucket has its blobs in the folder `blobs` of the directory. \
No server may run on either side. Every digest is verified, and all rows of both sides are compared in the end. An interrupted copy \
continues when the command is run again. Unfinished uploads are not copied. Credentials come from the environment, as for a server: \
ROADSTEAD_MASTER_KEY, ROADSTEAD_DATABASE_PASSWORD_FILE, and those of AWS.";

const COMPLETIONS_HELP: &str = "\
For bash:  roadstead completions bash > ~/.local/share/bash-completion/completions/roadstead
For zsh:   roadstead completions zsh > ~/.zfunc/_roadstead, with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
For fish:  roadstead completions fish > ~/.config/fish/completions/roadstead.fish";

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    heap::bound();
    let outcome = match Cli::parse().command {
        Command::Serve(flags) => serve::run(flags),
        Command::Healthcheck(flags) => healthcheck::run(flags),
        Command::Account(command) => command.run(),
        Command::Alias(command) => command.run(),
        Command::User(command) => command.run(),
        Command::AccessKey(command) => command.run(),
        Command::Policy(command) => command.run(),
        Command::Repository(command) => command.run(),
        Command::RepositoryPolicy(command) => command.run(),
        Command::Gallery(command) => command.run(),
        Command::Stats(command) => command.run(),
        Command::Gc(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Transfer(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    write_to_stderr(format!("roadstead: {}\n", failure.to_string().replace('\n', " ")));
    match failure {
        Failure::Usage(_) => ExitCode::from(2),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}

/// Writes to stderr. A full pipe that is not read does not keep the process from ending.
fn write_to_stderr(text: String) {
    let (sender, written) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new().spawn(move || {
        // If stderr is broken, there is nowhere to report it.
        let _ = std::io::stderr().write_all(text.as_bytes());
        let _ = sender.send(());
    });
    let _ = written.recv_timeout(WRITE_TIMEOUT);
    drop(thread);
}
