//! The configuration of a server.
//!
//! All flags with their help, environment variables, keys of the file and the table in `docs/configuration.md` are derived from
//! `settings::SETTINGS`.

mod accounts;
mod acme;
mod blob_redirect;
mod certificates;
mod cors;
mod file;
mod flags;
mod gallery;
mod origin;
mod place;
mod places;
mod rate;
mod setting;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod traces;
pub(crate) mod values;

pub(crate) use acme::AcmeConfig;
pub(crate) use cors::Cors;
pub(crate) use flags::{Flags, PlaceFlags};
pub(crate) use gallery::GalleryConfig;
pub(crate) use origin::{Origin, host_and_port, is_authority};
pub(crate) use place::{ConfigError, Place};
pub(crate) use rate::Rate;
pub(crate) use settings::{AUDIT_LOG, Config, GC_GRACE, LOG_FORMAT};
pub(crate) use sources::Sources;
pub(crate) use traces::TracesConfig;
pub(crate) use values::{BodyPace, LogFormat};
