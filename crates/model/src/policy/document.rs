//! The policy document: what it says, read from JSON.
//!
//! Source: IAM user guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy element reference".

use super::condition::{self, Condition};
use super::error::{PolicyError, StatementError};
use super::json::Json;
use super::principal::{self, PrincipalName};
use super::template::{Reading, Template};
use super::wildcard::Pattern;
use std::collections::BTreeSet;

/// The most characters of a policy (service model, `RepositoryPolicyText`).
pub const MAXIMUM_CHARACTERS: usize = 10_240;

/// What a policy hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyKind {
    /// A user: statements name resources and no principal.
    Identity,
    /// A repository: statements name principals and no resource, which is the repository. Those that were stored while a
    /// resource was accepted keep their meaning.
    Repository,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    id: Option<String>,
    statements: Vec<Statement>,
}

/// Whether a statement grants or refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// What an element lists, or with `Not` in front of its name, what it leaves out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    /// In lower case: the case of an action does not matter.
    pub(super) actions: Selection<Pattern>,
    pub(super) resources: Option<Selection<Template>>,
    pub(super) principals: Option<Selection<PrincipalName>>,
    pub(super) conditions: Vec<Condition>,
    /// Whether one of its lists of principals is empty.
    lists_nobody: bool,
}

impl Policy {
    /// Reads a policy that somebody offers: its length is checked, and that it has what this kind of policy needs.
    pub fn new(kind: PolicyKind, text: &str) -> Result<Self, PolicyError> {
        // Nobody reads the characters of a text that is too long in bytes already.
        if text.len() > 4 * MAXIMUM_CHARACTERS || text.chars().count() > MAXIMUM_CHARACTERS {
            return Err(PolicyError::TooLong);
        }
        let policy = Self::parse(text)?;
        policy.check(kind)?;
        Ok(policy)
    }

    /// Reads a policy that was accepted before. What is stored may be longer than what was sent, because it is
    /// printed with blanks ([`super::render`]).
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let Json::Object(members) = Json::parse(text)? else { return Err(PolicyError::NotAnObject) };
        let mut id = None;
        let mut variables = false;
        let mut statements = None;
        for (name, value) in &members {
            match name.as_str() {
                "Version" => variables = parse_version(value)?,
                "Id" => id = Some(value.text().ok_or(PolicyError::WrongType("Id"))?.to_owned()),
                "Statement" => statements = Some(value.one_or_many()),
                _ => return Err(PolicyError::UnknownElement(name.clone())),
            }
        }
        // The version may stand behind the statements, so it is known only now how to read them.
        let statements = statements.filter(|statements| !statements.is_empty()).ok_or(PolicyError::NoStatement)?;
        Ok(Self { id, statements: numbered(statements, |statement| Statement::parse(statement, variables))? })
    }

    /// The policy's `Id`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    fn check(&self, kind: PolicyKind) -> Result<(), PolicyError> {
        numbered(&self.statements, |statement| statement.check(kind))?;
        let mut seen = BTreeSet::new();
        match self.statements.iter().filter_map(|statement| statement.sid.as_ref()).find(|sid| !seen.insert(*sid)) {
            Some(sid) if kind == PolicyKind::Identity => Err(PolicyError::DuplicateSid(sid.clone())),
            _ => Ok(()),
        }
    }
}

/// Treats every statement, and says which one is wrong.
fn numbered<S, T>(statements: &[S], treat: impl Fn(&S) -> Result<T, StatementError>) -> Result<Vec<T>, PolicyError> {
    let treat = |(index, statement)| treat(statement).map_err(|error| PolicyError::Statement { number: index + 1, error });
    statements.iter().enumerate().map(treat).collect()
}

/// Whether the version knows policy variables.
fn parse_version(json: &Json) -> Result<bool, PolicyError> {
    match json.text().ok_or(PolicyError::WrongType("Version"))? {
        "2012-10-17" => Ok(true),
        "2008-10-17" => Ok(false),
        other => Err(PolicyError::Version(other.to_owned())),
    }
}

impl<T> Selection<T> {
    pub(super) fn items(&self) -> &[T] {
        match self {
            Self::Only(items) | Self::AllBut(items) => items,
        }
    }
}

