//! Accounts declared in the file, for unattended set-ups.
//!
//! Their tables are deserialized with the file but interpreted later, because only a server needs the secrets that they refer to.

use super::place::{ConfigError, TomlText};
use super::values::{self, Secret};
use roadstead_model::policy::UserPolicy;
use roadstead_registry::{AccountDeclaration, AliasDeclaration, KeyDeclaration, UserDeclaration};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

/// The `[[account]]` tables of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Accounts {
    path: PathBuf,
    /// The text of the file, for line numbers. It may contain secrets.
    text: Secret<String>,
    tables: Vec<AccountTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountTable {
    id: Option<Spanned<String>>,
    verified: Option<bool>,
    #[serde(default)]
    alias: Vec<AliasTable>,
    #[serde(default)]
    access_key: Vec<KeyTable>,
    #[serde(default)]
    user: Vec<UserTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct AliasTable {
    name: Spanned<String>,
    status: Option<Spanned<String>>,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    default: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserTable {
    name: Spanned<String>,
    #[serde(default)]
    managed_policies: Vec<Spanned<String>>,
    #[serde(default)]
    policy: Vec<PolicyTable>,
    #[serde(default)]
    access_key: Vec<KeyTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyTable {
    name: Spanned<String>,
    document: Option<String>,
    document_file: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    id: Spanned<String>,
    secret: Option<Secret<String>>,
    secret_file: Option<String>,
    secret_env: Option<String>,
    active: Option<bool>,
}

impl Accounts {
    /// Deserializes the value of the key `account`, a list of tables; unknown keys are refused.
    pub(super) fn read(source: &TomlText<'_>, value: Spanned<DeValue<'_>>) -> Result<Self, ConfigError> {
        let tables = Vec::<AccountTable>::deserialize(ValueDeserializer::from(value)).map_err(|error| source.malformed(&error))?;
        Ok(Self { path: source.path.to_owned(), text: Secret(source.text.to_owned()), tables })
    }

    /// The environment variables that contain secrets of access keys.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.access_keys().filter_map(|key| key.secret_env.as_deref())
    }

    /// The files that contain secrets of access keys: those named in the file, and the file itself if it contains any.
    pub(super) fn secret_files(&self) -> Vec<PathBuf> {
        let own = self.access_keys().any(|key| key.secret.is_some()).then(|| self.path.clone());
        let named = self.access_keys().filter_map(|key| key.secret_file.as_deref());
        own.into_iter().chain(named.map(|name| beside(&self.path, name))).collect()
    }

    fn access_keys(&self) -> impl Iterator<Item = &KeyTable> {
        self.tables.iter().flat_map(|table| table.user.iter().flat_map(|user| &user.access_key).chain(&table.access_key))
    }

    /// Interprets the tables, and reads the secrets from the files and variables that they refer to.
    pub(super) fn declarations(&self, variables: &BTreeMap<String, Secret<String>>) -> Result<Vec<AccountDeclaration>, ConfigError> {
        let reader = Reader { source: TomlText { path: &self.path, text: &self.text.0 }, variables };
        self.tables.iter().map(|table| reader.account(table)).collect()
    }
}

struct Reader<'a> {
    source: TomlText<'a>,
    variables: &'a BTreeMap<String, Secret<String>>,
}

impl Reader<'_> {
    fn account(&self, table: &AccountTable) -> Result<AccountDeclaration, ConfigError> {
        self.only_one(&table.alias, |alias| alias.primary, "primary")?;
        self.only_one(&table.alias, |alias| alias.default, "default")?;
        Ok(AccountDeclaration {
            id: table.id.as_ref().map(|id| self.parsed(id, values::account_id)).transpose()?,
            verified: table.verified,
            aliases: table.alias.iter().map(|alias| self.alias(alias)).collect::<Result<_, _>>()?,
            access_keys: self.keys(&table.access_key)?,
            users: table.user.iter().map(|user| self.user(user)).collect::<Result<_, _>>()?,
        })
    }

    fn only_one(&self, aliases: &[AliasTable], marked: impl Fn(&&AliasTable) -> bool, mark: &str) -> Result<(), ConfigError> {
        match aliases.iter().filter(marked).nth(1) {
            Some(second) => Err(self.refuse(&second.name, format!("a registry has one {mark} alias, and this is the second"))),
            None => Ok(()),
        }
    }

    fn alias(&self, table: &AliasTable) -> Result<AliasDeclaration, ConfigError> {
        Ok(AliasDeclaration {
            name: self.parsed(&table.name, values::alias)?,
            status: table.status.as_ref().map(|status| self.parsed(status, values::alias_status)).transpose()?,
            primary: table.primary,
            default: table.default,
        })
    }

    fn user(&self, table: &UserTable) -> Result<UserDeclaration, ConfigError> {
        let managed = |name| self.parsed(name, |name| UserPolicy::managed(name).map_err(|error| error.to_string()));
        let managed = table.managed_policies.iter().map(managed);
        let own = table.policy.iter().map(|policy| self.policy(policy));
        Ok(UserDeclaration {
            name: self.parsed(&table.name, values::user_name)?,
            policies: managed.chain(own).collect::<Result<_, _>>()?,
            access_keys: self.keys(&table.access_key)?,
        })
    }

    fn policy(&self, table: &PolicyTable) -> Result<UserPolicy, ConfigError> {
        let document = match (&table.document, &table.document_file) {
            (Some(text), None) => text.clone(),
            (None, Some(file)) => self.read(&table.name, file)?,
            _ => return Err(self.refuse(&table.name, "the policy needs either 'document' or 'document_file'".to_owned())),
        };
        self.parsed(&table.name, |name| UserPolicy::with_document(name, document.clone()).map_err(|error| error.to_string()))
    }

    fn keys(&self, tables: &[KeyTable]) -> Result<Vec<KeyDeclaration>, ConfigError> {
        tables.iter().map(|table| self.key(table)).collect()
    }

    fn key(&self, table: &KeyTable) -> Result<KeyDeclaration, ConfigError> {
        let secret = match (&table.secret, &table.secret_file, &table.secret_env) {
            (Some(secret), None, None) => secret.0.clone(),
            (None, Some(file), None) => self.read(&table.id, file)?,
            (None, None, Some(variable)) => self.variable(&table.id, variable)?,
            _ => return Err(self.refuse(&table.id, "the access key needs one of 'secret', 'secret_file' and 'secret_env'".to_owned())),
        };
        let secret = values::secret_access_key(secret.trim_end_matches(['\r', '\n']));
        let secret = secret.map_err(|reason| self.refuse(&table.id, format!("the secret of the access key {reason}")))?;
        Ok(KeyDeclaration { id: self.parsed(&table.id, values::access_key_id)?, secret: secret.0, active: table.active })
    }

    fn variable(&self, at: &Spanned<String>, name: &str) -> Result<String, ConfigError> {
        let value = self.variables.get(name).map(|value| value.0.clone());
        value.ok_or_else(|| self.refuse(at, format!("the environment variable {name} is not set")))
    }

    fn read(&self, at: &Spanned<String>, name: &str) -> Result<String, ConfigError> {
        let path = beside(self.source.path, name);
        let text = std::fs::read_to_string(&path);
        text.map_err(|error| self.refuse(at, format!("cannot read '{}': {error}", path.display())))
    }

    fn parsed<T>(&self, text: &Spanned<String>, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        parse(text.get_ref()).map_err(|reason| self.refuse(text, reason))
    }

    fn refuse(&self, at: &Spanned<String>, reason: String) -> ConfigError {
        self.source.refuse(at.span(), reason)
    }
}

/// Resolves a path in a file, which is relative to the directory of that file.
fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(name)
}

#[cfg(test)]
mod tests;
