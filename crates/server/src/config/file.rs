//! The TOML file: settings, the tables `[limits]` and `[rates]`, and declared accounts.

use super::accounts::Accounts;
use super::place::{ConfigError, Given, TomlText};
use super::setting::{Form, LIMITS, Setting};
use super::settings::{Config, SETTINGS};
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The key of the tables that declare accounts.
const ACCOUNT: &str = "account";

#[derive(Debug, Clone, Default)]
pub(super) struct File {
    /// The texts given for each setting.
    pub(super) settings: BTreeMap<&'static str, Vec<Given>>,
    pub(super) accounts: Accounts,
}

/// Parses a file. Fails on unknown keys and on values of the wrong type.
pub(super) fn read(path: &Path, text: &str) -> Result<File, ConfigError> {
    let source = TomlText { path, text };
    let table = DeTable::parse(text).map_err(|error| source.malformed(&error))?;
    let mut file = File::default();
    for (key, value) in table.into_inner() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            (ACCOUNT, DeValue::Array(_)) => file.accounts = Accounts::read(&source, value)?,
            (LIMITS, DeValue::Table(limits)) => {
                limits.iter().try_for_each(|(key, value)| file.take(&source, Some(LIMITS), key, value))?;
            }
            (ACCOUNT, _) => return Err(source.refuse(key.span(), format!("'{ACCOUNT}' is a list of tables: write [[{ACCOUNT}]]"))),
            (LIMITS, other) => {
                return Err(source.refuse(key.span(), format!("'{LIMITS}' is a table, not a value of type {}", other.type_str())));
            }
            _ => file.take(&source, None, &key, &value)?,
        }
    }
    Ok(file)
}

impl File {
    fn take(
        &mut self,
        source: &TomlText<'_>,
        table: Option<&str>,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), ConfigError> {
        let name = key.get_ref().as_ref();
        let unknown = || source.refuse(key.span(), format!("unknown key '{name}'; the keys are {}", keys_of(table)));
        let setting = SETTINGS.iter().find(|setting| setting.in_file() == (table, name)).ok_or_else(unknown)?;
        self.settings.insert(setting.key, texts_of(source, setting, key, value)?);
        Ok(())
    }
}

fn texts_of(
    source: &TomlText<'_>,
    setting: &Setting<Config>,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<Given>, ConfigError> {
    let text = |text: String| Given { place: source.place(key.span()), text };
    let refuse = |reason| source.refuse(key.span(), reason);
    let wrong = |kind| refuse(format!("'{}' is {kind}, not a value of type {}", setting.in_file().1, value.get_ref().type_str()));
    match (setting.form, value.get_ref()) {
        (_, DeValue::Boolean(on)) if setting.value.is_none() => Ok(vec![text(on.to_string())]),
        _ if setting.value.is_none() => Err(wrong("true or false")),
        (Form::Numbers, DeValue::Table(pairs)) => pairs.iter().map(|(name, value)| pair(source, name, value)).collect(),
        (Form::Numbers, _) => Err(wrong("a table of numbers")),
        (_, DeValue::String(given)) => Ok(vec![text(given.to_string())]),
        (Form::Number, DeValue::Integer(number)) => Ok(vec![text(number.to_string())]),
        (Form::Number, DeValue::Float(number)) => Ok(vec![text(number.as_str().to_owned())]),
        (Form::Number, _) => Err(wrong("a number")),
        (Form::List, DeValue::Array(items)) if items.is_empty() && setting.needs_an_item => {
            Err(refuse(format!("'{}' is an empty list: name at least one, or remove the key", setting.key)))
        }
        (Form::List, DeValue::Array(items)) => {
            let items = items.iter().map(|item| item.get_ref().as_str().map(|item| text(item.to_owned())));
            items.collect::<Option<Vec<_>>>().ok_or_else(|| refuse(format!("'{}' is a list of strings", setting.key)))
        }
        (Form::List, _) => Err(wrong("a list of strings")),
        (Form::Text, _) => Err(wrong("a string in quotes")),
    }
}

/// A key and its number in the form of a flag, `key=number`.
fn pair(source: &TomlText<'_>, name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Result<Given, ConfigError> {
    let number = match value.get_ref() {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.as_str().to_owned(),
        other => {
            let reason = format!("'{}' is a number, not a value of type {}", name.get_ref(), other.type_str());
            return Err(source.refuse(name.span(), reason));
        }
    };
    Ok(Given { place: source.place(name.span()), text: format!("{}={number}", name.get_ref()) })
}

/// The keys of a table of the file, or of the file itself.
fn keys_of(table: Option<&str>) -> String {
    let settings = SETTINGS.iter().map(Setting::in_file).filter(|(of, _)| *of == table).map(|(_, key)| key);
    let tables = if table.is_none() { [LIMITS, ACCOUNT].as_slice() } else { &[] };
    settings.chain(tables.iter().copied()).collect::<Vec<_>>().join(", ")
}
