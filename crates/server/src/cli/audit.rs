//! The audit log of commands. They append to the file of `--audit-log` if the environment or the file of `--config` sets it: the
//! stderr of a running server is out of reach of other processes.

use super::failure::Failure;
use crate::config::{AUDIT_LOG, Config, LOG_FORMAT, Sources};
use crate::telemetry::audit::{AuditFile, LEVEL, Value};
use roadstead_model::RegistryId;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, OnceLock};

/// The change that a command makes, for its audit event.
#[derive(Debug)]
pub(super) struct Change {
    /// The noun and the verb, such as `cli:user create`.
    pub(super) action: &'static str,
    pub(super) account: Whose,
    /// What is created, changed or deleted.
    pub(super) object: String,
    /// The id of a new access key, once it has been created.
    pub(super) new_key: Arc<OnceLock<String>>,
}

/// The account that a command changes.
#[derive(Debug)]
pub(super) enum Whose {
    /// The account on the command line, or `None` for the server's own.
    Given(Option<RegistryId>),
    /// An account that is unknown beforehand, or all accounts.
    Any,
}

impl Change {
    pub(super) fn new(action: &'static str, account: Whose, object: impl Into<String>) -> Self {
        Self { action, account, object: object.into(), new_key: Arc::default() }
    }

    pub(super) fn with_new_key(self, id: &Arc<OnceLock<String>>) -> Self {
        Self { new_key: id.clone(), ..self }
    }
}

/// The audit log, or `None` if there is nothing to log, or no file to log it to.
pub(super) struct AuditLog(Option<AuditFile>);

impl AuditLog {
    /// Opens the file before the command does anything, so that no change is made without a log.
    pub(super) fn of(sources: &Sources, is_change: bool) -> Result<Self, Failure> {
        let config = Config::only([&AUDIT_LOG, &LOG_FORMAT], sources)?;
        let Some(path) = config.audit_log.filter(|_| is_change) else { return Ok(Self(None)) };
        let file = AuditFile::open(&path, config.log_format.unwrap_or_default());
        let file = file.map_err(|error| Failure::Failed(format!("cannot open the audit log '{}': {error}", path.display())))?;
        Ok(Self(Some(file)))
    }

    /// Logs the outcome of a command, and returns it.
    pub(super) fn record(self, change: Option<Change>, own: &RegistryId, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let (Some(mut file), Some(change)) = (self.0, change) else { return outcome };
        let account = match &change.account {
            Whose::Given(account) => Some(account.as_ref().unwrap_or(own).as_str()),
            Whose::Any => None,
        };
        let object = change.new_key.get().map_or_else(|| change.object.clone(), |id| format!("{id} {}", change.object));
        let user = os_user();
        let word = if outcome.is_ok() { "done" } else { "failed" };
        let (reason, sudo_user) = (outcome.as_ref().err().map(ToString::to_string), std::env::var("SUDO_USER").ok());
        let fields = [
            LEVEL,
            ("message", Some(Value::Text("a write"))),
            ("outcome", Some(Value::Text(word))),
            ("action", Some(Value::Text(change.action))),
            ("resource", account.map(Value::Text)),
            ("object", Some(object.trim_end()).filter(|object| !object.is_empty()).map(Value::Text)),
            ("os_user", Some(Value::Text(&user))),
            ("sudo_user", sudo_user.as_deref().map(Value::Text)),
            ("reason", reason.as_deref().map(Value::Text)),
        ];
        match file.append(&fields) {
            Err(error) if outcome.is_ok() => {
                Err(Failure::Failed(format!("the command succeeded, but the audit log cannot be written: {error}")))
            }
            _ => outcome,
        }
    }
}

/// The name of the user that runs this process, or the id if it has no name.
fn os_user() -> String {
    let Ok(own) = std::fs::metadata("/proc/self") else { return "unknown".to_owned() };
    let number = own.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_of(&users, &number).unwrap_or(number)
}

/// The name for a user id in `/etc/passwd` (passwd(5)).
fn name_of(users: &str, number: &str) -> Option<String> {
    users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)? == number).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_of_the_system_has_a_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\n";
        assert_eq!(name_of(users, "1").as_deref(), Some("daemon"));
        assert_eq!(name_of(users, "10"), None);
    }
}
