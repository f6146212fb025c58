//! The command line. Exit codes: 0 done, 1 it could not be done, 2 it was asked for wrongly.

mod serve;
mod signals;

use crate::config::{ConfigError, Flags};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A public container registry that speaks Amazon ECR Public and the OCI distribution protocol.
#[derive(Debug, Parser)]
#[command(name = "roadstead", version, arg_required_else_help = true, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the registry.
    #[command(after_help = SERVE_HELP)]
    Serve(Flags),
}

const SERVE_HELP: &str = "\
Each of these is also an environment variable (--public-url is ROADSTEAD_PUBLIC_URL) and a key of the TOML file (public_url).
Flags win over the environment, the environment over the file. Only in the environment:
  ROADSTEAD_ACCESS_KEY_ID, ROADSTEAD_SECRET_ACCESS_KEY  The root access key; else one is made and written to <data>/credentials
  ROADSTEAD_MASTER_KEY                                  32 bytes in hexadecimal or base64 that protect all secrets; else one is made and kept
  ROADSTEAD_LOG                                         What to log, as in RUST_LOG [default: info]";

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The flags, the environment or the file are wrong.
    #[error(transparent)]
    Usage(#[from] ConfigError),
    /// They are right, and it failed.
    #[error("{0}")]
    Failed(String),
}

/// Does what the command line of this process says.
pub fn run() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(flags) => serve::run(flags),
    };
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    #[expect(clippy::print_stderr, reason = "a refusal is for the person at the terminal, whatever the logs are set to")]
    {
        eprintln!("roadstead: {}", failure.to_string().replace('\n', " "));
    }
    match failure {
        Failure::Usage(_) => ExitCode::from(2),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}
