//! A row of the table of settings.

use super::place::{ConfigError, Given};
use clap::{Arg, ArgAction, ValueHint};

/// The prefix of environment variables.
pub(super) const PREFIX: &str = "ROADSTEAD_";
/// The table of the file with the settings whose keys begin with `limit_`.
pub(super) const LIMITS: &str = "limits";

/// A flag, an environment variable and a key of the file, which all set the same part of a `C`.
pub(crate) struct Setting<C> {
    /// The key in the file. The flag has dashes instead of underscores; the variable is `ROADSTEAD_` and the key in upper case.
    pub(super) key: &'static str,
    /// The name of the value in the help, or `None` for a switch.
    pub(super) value: Option<&'static str>,
    pub(super) form: Form,
    /// The value that the bare flag stands for, or `None` if the flag needs a value.
    bare: Option<&'static str>,
    /// The text that applies if no source gives any.
    pub(super) default: Option<&'static str>,
    /// The behaviour if no source gives a text, in words.
    pub(super) unset: Option<&'static str>,
    /// Another name of the flag.
    also: Option<&'static str>,
    /// Whether the file must not give an empty list.
    pub(super) needs_an_item: bool,
    /// One sentence without its full stop, for `--help` and the guide.
    pub(super) help: &'static str,
    /// Parses a text, or an item of a list. The error completes the sentence begun by the place.
    set: Setter<C>,
}

type Setter<C> = fn(&mut C, &str) -> Result<(), String>;

/// The form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A text; in the file a string.
    Text,
    /// A number, perhaps with a unit; in the file a number, or with a unit a string.
    Number,
    /// Any number of texts; in the file a list.
    List,
    /// Any number of `name=number`; in the file a table.
    Numbers,
}

impl<C> Setting<C> {
    pub(super) const fn text(key: &'static str, value: &'static str, set: Setter<C>) -> Self {
        Self {
            key,
            value: Some(value),
            form: Form::Text,
            bare: None,
            default: None,
            unset: None,
            also: None,
            needs_an_item: false,
            help: "",
            set,
        }
    }

    pub(super) const fn number(key: &'static str, value: &'static str, set: Setter<C>) -> Self {
        Self { form: Form::Number, ..Self::text(key, value, set) }
    }

    pub(super) const fn list(key: &'static str, value: &'static str, set: Setter<C>) -> Self {
        Self { form: Form::List, ..Self::text(key, value, set) }
    }

    pub(super) const fn numbers(key: &'static str, value: &'static str, set: Setter<C>) -> Self {
        Self { form: Form::Numbers, ..Self::text(key, value, set) }
    }

    pub(super) const fn switch(key: &'static str, set: Setter<C>) -> Self {
        Self { value: None, bare: Some("true"), ..Self::text(key, "", set) }
    }

    pub(super) const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    pub(super) const fn default(self, text: &'static str) -> Self {
        Self { default: Some(text), ..self }
    }

    pub(super) const fn unset(self, words: &'static str) -> Self {
        Self { unset: Some(words), ..self }
    }

    pub(super) const fn bare(self, text: &'static str) -> Self {
        Self { bare: Some(text), ..self }
    }

    pub(super) const fn also(self, flag: &'static str) -> Self {
        Self { also: Some(flag), ..self }
    }

    pub(super) const fn needs_an_item(self) -> Self {
        Self { needs_an_item: true, ..self }
    }

    /// The name of the flag, without the two dashes.
    pub(super) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase())
    }

    /// The table, if any, and the key in the file.
    pub(super) fn in_file(&self) -> (Option<&'static str>, &'static str) {
        match self.key.strip_prefix("limit_") {
            Some(limit) => (Some(LIMITS), limit),
            None => (None, self.key),
        }
    }

    pub(super) fn takes_many(&self) -> bool {
        matches!(self.form, Form::List | Form::Numbers)
    }

    /// Parses the texts into `config`.
    pub(super) fn apply(&self, config: &mut C, given: &[Given]) -> Result<(), ConfigError> {
        if let ([first, _, ..], false) = (given, self.takes_many()) {
            return Err(first.refuse(format!("'{}' takes one value", self.key)));
        }
        for given in given {
            let mut set = |text| (self.set)(config, text).map_err(|reason| given.refuse(reason));
            if self.takes_many() { given.text.split(',').map(str::trim).try_for_each(set)? } else { set(&given.text)? }
        }
        Ok(())
    }

    /// The flag. A switch can take a value (`--ephemeral=false`), so that it can override the environment and the file.
    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.key)
            .long(self.flag())
            .visible_aliases(self.also)
            .value_hint(self.hint())
            .help(self.help_of_flag())
            .value_name(self.value.unwrap_or("BOOL"));
        // A negative number is a value, which is refused with the name of the flag.
        let arg = arg.allow_negative_numbers(true).action(if self.takes_many() { ArgAction::Append } else { ArgAction::Set });
        match self.bare {
            Some(bare) => arg.num_args(0..=1).default_missing_value(bare).require_equals(self.value.is_none()),
            None => arg,
        }
    }

    /// What shells complete the value with.
    fn hint(&self) -> ValueHint {
        match self.value {
            Some("FILE") => ValueHint::FilePath,
            Some("DIRECTORY") => ValueHint::DirPath,
            _ => ValueHint::Unknown,
        }
    }

    fn help_of_flag(&self) -> String {
        let repeated = if self.takes_many() { "; can be repeated" } else { "" };
        let bare = self.bare.filter(|_| self.value.is_some()).map(|text| format!(" [without a value: {text}]"));
        let default = self.default.or(self.unset).map(|text| format!(" [default: {text}]"));
        format!("{}{repeated}{}{}", self.help, bare.unwrap_or_default(), default.unwrap_or_default())
    }
}
