//! The three sources of settings, and which of them wins.

use super::file::{self, File};
use super::values::{self, Secret};
use clap::{Arg, ArgAction, ArgMatches};
use roadstead_registry::AccountDeclaration;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// One thing that can be set: a flag, an environment variable and a key of the file.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file; the flag has dashes for its underscores, the variable is `ROADSTEAD_` and the key in capitals.
    pub key: &'static str,
    /// What its value is called in the help; none for a switch.
    pub value: Option<&'static str>,
    /// What can be given.
    pub form: Form,
    /// The value that the bare flag stands for; none if the flag needs a value.
    pub bare: Option<&'static str>,
    /// One sentence for the help.
    pub help: &'static str,
}

/// What can be given as the value of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One text; a string in the file.
    Text,
    /// One number, perhaps with a unit; in the file a number, or with a unit a string.
    Number,
    /// Any number of texts; a list in the file.
    List,
    /// Any number of names with a number each, `name=number`; a table in the file.
    Numbers,
}

/// Everything that can be set.
pub const SETTINGS: &[Setting] = &[
    one("listen", "HOST:PORT", "Where to listen; port 0 takes any free one [default: 127.0.0.1:5000]"),
    one(
        "admin_listen",
        "HOST:PORT",
        "Where /metrics, /healthz and /readyz are answered instead, over plain HTTP; else where everything is",
    ),
    one("data", "FOLDER", "The folder that holds everything this server keeps [default: ./roadstead-data]"),
    switch("ephemeral", "Use a temporary folder instead of --data, and remove it on exit"),
    one("public_url", "URL", "Scheme and host that URLs in answers start with; else made from each request's Host"),
    one("tls_cert", "FILE", "The PEM file with the certificate chain to serve HTTPS with; looked at anew when it changes"),
    one("tls_key", "FILE", "The PEM file with the private key of that certificate"),
    one(
        "hsts",
        "DURATION",
        "Tell browsers over HTTPS to come back by HTTPS only for so long, such as 365d; it binds every port of the host",
    ),
    list("cors_origin", "ORIGIN|*", "A web site, such as https://app.example.org, whose pages may read under /v2/; can be repeated"),
    one("account_id", "DIGITS", "The registry id of this installation's account [default: 000000000000]"),
    one("alias", "NAME", "The registry alias; else one of AWS's default form is made at first start, and kept"),
    list("trusted_proxy", "IP|CIDR", "A peer whose X-Forwarded-Proto, -Host and -For headers count; can be repeated"),
    number(
        "max_connections",
        "NUMBER",
        "Connections at once; idle ones make room for new ones [default: what a quarter of --memory-budget and half of the descriptors allow]",
    ),
    number("max_connections_per_address", "NUMBER", "Of these, from one address or IPv6 /64 [default: a quarter]"),
    list("aws_regions", "REGION,…", "Refuse AWS signatures for other regions, as AWS does [without a value: us-east-1]; else any will do")
        .or("us-east-1"),
    one("log_format", "text|json", "Write structured logs in this format, also on a terminal"),
    one("audit_log", "FILE", "Add the audit log to this file, which SIGHUP opens anew; else it is among the other logs"),
    one("failed_login_rate", "RATE", "Bad signatures and logins of an address before more are answered with 429 [default: 60/m]"),
    switch("create_on_push", "A push makes the repository that it goes to"),
    switch("anonymous_describe", "Describe public repositories also to requests without a signature [default: true]"),
    switch("emulator", "Take any access key with any secret for good; an access key id of twelve digits is the account"),
    switch("emulator_on_network", "Let an emulator listen where other machines reach it: everybody there may do everything"),
    switch("sparse_indexes", "An index may be pushed before all the images that it lists"),
    one("pull_rate_anonymous", "RATE", "Images that an address may pull without a login, such as 1/s or 100/h; else any number"),
    one("pull_rate_authenticated", "RATE", "Images that an account may pull, such as 10/s; else any number"),
    number("pull_volume", "AMOUNT", "What an address may download without a login in a month, such as 500GB; else any amount"),
    number("memory_budget", "SIZE", "Memory that may be held for requests and answers, at least 16MiB [default: 256MiB]"),
    one("body_grace", "DURATION", "How long the body of a request may keep the server waiting [default: 60s]"),
    number("body_rate", "SIZE", "Bytes a second that make up for such waiting: a slower body is given up [default: 4KiB]"),
    one("idle_timeout", "DURATION", "How long a connection may wait for the next request, or take to send one's head [default: 75s]"),
    one("stall_timeout", "DURATION", "How long a request may go on while nothing of it moves [default: 10m]"),
    one("gc_interval", "DURATION", "How often blobs that nothing needs are removed; 0 for never [default: 1h]"),
    one("gc_grace", "DURATION", "How long such blobs are kept, so that a push under way finds them [default: 24h]"),
    number("limit_repositories", "NUMBER", "Repositories of a registry [default: 10000]"),
    number("limit_images_per_repository", "NUMBER", "Images of a repository [default: 100000]"),
    number("limit_tags_per_image", "NUMBER", "Tags of an image [default: 1000]"),
    number("limit_resource_tags", "NUMBER", "Resource tags of a repository [default: 50]"),
    number("limit_uploads", "NUMBER", "Unfinished uploads of a registry at the same time [default: 5000]"),
    number("limit_uploads_per_repository", "NUMBER", "Unfinished uploads of a repository at the same time [default: 1000]"),
    number("limit_layer_size", "SIZE", "Bytes of a layer, such as 10485760000 or 20GiB [default: 10000MiB]"),
    numbers("rates", "ACTION=NUMBER,…", "Requests per second that an account may make for an action, such as PutImage=10 [default: any]"),
];

