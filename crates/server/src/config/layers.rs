//! The three sources of settings, and which of them wins.

use clap::{Arg, ArgAction, ArgMatches};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

use super::values;

/// One thing that can be set: a flag, an environment variable and a key of the file.
#[derive(Debug)]
pub struct Setting {
    /// The key in the file; the flag has dashes for its underscores, the variable is `ROADSTEAD_` and the key in capitals.
    pub key: &'static str,
    /// What its value is called in the help; none for a switch.
    pub value: Option<&'static str>,
    /// Whether it can be given more than once.
    pub list: bool,
    /// The value that the bare flag stands for; none if the flag needs a value.
    pub bare: Option<&'static str>,
    /// One sentence for the help.
    pub help: &'static str,
}

/// Everything that can be set.
pub const SETTINGS: &[Setting] = &[
    one("listen", "HOST:PORT", "Where to listen; port 0 takes any free one [default: 127.0.0.1:5000]"),
    one("data", "FOLDER", "The folder that holds everything this server keeps [default: ./roadstead-data]"),
    switch("ephemeral", "Use a temporary folder instead of --data, and remove it on exit"),
    one("public_url", "URL", "Scheme and host that URLs in answers start with; else made from each request's Host"),
    one("tls_cert", "FILE", "The PEM file with the certificate chain to serve HTTPS with; looked at anew when it changes"),
    one("tls_key", "FILE", "The PEM file with the private key of that certificate"),
    one("account_id", "DIGITS", "The registry id of this installation's account [default: 000000000000]"),
    one("alias", "NAME", "The registry alias; else one of AWS's default form is made at first start, and kept"),
    list("trusted_proxy", "IP|CIDR", "A peer whose X-Forwarded-Proto, -Host and -For headers count; can be repeated"),
    list("aws_regions", "REGION,…", "Refuse AWS signatures for other regions, as AWS does [without a value: us-east-1]; else any will do")
        .or("us-east-1"),
    one("log_format", "text|json", "Write structured logs in this format, also on a terminal"),
    switch("create_on_push", "A push makes the repository that it goes to"),
    switch("anonymous_describe", "Describe public repositories also to requests without a signature [default: true]"),
    switch("emulator", "Take any access key with any secret for good; an access key id of twelve digits is the account"),
    switch("emulator_on_network", "Let an emulator listen where other machines reach it: everybody there may do everything"),
    switch("sparse_indexes", "An index may be pushed before all the images that it lists"),
    one("gc_interval", "DURATION", "How often blobs that nothing needs are removed; 0 for never [default: 1h]"),
    one("gc_grace", "DURATION", "How long such blobs are kept, so that a push under way finds them [default: 24h]"),
];

const fn one(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { key, value: Some(value), list: false, bare: None, help }
}

const fn list(key: &'static str, value: &'static str, help: &'static str) -> Setting {
    Setting { key, value: Some(value), list: true, bare: None, help }
}

const fn switch(key: &'static str, help: &'static str) -> Setting {
    Setting { key, value: None, list: false, bare: Some("true"), help }
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

    /// A switch takes a value too (`--ephemeral=false`), so that a flag can undo what the environment or the file says.
    fn arg(&self) -> Arg {
        let arg = Arg::new(self.key).long(self.flag()).help(self.help).value_name(self.value.unwrap_or("BOOL"));
        let arg = arg.action(if self.list { ArgAction::Append } else { ArgAction::Set });
        match self.bare {
            Some(bare) => arg.num_args(0..=1).default_missing_value(bare).require_equals(self.value.is_none()),
            None => arg,
        }
    }
}

const PREFIX: &str = "ROADSTEAD_";
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

/// The texts of one key in one source.
#[derive(Debug, Clone)]
struct Texts {
    place: Place,
    texts: Vec<String>,
}

/// All sources, read but not yet interpreted.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    flags: Flags,
    variables: BTreeMap<String, String>,
    file: BTreeMap<String, Texts>,
    /// Variables that start like ours and that nobody reads: reported, not refused, because container platforms
    /// inject such names for a service that is called `roadstead`.
    pub unknown_variables: Vec<String>,
}

