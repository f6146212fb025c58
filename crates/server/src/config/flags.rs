//! The flags of the command line that are settings.

use super::places;
use super::setting::Setting;
use super::settings::{Config, SETTINGS};
use clap::{Arg, ArgMatches};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The texts on the command line, by key.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub(super) config: Option<PathBuf>,
    pub(super) values: BTreeMap<&'static str, Vec<String>>,
}

/// The flags of a command, which say where the data is. They can stand before and after its verb.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlaceFlags(pub(crate) Flags);

impl Flags {
    fn read<'a>(matches: &ArgMatches, settings: impl IntoIterator<Item = &'a Setting<Config>>) -> Self {
        let texts = |setting: &Setting<Config>| Some((setting.key, matches.get_many::<String>(setting.key)?.cloned().collect()));
        Self { config: matches.get_one("config").cloned(), values: settings.into_iter().filter_map(texts).collect() }
    }
}

fn config_arg(help: &'static str) -> Arg {
    Arg::new("config").long("config").value_name("FILE").help(help).value_parser(clap::value_parser!(PathBuf))
}

impl clap::Args for Flags {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(SETTINGS.iter().map(Setting::arg)).arg(config_arg("A TOML file with any of these settings (listen = \"…\")"))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self::read(matches, SETTINGS))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::read(matches, SETTINGS);
        Ok(())
    }
}

impl clap::Args for PlaceFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        let flags = places::OF_COMMANDS.iter().map(|setting| setting.arg());
        let flags = flags.chain([config_arg("The TOML file of the server, which may say where its data is")]);
        command.args(flags.map(|flag| flag.global(true).help_heading(Self::HEADING)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for PlaceFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(Flags::read(matches, places::OF_COMMANDS)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl PlaceFlags {
    /// The heading of options that every command takes.
    pub(crate) const HEADING: &str = "Options of all commands";
}