const fn one(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { key, value: Some(value), form: Form::Text, bare: None, help }
}

const fn number(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { form: Form::Number, ..one(key, value, help) }
}

const fn numbers(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { form: Form::Numbers, ..one(key, value, help) }
}

const fn list(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { form: Form::List, ..one(key, value, help) }
}

const fn switch(key: &'static str, help: &'static str) -> Setting {
    Setting { key, value: None, form: Form::Text, bare: Some("true"), help }
}

impl Setting {
    /// The flag may come without a value, and then stands for this one.
    const fn or(self, bare: &'static str) -> Self {
        Self { bare: Some(bare), ..self }
    }

    /// The name of the flag, without its two dashes.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The name of the environment variable.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase())
    }

    /// The table and the key in the file: what limits stands together in `[limits]`.
    pub fn in_file(&self) -> (Option<&'static str>, &'static str) {
        match self.key.strip_prefix("limit_") {
            Some(limit) => (Some(LIMITS), limit),
            None => (None, self.key),
        }
    }

    /// A switch takes a value too (`--ephemeral=false`), so that a flag can undo what the environment or the file says.
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.key).long(self.flag()).help(self.help).value_name(self.value.unwrap_or("BOOL"));
        // A negative number is a value that is refused with the flag's name, and not a flag of its own.
        let arg = arg.allow_negative_numbers(true);
        let many = matches!(self.form, Form::List | Form::Numbers);
        let arg = arg.action(if many { ArgAction::Append } else { ArgAction::Set });
        match self.bare {
            Some(bare) => arg.num_args(0..=1).default_missing_value(bare).require_equals(self.value.is_none()),
            None => arg,
        }
    }
}

const PREFIX: &str = "ROADSTEAD_";
/// The table of the file that holds the settings whose keys begin with `limit_`.
pub(super) const LIMITS: &str = "limits";
const CONFIG: &str = "ROADSTEAD_CONFIG";
/// Variables that have no flag, because a command line can be read by every user of a machine, or because they name no setting.
const OTHER_VARIABLES: &[&str] = &[CONFIG, "ROADSTEAD_LOG", values::ACCESS_KEY_ID, values::SECRET_ACCESS_KEY, values::MASTER_KEY];

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A flag of the command line.
    Flag(String),
    /// An environment variable.
    Variable(String),
    /// A line of the file, or the file as a whole.
    File(PathBuf, Option<usize>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path, Some(line)) => write!(f, "{}:{line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
        }
    }
}

/// Why the configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ConfigError {
    /// Where the offending text stands.
    pub place: Place,
    /// What is wrong with it, on one line.
    pub reason: String,
}

/// What the command line says: the texts given for each key.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    config: Option<PathBuf>,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Flags {
    /// Nothing but where the data is, or the file that says so.
    pub(crate) fn of_data(data: Option<String>, config: Option<PathBuf>) -> Self {
        Self { config, values: data.into_iter().map(|folder| ("data", vec![folder])).collect() }
    }
}

