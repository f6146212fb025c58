//! One statement of a policy document.
//!
//! Source: IAM user guide, "Grammar of the IAM JSON policy language" and "IAM JSON policy element reference".

use super::condition::{self, Condition};
use super::effect::Effect;
use super::error::StatementError;
use super::json::Json;
use super::principal::{self, PrincipalName};
use super::template::{Reading, Template};
use super::wildcard::Pattern;

/// The items that an element lists, or excludes if its name begins with `Not`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Selection<T> {
    Only(Vec<T>),
    AllBut(Vec<T>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    /// In lower case, because the case of an action is ignored.
    pub(super) actions: Selection<Pattern>,
    pub(super) resources: Option<Selection<Template>>,
    pub(super) principals: Option<Selection<PrincipalName>>,
    pub(super) conditions: Vec<Condition>,
    /// Whether a list of principals is empty.
    lists_nobody: bool,
}

impl<T> Selection<T> {
    pub(super) fn items(&self) -> &[T] {
        match self {
            Self::Only(items) | Self::AllBut(items) => items,
        }
    }
}

impl Statement {
    pub(super) fn parse(json: &Json, variables: bool) -> Result<Self, StatementError> {
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
                "Effect" => effect = Some(Effect::parse(value)?),
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

    /// Validates a statement of an identity policy: it has a resource, and no principal, which is the user.
    pub(super) fn check_for_user(&self) -> Result<(), StatementError> {
        self.check_lists()?;
        match (&self.principals, &self.resources) {
            (Some(_), _) => Err(StatementError::PrincipalForbidden),
            (None, None) => Err(StatementError::Missing("Resource")),
            (None, Some(_)) => self.check_sid(),
        }
    }

    /// Validates a statement of a repository policy: it has a principal, and no resource, which is the repository.
    pub(super) fn check_for_repository(&self) -> Result<(), StatementError> {
        self.check_lists()?;
        match (&self.principals, &self.resources) {
            (None, _) => Err(StatementError::Missing("Principal")),
            (Some(_), Some(_)) => Err(StatementError::ResourceForbidden),
            // AWS's own examples for repositories have Sids with blanks ("allow public pull").
            (Some(_), None) => Ok(()),
        }
    }

    /// Rejects empty lists: with one, a statement applies never or always, and either is a mistake.
    fn check_lists(&self) -> Result<(), StatementError> {
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

/// Sets an element with two forms, of which only one may be present.
fn select<T>(slot: &mut Option<Selection<T>>, element: &'static str, selection: Selection<T>) -> Result<(), StatementError> {
    match slot.replace(selection) {
        None => Ok(()),
        Some(_) => Err(StatementError::BothForms(element)),
    }
}

/// The strings of an element that takes one or many.
fn texts<'a>(json: &'a Json, element: &'static str) -> impl Iterator<Item = Result<&'a str, StatementError>> {
    json.one_or_many().iter().map(move |item| item.text().ok_or(StatementError::WrongType(element)))
}

/// Parses actions: `*` or `service:name`, both parts with wildcards. The action need not exist.
fn parse_actions(json: &Json, element: &'static str) -> Result<Vec<Pattern>, StatementError> {
    let is_part = |part: &str| !part.is_empty() && !part.contains(|character: char| character.is_whitespace() || character == ':');
    let parse = |text: &str| {
        let valid = text == "*" || text.split_once(':').is_some_and(|(service, name)| is_part(service) && is_part(name));
        if valid { Ok(Pattern::parse(text).to_lowercase()) } else { Err(StatementError::Action(text.to_owned())) }
    };
    texts(json, element).map(|text| parse(text?)).collect()
}

/// Parses resources: `*` or an ARN of six parts, with wildcards and variables.
fn parse_resources(json: &Json, element: &'static str, variables: bool) -> Result<Vec<Template>, StatementError> {
    let parse = |text: &str| {
        let valid = text == "*" || (text.starts_with("arn:") && text.splitn(6, ':').count() == 6);
        if valid { Template::parse(text, Reading { variables, wildcards: true }) } else { Err(StatementError::Resource(text.to_owned())) }
    };
    texts(json, element).map(|text| parse(text?)).collect()
}
