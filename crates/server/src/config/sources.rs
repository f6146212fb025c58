//! The sources of settings. Flags override environment variables, which override the file, which overrides the defaults.

use super::file::{self, File};
use super::flags::Flags;
use super::place::{ConfigError, Given, Place};
use super::places;
use super::setting::{PREFIX, Setting};
use super::settings::{Config, EPHEMERAL, SETTINGS};
use super::values::{self, RootKey, Secret};
use roadstead_registry::{BackupPlace, BlobsPlace, DatabasePlace, OpenOptions, Sharing};
use std::collections::BTreeMap;
use std::ffi::OsString;

const CONFIG: &str = "ROADSTEAD_CONFIG";
const ACCESS_KEY_ID: &str = "ROADSTEAD_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "ROADSTEAD_SECRET_ACCESS_KEY";
const MASTER_KEY: &str = "ROADSTEAD_MASTER_KEY";
/// Variables without a flag: secrets, because every user of a machine can read command lines, and one that is not a setting.
const OTHER_VARIABLES: &[&str] = &[CONFIG, ACCESS_KEY_ID, SECRET_ACCESS_KEY, MASTER_KEY];

/// A command does one thing after the other.
const CONNECTIONS_OF_COMMANDS: u32 = 4;
/// The memory budget of a command, in bytes.
const MEMORY_OF_COMMANDS: u64 = 256 << 20;

/// The kinds of sources. A later one overrides an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precedence {
    File,
    Variable,
    Flag,
}

/// The texts of all sources, which are parsed once it is known which source wins.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    flags: Flags,
    variables: BTreeMap<String, String>,
    file: File,
    /// The values of the variables that the file refers to for secrets.
    secrets: BTreeMap<String, Secret<String>>,
    /// Unknown variables with the prefix of settings. They are reported, not refused, because container platforms inject such
    /// names for a service called `roadstead`.
    pub unknown_variables: Vec<String>,
}

