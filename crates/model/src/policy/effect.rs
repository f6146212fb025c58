//! The `Effect` element.

use super::error::StatementError;
use super::json::Json;

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

impl Effect {
    pub(super) fn parse(json: &Json) -> Result<Self, StatementError> {
        match json.text().ok_or(StatementError::WrongType("Effect"))? {
            "Allow" => Ok(Self::Allow),
            "Deny" => Ok(Self::Deny),
            other => Err(StatementError::Effect(other.to_owned())),
        }
    }
}
