//! What can be set. Flags win over environment variables, those over the file, that over the defaults.
//!
//! `settings::SETTINGS` is the one table of settings: the flags with their help, the environment variables, the keys of the file and the
//! table in `docs/configuration.md` come from it.

mod accounts;
mod cors;
mod file;
mod origin;
mod place;
mod rate;
mod setting;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod toml_text;
pub(crate) mod values;

pub(crate) use cors::Cors;
pub(crate) use origin::Origin;
pub(crate) use origin::{host_and_port, is_authority};
pub(crate) use place::{ConfigError, Place};
pub(crate) use rate::Rate;
pub(crate) use settings::Config;
pub(crate) use settings::{AUDIT_LOG, GC_GRACE, LOG_FORMAT};
pub(crate) use sources::{Flags, Sources};
pub(crate) use values::{BodyPace, LogFormat};
