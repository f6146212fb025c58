//! The runtimes of commands.

use super::failure::Failure;
use tokio::runtime::{Builder, Runtime};

/// A runtime for a command that does one thing at a time.
pub(super) fn on_one_thread() -> Result<Runtime, Failure> {
    build(Builder::new_current_thread())
}

/// A runtime for a command that reads or copies much.
pub(super) fn on_all_cores() -> Result<Runtime, Failure> {
    build(Builder::new_multi_thread())
}

pub(super) fn build(mut builder: Builder) -> Result<Runtime, Failure> {
    builder.enable_all().build().map_err(Failure::cannot_start)
}