impl Sources {
    /// Reads the environment, and the file that the flags or the environment name.
    pub fn read(flags: Flags, environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let mut sources = Self { flags, ..Self::default() };
        let environment: BTreeMap<OsString, OsString> = environment.collect();
        for (name, value) in &environment {
            sources.add_variable(name, value)?;
        }
        let named = sources.flags.config.clone().map(|path| (path, Place::Flag("config".into())));
        let named = named.or_else(|| sources.variables.get(CONFIG).map(|path| (path.into(), Place::Variable(CONFIG.into()))));
        if let Some((path, place)) = named {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|error| ConfigError { place, reason: format!("cannot read '{}': {error}", path.display()) })?;
            sources.file = file::read(&path, &text)?;
            let secrets = sources.file.accounts.variables().filter_map(|name| {
                let secret = environment.get(&OsString::from(name))?.to_str()?;
                Some((name.to_owned(), Secret(secret.to_owned())))
            });
            sources.secrets = secrets.collect();
            sources.unknown_variables.retain(|name| !sources.secrets.contains_key(name));
        }
        Ok(sources)
    }

    fn add_variable(&mut self, name: &OsString, value: &OsString) -> Result<(), ConfigError> {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)).map(str::to_owned) else { return Ok(()) };
        if !OTHER_VARIABLES.contains(&name.as_str()) && !SETTINGS.iter().any(|setting| setting.variable() == name) {
            self.unknown_variables.push(name);
            return Ok(());
        }
        // An empty value is refused: the server must not generate a secret because a variable was left empty.
        match value.to_str() {
            Some(value) if !value.is_empty() => self.variables.insert(name, value.to_owned()),
            Some(_) => return Err(ConfigError { place: Place::Variable(name), reason: "is empty".into() }),
            None => return Err(ConfigError { place: Place::Variable(name), reason: "is not UTF-8".into() }),
        };
        Ok(())
    }

    /// The texts for a setting, from the first source that gives any, or its default.
    fn given(&self, setting: &Setting<Config>) -> Vec<Given> {
        let default = || setting.default.map(|text| Given { place: Place::Flag(setting.flag()), text: text.to_owned() });
        self.given_by_a_source(setting).unwrap_or_else(|| default().into_iter().collect())
    }

    /// The texts for a setting, from the first source that gives any. Lists of several sources are not merged.
    fn given_by_a_source(&self, setting: &Setting<Config>) -> Option<Vec<Given>> {
        if let Some(texts) = self.flags.values.get(setting.key) {
            let place = Place::Flag(setting.flag());
            return Some(texts.iter().map(|text| Given { place: place.clone(), text: text.clone() }).collect());
        }
        if let Some(text) = self.variables.get(&setting.variable()) {
            return Some(vec![Given { place: Place::Variable(setting.variable()), text: text.clone() }]);
        }
        self.file.settings.get(setting.key).cloned()
    }

    /// The places of settings that a source gives although they have no effect, each with what it needs.
    pub(crate) fn idle_settings(&self, config: &Config) -> Vec<(Place, &'static str)> {
        let given = |setting| self.given_by_a_source(setting)?.into_iter().next();
        config.idle_settings().filter_map(|(setting, needed)| Some((given(setting)?.place, needed))).collect()
    }

    /// How strongly a setting is given, or `None` if no source gives it.
    fn precedence(&self, setting: &Setting<Config>) -> Option<Precedence> {
        let (flags, file) = (&self.flags.values, &self.file.settings);
        [
            (flags.contains_key(setting.key), Precedence::Flag),
            (self.variables.contains_key(&setting.variable()), Precedence::Variable),
            (file.contains_key(setting.key), Precedence::File),
        ]
        .into_iter()
        .find_map(|(given, precedence)| given.then_some(precedence))
    }

    /// Fails if `--ephemeral` would ignore a directory that the same source, or one that overrides it, names. Variables come from several
    /// places, such as an image and whoever runs it, so that one of them may override another.
    fn refuse_ignored_directory(&self) -> Result<(), ConfigError> {
        let (directory, ephemeral) = (self.precedence(&places::DATA), self.precedence(&EPHEMERAL));
        let both_are_variables = directory == Some(Precedence::Variable) && directory == ephemeral;
        if directory.is_none() || directory < ephemeral || both_are_variables {
            return Ok(());
        }
        let refuse = |data: &Given| data.refuse(format!("--ephemeral keeps nothing in '{}': remove one of the two", data.text));
        self.given(&places::DATA).first().map_or(Ok(()), |data| Err(refuse(data)))
    }

    /// The value of a variable that is not a setting.
    fn variable<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let parsed = self.variables.get(name).map(|text| parse(text)).transpose();
        parsed.map_err(|reason| ConfigError { place: Place::Variable(name.to_owned()), reason })
    }

    /// The root access key. Fails if only one of its two variables is set.
    fn root_key(&self) -> Result<Option<RootKey>, ConfigError> {
        let id = self.variable(ACCESS_KEY_ID, values::access_key_id)?;
        let secret = self.variable(SECRET_ACCESS_KEY, values::secret_access_key)?;
        let missing = |present: &str, absent: &str| {
            let reason = format!("is not set, but {present} is: set both or neither");
            Err(ConfigError { place: Place::Variable(absent.to_owned()), reason })
        };
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Some(RootKey { id, secret })),
            (None, None) => Ok(None),
            (Some(_), None) => missing(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
            (None, Some(_)) => missing(SECRET_ACCESS_KEY, ACCESS_KEY_ID),
        }
    }

    /// The options for a command to open the installation, whether or not a server is running.
    pub(crate) fn open_options(&self) -> Result<OpenOptions, ConfigError> {
        let mut places = Config::only(places::OF_COMMANDS, self)?.places;
        places.refuse_two_passwords()?;
        places.database_connections = CONNECTIONS_OF_COMMANDS;
        let mut options = places.open_options(places.data.clone(), MEMORY_OF_COMMANDS);
        options.sharing = Sharing::Command;
        options.master_key = self.variable(MASTER_KEY, values::master_key)?;
        Ok(options)
    }

    /// The options for a command to open an installation in these places, which a flag names: a directory or a URL, or one of each.
    pub(crate) fn open_options_at(&self, flag: &str, places: &[String]) -> Result<OpenOptions, ConfigError> {
        let at = Place::Flag(flag.to_owned());
        let options = self.options_at(&at, places)?;
        match options.names_every_place() {
            true => Ok(options),
            false => Err(ConfigError {
                place: at,
                reason: "names no place for everything: name a directory, or a database and a bucket".to_owned(),
            }),
        }
    }

    /// The place of backups that an argument or a flag names: a directory or the URL of a bucket.
    pub(crate) fn backup_place(&self, at: Place, text: &str) -> Result<BackupPlace, ConfigError> {
        let options = self.options_at(&at, std::slice::from_ref(&text.to_owned()))?;
        match (options.database, options.blobs) {
            (DatabasePlace::File, BlobsPlace::S3(bucket)) => Ok(BackupPlace::Bucket(bucket)),
            (DatabasePlace::File, BlobsPlace::Folder) => Ok(BackupPlace::Directory(options.data)),
            (DatabasePlace::Postgres(_), _) => {
                Err(ConfigError { place: at, reason: "is a database: name a directory or s3://bucket/prefix".to_owned() })
            }
        }
    }

    fn options_at(&self, at: &Place, places: &[String]) -> Result<OpenOptions, ConfigError> {
        let mut sources = self.clone();
        let of_places = [&places::DATA, &places::DATABASE, &places::BLOBS];
        for setting in of_places {
            // Nothing is taken from other sources.
            sources.flags.values.insert(setting.key, Vec::new());
        }
        let refuse = |reason: &str| ConfigError { place: at.clone(), reason: reason.to_owned() };
        for place in places {
            let setting = places::setting_of(place);
            let texts = sources.flags.values.entry(setting.key).or_default();
            if !texts.is_empty() {
                return Err(refuse("names two places of the same kind"));
            }
            texts.push(place.clone());
        }
        sources.open_options().map_err(|error| match &error.place {
            Place::Flag(name) if of_places.iter().any(|setting| setting.flag() == *name) => refuse(&error.reason),
            _ => error,
        })
    }
}

impl Config {
    /// Parses all settings. Fails with the place of the first invalid text.
    pub fn from_sources(sources: &Sources) -> Result<Self, ConfigError> {
        let mut config = Self::only(SETTINGS, sources)?;
        config.places.refuse_two_passwords()?;
        if config.ephemeral {
            sources.refuse_ignored_directory()?;
        }
        config.accounts = sources.file.accounts.declarations(&sources.secrets)?;
        config.secret_files = sources.file.accounts.secret_files();
        let files = [&config.tls_key, &config.places.database_password_file, &config.places.master_key_file];
        config.secret_files.extend(files.into_iter().flatten().cloned());
        config.root_key = sources.root_key()?;
        config.master_key = sources.variable(MASTER_KEY, values::master_key)?.map(Secret);
        Ok(config)
    }

    /// Parses some settings and leaves the others blank, so that a command does not fail because of settings that it does not use.
    pub(crate) fn only<'a>(settings: impl IntoIterator<Item = &'a Setting<Self>>, sources: &Sources) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for setting in settings {
            setting.apply(&mut config, &sources.given(setting))?;
        }
        Ok(config)
    }
}