impl Layers {
    /// Collects the flags, this process's environment and the file that either of them names.
    pub fn read(flags: Flags, environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        let mut layers = Self { flags, ..Self::default() };
        for (name, value) in environment {
            layers.add_variable(name, value)?;
        }
        let named = layers.flags.config.clone().map(|path| (path, Place::Flag("config".into())));
        let named = named.or_else(|| layers.variables.get(CONFIG).map(|path| (path.into(), Place::Variable(CONFIG.into()))));
        if let Some((path, place)) = named {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|error| ConfigError { place, reason: format!("cannot read '{}': {error}", path.display()) })?;
            layers.file = read_file(&path, &text)?;
        }
        Ok(layers)
    }

    fn add_variable(&mut self, name: OsString, value: OsString) -> Result<(), ConfigError> {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)).map(str::to_owned) else { return Ok(()) };
        if !OTHER_VARIABLES.contains(&name.as_str()) && !SETTINGS.iter().any(|setting| setting.variable() == name) {
            self.unknown_variables.push(name);
            return Ok(());
        }
        // An empty value is refused rather than ignored: an unfilled secret must not quietly become a fresh one.
        match value.into_string() {
            Ok(value) if !value.is_empty() => self.variables.insert(name, value),
            Ok(_) => return Err(ConfigError { place: Place::Variable(name), reason: "is empty".into() }),
            Err(_) => return Err(ConfigError { place: Place::Variable(name), reason: "is not UTF-8".into() }),
        };
        Ok(())
    }

    /// The value of a setting, from the strongest source that gives it.
    pub(super) fn one<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let Some(Texts { place, texts }) = self.find(key) else { return Ok(None) };
        let refuse = |reason| ConfigError { place: place.clone(), reason };
        match texts.as_slice() {
            [text] => parse(text).map(Some).map_err(refuse),
            _ => Err(refuse(format!("'{key}' takes one value"))),
        }
    }

    /// The values of a setting that takes a list, from the strongest source that gives it: sources are not merged.
    pub(super) fn many<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<Vec<T>>, ConfigError> {
        let Some(Texts { place, texts }) = self.find(key) else { return Ok(None) };
        let items = texts.iter().flat_map(|text| text.split(',')).map(|item| parse(item.trim()));
        items.collect::<Result<Vec<T>, String>>().map(Some).map_err(|reason| ConfigError { place, reason })
    }

    /// The value of a variable that is no setting.
    pub(super) fn variable<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let parsed = self.variables.get(name).map(|text| parse(text)).transpose();
        parsed.map_err(|reason| ConfigError { place: Place::Variable(name.to_owned()), reason })
    }

    fn find(&self, key: &str) -> Option<Texts> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key)?;
        if let Some(texts) = self.flags.values.get(key) {
            return Some(Texts { place: Place::Flag(setting.flag()), texts: texts.clone() });
        }
        if let Some(text) = self.variables.get(&setting.variable()) {
            return Some(Texts { place: Place::Variable(setting.variable()), texts: vec![text.clone()] });
        }
        self.file.get(key).cloned()
    }
}

/// Reads the file: keys that are settings, with values of the right kind.
fn read_file(path: &Path, text: &str) -> Result<BTreeMap<String, Texts>, ConfigError> {
    let place = |span: std::ops::Range<usize>| Place::File(path.to_owned(), Some(line_at(text, span.start)));
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().map_or_else(|| Place::File(path.to_owned(), None), place);
        ConfigError { place, reason: error.message().replace('\n', ", ") }
    })?;
    let mut found = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let refuse = |reason| ConfigError { place: place(key.span()), reason };
        let name = key.get_ref().as_ref();
        let setting = SETTINGS.iter().find(|setting| setting.key == name);
        let setting = setting.ok_or_else(|| refuse(format!("unknown key '{name}'; the keys are {}", all_keys())))?;
        let texts = texts_of(setting, value.get_ref()).map_err(refuse)?;
        found.insert(name.to_owned(), Texts { place: place(key.span()), texts });
    }
    Ok(found)
}

fn texts_of(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let key = setting.key;
    match (setting.list, setting.value, value) {
        (_, None, DeValue::Boolean(on)) => Ok(vec![on.to_string()]),
        (_, None, other) => Err(format!("'{key}' is true or false, not a value of type {}", other.type_str())),
        (_, Some(_), DeValue::String(text)) => Ok(vec![text.to_string()]),
        (true, _, DeValue::Array(items)) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().ok_or_else(|| format!("'{key}' is a list of strings"))
        }
        (list, _, other) => {
            let kind = if list { "a list of strings" } else { "a string in quotes" };
            Err(format!("'{key}' is {kind}, not a value of type {}", other.type_str()))
        }
    }
}

fn all_keys() -> String {
    SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
}

/// The number of the line that holds this byte, counted from one.
fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