impl Statement {
    fn parse(json: &Json, variables: bool) -> Result<Self, StatementError> {
        let Json::Object(members) = json else { return Err(StatementError::NotAnObject) };
        let mut sid = None;
        let mut effect = None;
        let (mut actions, mut resources, mut principals) = (None, None, None);
        let mut conditions = Vec::new();
        let mut lists_nobody = false;
        for (name, value) in members {
            lists_nobody |= matches!(name.as_str(), "Principal" | "NotPrincipal") && principal::has_empty_list(value);
            match name.as_str() {
                "Sid" => sid = Some(value.text().ok_or(StatementError::WrongType("Sid"))?.to_owned()),
                "Effect" => effect = Some(parse_effect(value)?),
                "Action" => select(&mut actions, "Action", Selection::Only(parse_actions(value, "Action")?))?,
                "NotAction" => select(&mut actions, "Action", Selection::AllBut(parse_actions(value, "NotAction")?))?,
                "Resource" => select(&mut resources, "Resource", Selection::Only(parse_resources(value, "Resource", variables)?))?,
                "NotResource" => {
                    select(&mut resources, "Resource", Selection::AllBut(parse_resources(value, "NotResource", variables)?))?;
                }
                "Principal" => select(&mut principals, "Principal", Selection::Only(principal::parse(value, "Principal")?))?,
                "NotPrincipal" => select(&mut principals, "Principal", Selection::AllBut(principal::parse(value, "NotPrincipal")?))?,
                "Condition" => conditions = condition::parse(value, variables)?,
                _ => return Err(StatementError::UnknownElement(name.clone())),
            }
        }
        let effect = effect.ok_or(StatementError::Missing("Effect"))?;
        let actions = actions.ok_or(StatementError::Missing("Action"))?;
        if effect == Effect::Allow && matches!(principals, Some(Selection::AllBut(_))) {
            return Err(StatementError::NotPrincipalAllows);
        }
        Ok(Self { sid, effect, actions, resources, principals, conditions, lists_nobody })
    }

    fn check(&self, kind: PolicyKind) -> Result<(), StatementError> {
        self.check_that_it_says_something()?;
        match (kind, &self.principals, &self.resources) {
            (PolicyKind::Identity, Some(_), _) => Err(StatementError::PrincipalForbidden),
            (PolicyKind::Identity, None, None) => Err(StatementError::Missing("Resource")),
            (PolicyKind::Identity, None, Some(_)) => self.check_sid(),
            (PolicyKind::Repository, None, _) => Err(StatementError::Missing("Principal")),
            (PolicyKind::Repository, Some(_), Some(_)) => Err(StatementError::ResourceForbidden),
            // AWS's own examples for repositories have Sids with blanks ("allow public pull").
            (PolicyKind::Repository, Some(_), None) => Ok(()),
        }
    }

    /// A list without entries makes a statement that never applies, or one that always does: it is a mistake either way.
    fn check_that_it_says_something(&self) -> Result<(), StatementError> {
        let empty = [
            ("Action", self.actions.items().is_empty()),
            ("Resource", self.resources.as_ref().is_some_and(|resources| resources.items().is_empty())),
            ("Principal", self.lists_nobody),
            ("Condition", self.conditions.iter().any(Condition::has_no_values)),
        ];
        empty.into_iter().find(|(_, is_empty)| *is_empty).map_or(Ok(()), |(element, _)| Err(StatementError::Empty(element)))
    }

    fn check_sid(&self) -> Result<(), StatementError> {
        match &self.sid {
            Some(sid) if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Err(StatementError::Sid(sid.clone())),
            _ => Ok(()),
        }
    }
}

/// Fills in an element; it has two forms, and only one may be there.
fn select<T>(slot: &mut Option<Selection<T>>, element: &'static str, selection: Selection<T>) -> Result<(), StatementError> {
    match slot.replace(selection) {
        None => Ok(()),
        Some(_) => Err(StatementError::BothForms(element)),
    }
}

fn parse_effect(json: &Json) -> Result<Effect, StatementError> {
    match json.text().ok_or(StatementError::WrongType("Effect"))? {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(StatementError::Effect(other.to_owned())),
    }
}

/// The texts of an element that takes one or many.
fn texts<'a>(json: &'a Json, element: &'static str) -> impl Iterator<Item = Result<&'a str, StatementError>> {
    json.one_or_many().iter().map(move |item| item.text().ok_or(StatementError::WrongType(element)))
}

/// Actions are `*` or `service:name`, both parts with wildcards; whether an action of that name exists does not matter.
fn parse_actions(json: &Json, element: &'static str) -> Result<Vec<Pattern>, StatementError> {
    let read = |text: Result<&str, StatementError>| {
        let text = text?;
        let whole = |part: &str| !part.is_empty() && !part.contains(|character: char| character.is_whitespace() || character == ':');
        let good = text == "*" || text.split_once(':').is_some_and(|(service, name)| whole(service) && whole(name));
        if good { Ok(Pattern::parse(text).to_lowercase()) } else { Err(StatementError::Action(text.to_owned())) }
    };
    texts(json, element).map(read).collect()
}

/// Resources are `*` or an ARN of six parts, with wildcards and variables.
fn parse_resources(json: &Json, element: &'static str, variables: bool) -> Result<Vec<Template>, StatementError> {
    let read = |text: Result<&str, StatementError>| {
        let text = text?;
        let good = text == "*" || (text.starts_with("arn:") && text.splitn(6, ':').count() == 6);
        if good { Template::parse(text, Reading { variables, wildcards: true }) } else { Err(StatementError::Resource(text.to_owned())) }
    };
    texts(json, element).map(read).collect()
}

#[cfg(test)]
mod tests;
