//! `roadstead completions` and `roadstead man`: what shells and readers of manual pages need to know of the command line.

use super::failure::Failure;
use super::{Cli, output};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Completions {
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct Pages {
    /// The directory of the pages, which is created if it does not exist
    #[arg(value_name = "DIRECTORY", value_hint = clap::ValueHint::DirPath)]
    directory: PathBuf,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "roadstead", &mut script);
        output::write(&String::from_utf8_lossy(&script))
    }
}

impl Pages {
    pub(super) fn run(self) -> Result<(), Failure> {
        let write = || {
            std::fs::create_dir_all(&self.directory)?;
            clap_mangen::generate_to(Cli::command(), &self.directory)
        };
        write().map_err(|error| cannot_write(&self.directory, &error))
    }
}

fn cannot_write(directory: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot write manual pages to '{}': {error}", directory.display()))
}
