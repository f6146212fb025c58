//! Parses and validates policy documents.
//!
//! Source: IAM user guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy element reference".

use super::error::{MAXIMUM_CHARACTERS, PolicyError, StatementError};
use super::json::Json;
use super::statement::Statement;
use std::collections::BTreeSet;

/// What a policy is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// A user: statements name resources and no principal.
    Identity,
    /// A repository: statements name principals and no resource, which is the repository. Older versions accepted a resource;
    /// policies stored by them keep their meaning.
    Repository,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Parses a policy that a caller submits and validates it as a policy of this kind.
    pub fn new(kind: PolicyKind, text: &str) -> Result<Self, PolicyError> {
        // A character has at most 4 bytes; this saves counting the characters of a much larger text.
        if text.len() > 4 * MAXIMUM_CHARACTERS || text.chars().count() > MAXIMUM_CHARACTERS {
            return Err(PolicyError::TooLong);
        }
        let policy = Self::parse(text)?;
        policy.check(kind)?;
        Ok(policy)
    }

    /// Parses a stored policy. It may be longer than the submitted one, because [`super::render`] adds blanks.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let Json::Object(members) = Json::parse(text)? else { return Err(PolicyError::NotAnObject) };
        let mut variables = false;
        let mut statements = None;
        for (name, value) in &members {
            match name.as_str() {
                "Version" => variables = parse_version(value)?,
                "Id" if value.text().is_none() => return Err(PolicyError::WrongType("Id")),
                "Id" => {}
                "Statement" => statements = Some(value.one_or_many()),
                _ => return Err(PolicyError::UnknownElement(name.clone())),
            }
        }
        // `Version` may come after `Statement`, so the statements are parsed last.
        let statements = statements.filter(|statements| !statements.is_empty()).ok_or(PolicyError::NoStatement)?;
        Ok(Self { statements: numbered(statements, |statement| Statement::parse(statement, variables))? })
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn check(&self, kind: PolicyKind) -> Result<(), PolicyError> {
        numbered(&self.statements, |statement| match kind {
            PolicyKind::Identity => statement.check_for_user(),
            PolicyKind::Repository => statement.check_for_repository(),
        })?;
        let mut seen = BTreeSet::new();
        match self.statements.iter().filter_map(|statement| statement.sid.as_ref()).find(|sid| !seen.insert(*sid)) {
            Some(sid) if kind == PolicyKind::Identity => Err(PolicyError::DuplicateSid(sid.clone())),
            _ => Ok(()),
        }
    }
}

/// Applies `treat` to each statement; an error carries the statement's number.
fn numbered<S, T>(statements: &[S], treat: impl Fn(&S) -> Result<T, StatementError>) -> Result<Vec<T>, PolicyError> {
    let treat = |(index, statement)| treat(statement).map_err(|error| PolicyError::Statement { number: index + 1, error });
    statements.iter().enumerate().map(treat).collect()
}

/// Parses the version and returns whether it has policy variables.
fn parse_version(json: &Json) -> Result<bool, PolicyError> {
    match json.text().ok_or(PolicyError::WrongType("Version"))? {
        "2012-10-17" => Ok(true),
        "2008-10-17" => Ok(false),
        other => Err(PolicyError::Version(other.to_owned())),
    }
}

#[cfg(test)]
mod tests;
