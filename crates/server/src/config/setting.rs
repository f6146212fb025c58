//! One row of the table of settings: its names, its help, and how its text is parsed.

use super::place::ConfigError;
use super::place::Given;
use clap::{Arg, ArgAction};

/// What the names of environment variables begin with.
pub(super) const PREFIX: &str = "ROADSTEAD_";
/// The table of the file that holds the settings whose keys begin with `limit_`.
pub(super) const LIMITS: &str = "limits";

/// A flag, an environment variable and a key of the file, which all set the same in a `C`.
pub(crate) struct Setting<C> {
    /// The key in the file; the flag has dashes for its underscores, the variable is `ROADSTEAD_` and the key in capitals.
    pub(super) key: &'static str,
    /// What its value is called in the help; none for a switch.
    pub(super) value: Option<&'static str>,
    /// What can be given.
    pub(super) form: Form,
    /// The value that the bare flag stands for; none if the flag needs a value.
    bare: Option<&'static str>,
    /// The text that applies when no source gives any.
    pub(super) default: Option<&'static str>,
    /// What holds when no source gives any, in words.
    pub(super) unset: Option<&'static str>,
    /// One sentence without its full stop, for `--help` and the guide.
    pub(super) help: &'static str,
    /// Parses a text, or an item of a list. Its error completes the sentence that the place begins.
    set: Setter<C>,
}

type Setter<C> = fn(&mut C, &str) -> Result<(), String>;

/// What can be given as the value of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One text; a string in the file.
    Text,
    /// One number, perhaps with a unit; in the file a number, or with a unit a string.
    Number,
    /// Any number of texts; a list in the file.
    List,
    /// Any number of names with a number each, `name=number`; a table in the file.
    Numbers,
}

impl<C> Setting<C> {
    pub(super) const fn text(key: &'static str, value: &'static str, set: Setter<C>) -> Self {
        Self { key, value: Some(value), form: Form::Text, bare: None, default: None, unset: None, help: "", set }
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

    /// What holds without a value, where there is no text that says the same.
    pub(super) const fn unset(self, words: &'static str) -> Self {
        Self { unset: Some(words), ..self }
    }

    /// The flag may come without a value, and then stands for this one.
    pub(super) const fn bare(self, text: &'static str) -> Self {
        Self { bare: Some(text), ..self }
    }

    /// The name of the flag, without its two dashes.
    pub(super) fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The name of the environment variable.
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_uppercase())
    }

    /// The table and the key in the file: what limits stands together in `[limits]`.
    pub(super) fn in_file(&self) -> (Option<&'static str>, &'static str) {
        match self.key.strip_prefix("limit_") {
            Some(limit) => (Some(LIMITS), limit),
            None => (None, self.key),
        }
    }

    /// Whether it takes any number of values.
    pub(super) fn takes_many(&self) -> bool {
        matches!(self.form, Form::List | Form::Numbers)
    }

    /// Sets what was given.
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

    /// A switch takes a value too (`--ephemeral=false`), so that a flag can undo what the environment or the file says.
    pub(super) fn arg(&self) -> Arg {
        let arg = Arg::new(self.key).long(self.flag()).help(self.help_of_flag()).value_name(self.value.unwrap_or("BOOL"));
        // A negative number is a value that is refused with the flag's name, and not a flag of its own.
        let arg = arg.allow_negative_numbers(true);
        let arg = arg.action(if self.takes_many() { ArgAction::Append } else { ArgAction::Set });
        match self.bare {
            Some(bare) => arg.num_args(0..=1).default_missing_value(bare).require_equals(self.value.is_none()),
            None => arg,
        }
    }

    fn help_of_flag(&self) -> String {
        let repeated = if self.takes_many() { "; can be repeated" } else { "" };
        let bare = self.bare.filter(|_| self.value.is_some()).map(|text| format!(" [without a value: {text}]"));
        let default = self.default.or(self.unset).map(|text| format!(" [default: {text}]"));
        format!("{}{repeated}{}{}", self.help, bare.unwrap_or_default(), default.unwrap_or_default())
    }
}