impl clap::Args for Flags {
    fn augment_args(command: clap::Command) -> clap::Command {
        let config = Arg::new("config").long("config").value_name("FILE").help("A TOML file with any of these settings (listen = \"…\")");
        command.args(SETTINGS.iter().map(Setting::arg)).arg(config.value_parser(clap::value_parser!(PathBuf)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.config = matches.get_one::<PathBuf>("config").cloned();
        for setting in SETTINGS {
            if let Some(texts) = matches.get_many::<String>(setting.key) {
                self.values.insert(setting.key, texts.cloned().collect());
            }
        }
        Ok(())
    }
}

/// A text that was given for a setting, and where.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) place: Place,
    pub(super) text: String,
}

impl Text {
    fn refuse(&self, reason: String) -> ConfigError {
        ConfigError { place: self.place.clone(), reason }
    }
}

/// All sources, read but not yet interpreted.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    flags: Flags,
    variables: BTreeMap<String, String>,
    file: File,
    /// The variables that the file names for secrets.
    secrets: BTreeMap<String, Secret<String>>,
    /// Variables that start like ours and that nobody reads: reported, not refused, because container platforms
    /// inject such names for a service that is called `roadstead`.
    pub unknown_variables: Vec<String>,
}

impl Layers {
    /// Collects the flags, this process's environment and the file that either of them names.
    pub fn read(flags: Flags, environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let mut layers = Self { flags, ..Self::default() };
        let environment: BTreeMap<OsString, OsString> = environment.collect();
        for (name, value) in &environment {
            layers.add_variable(name, value)?;
        }
        let named = layers.flags.config.clone().map(|path| (path, Place::Flag("config".into())));
        let named = named.or_else(|| layers.variables.get(CONFIG).map(|path| (path.into(), Place::Variable(CONFIG.into()))));
        if let Some((path, place)) = named {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|error| ConfigError { place, reason: format!("cannot read '{}': {error}", path.display()) })?;
            layers.file = file::read(&path, &text)?;
            let secrets = layers.file.accounts.variables().filter_map(|name| {
                let secret = environment.get(&OsString::from(name))?.to_str()?;
                Some((name.to_owned(), Secret(secret.to_owned())))
            });
            layers.secrets = secrets.collect();
            layers.unknown_variables.retain(|name| !layers.secrets.contains_key(name));
        }
        Ok(layers)
    }

    fn add_variable(&mut self, name: &OsString, value: &OsString) -> Result<(), ConfigError> {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)).map(str::to_owned) else { return Ok(()) };
        if !OTHER_VARIABLES.contains(&name.as_str()) && !SETTINGS.iter().any(|setting| setting.variable() == name) {
            self.unknown_variables.push(name);
            return Ok(());
        }
        // An empty value is refused rather than ignored: an unfilled secret must not quietly become a fresh one.
        match value.to_str() {
            Some(value) if !value.is_empty() => self.variables.insert(name, value.to_owned()),
            Some(_) => return Err(ConfigError { place: Place::Variable(name), reason: "is empty".into() }),
            None => return Err(ConfigError { place: Place::Variable(name), reason: "is not UTF-8".into() }),
        };
        Ok(())
    }

    /// The value of a setting, from the strongest source that gives it.
    pub(super) fn one<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        match self.find(key).unwrap_or_default().as_slice() {
            [] => Ok(None),
            [given] => parse(&given.text).map(Some).map_err(|reason| given.refuse(reason)),
            [given, ..] => Err(given.refuse(format!("'{key}' takes one value"))),
        }
    }

    /// The values of a setting that takes a list, from the strongest source that gives it: sources are not merged.
    pub(super) fn many<T>(&self, key: &str, mut parse: impl FnMut(&str) -> Result<T, String>) -> Result<Option<Vec<T>>, ConfigError> {
        let Some(given) = self.find(key) else { return Ok(None) };
        let mut items = Vec::new();
        for given in &given {
            for item in given.text.split(',') {
                items.push(parse(item.trim()).map_err(|reason| given.refuse(reason))?);
            }
        }
        Ok(Some(items))
    }

    /// The value of a variable that is no setting.
    pub(super) fn variable<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let parsed = self.variables.get(name).map(|text| parse(text)).transpose();
        parsed.map_err(|reason| ConfigError { place: Place::Variable(name.to_owned()), reason })
    }

    /// The accounts that the file declares.
    pub(super) fn accounts(&self) -> Result<Vec<AccountDeclaration>, ConfigError> {
        self.file.accounts.declarations(&self.secrets)
    }

    /// The files in which the file, or it itself, holds secrets of accounts.
    pub(super) fn secret_files(&self) -> Vec<PathBuf> {
        self.file.accounts.secret_files()
    }

    fn find(&self, key: &str) -> Option<Vec<Text>> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key)?;
        if let Some(texts) = self.flags.values.get(key) {
            let place = Place::Flag(setting.flag());
            return Some(texts.iter().map(|text| Text { place: place.clone(), text: text.clone() }).collect());
        }
        if let Some(text) = self.variables.get(&setting.variable()) {
            return Some(vec![Text { place: Place::Variable(setting.variable()), text: text.clone() }]);
        }
        self.file.settings.get(key).cloned()
    }
}
