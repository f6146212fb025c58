//! The one binary of Roadstead.

use std::process::ExitCode;

fn main() -> ExitCode {
    roadstead::cli::run()
}
