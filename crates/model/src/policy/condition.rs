//! The `Condition` element.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators for multi-valued context keys".

use super::context::RequestContext;
use super::effect::Effect;
use super::error::StatementError;
use super::json::Json;
use super::operand::{Kind, Operand, Relation, Resolved};
use super::scalar::boolean;
use super::text::Text;

/// Each operator's name, what it compares, and whether it is negated.
const OPERATORS: &[(&str, Kind, bool)] = &[
    ("StringEquals", Kind::Text, false),
    ("StringNotEquals", Kind::Text, true),
    ("StringEqualsIgnoreCase", Kind::TextIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Kind::TextIgnoreCase, true),
    ("StringLike", Kind::TextLike, false),
    ("StringNotLike", Kind::TextLike, true),
    ("NumericEquals", Kind::Number(Relation::Equal), false),
    ("NumericNotEquals", Kind::Number(Relation::Equal), true),
    ("NumericLessThan", Kind::Number(Relation::Less), false),
    ("NumericLessThanEquals", Kind::Number(Relation::LessOrEqual), false),
    ("NumericGreaterThan", Kind::Number(Relation::Greater), false),
    ("NumericGreaterThanEquals", Kind::Number(Relation::GreaterOrEqual), false),
    ("DateEquals", Kind::Date(Relation::Equal), false),
    ("DateNotEquals", Kind::Date(Relation::Equal), true),
    ("DateLessThan", Kind::Date(Relation::Less), false),
    ("DateLessThanEquals", Kind::Date(Relation::LessOrEqual), false),
    ("DateGreaterThan", Kind::Date(Relation::Greater), false),
    ("DateGreaterThanEquals", Kind::Date(Relation::GreaterOrEqual), false),
    ("Bool", Kind::Bool, false),
    ("BinaryEquals", Kind::Binary, false),
    ("IpAddress", Kind::Network, false),
    ("NotIpAddress", Kind::Network, true),
    ("ArnEquals", Kind::Arn, false),
    ("ArnLike", Kind::Arn, false),
    ("ArnNotEquals", Kind::Arn, true),
    ("ArnNotLike", Kind::Arn, true),
];

/// How many of a key's values must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// One operator applied to one key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    /// In lower case.
    key: String,
    check: Check,
}

#[derive(Debug, Clone, PartialEq)]
enum Check {
    /// `Null`: whether the key is absent.
    Absent(Vec<bool>),
    /// Every other operator.
    Compare(Comparison),
}

#[derive(Debug, Clone, PartialEq)]
struct Comparison {
    quantifier: Option<Quantifier>,
    negated: bool,
    if_exists: bool,
    operands: Vec<Operand>,
}

/// An operator, parsed.
struct Operator<'a> {
    written: &'a str,
    quantifier: Option<Quantifier>,
    if_exists: bool,
    /// `None` for `Null`.
    comparison: Option<(Kind, bool)>,
}

impl Condition {
    /// Whether the condition lists no values.
    pub(super) fn has_no_values(&self) -> bool {
        match &self.check {
            Check::Absent(expected) => expected.is_empty(),
            Check::Compare(comparison) => comparison.operands.is_empty(),
        }
    }

    /// Whether the condition is met in a statement with this effect. A negated comparison with an unknown value is decided
    /// against the caller.
    pub(super) fn is_met(&self, context: &RequestContext, effect: Effect) -> bool {
        let values = context.values(&self.key);
        match &self.check {
            Check::Absent(expected) => expected.contains(&values.is_empty()),
            Check::Compare(comparison) => comparison.is_met(values, context, effect),
        }
    }
}

impl Comparison {
    fn is_met(&self, values: &[Text], context: &RequestContext, effect: Effect) -> bool {
        // Overlong texts are never compared. The client chose the length, so the condition is decided against the caller.
        if values.iter().any(|value| value.get().is_none()) {
            return effect == Effect::Deny;
        }
        if self.quantifier.is_none() && values.is_empty() {
            return self.if_exists || self.negated;
        }
        let operands: Vec<_> = self.operands.iter().map(|operand| operand.resolve(context)).collect();
        let agrees = |values: &[Text]| self.agrees(values, &operands, effect);
        match self.quantifier {
            // For a key without values, AWS documents `ForAllValues` as true and `ForAnyValue` as false, as `all` and `any` are.
            Some(Quantifier::All) => values.iter().all(|value| agrees(std::slice::from_ref(value))),
            Some(Quantifier::Any) => values.iter().any(|value| agrees(std::slice::from_ref(value))),
            None => agrees(values),
        }
    }

    /// Whether any value matches any operand; if the operator is negated, whether none does.
    fn agrees(&self, values: &[Text], operands: &[Option<Resolved<'_>>], effect: Effect) -> bool {
        if operands.iter().flatten().any(|operand| values.iter().any(|value| operand.matches(value))) {
            return !self.negated;
        }
        self.negated && (effect == Effect::Deny || operands.iter().all(Option::is_some))
    }
}

/// Reads the `Condition` element: `{operator: {key: value or values}}`.
pub(super) fn parse(json: &Json, variables: bool) -> Result<Vec<Condition>, StatementError> {
    let mut conditions = Vec::new();
    for (name, keys) in object(json)? {
        let operator = Operator::parse(name).ok_or_else(|| StatementError::Operator(name.clone()))?;
        for (key, values) in object(keys)? {
            if !key.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty()) {
                return Err(StatementError::ConditionKey(key.clone()));
            }
            conditions.push(Condition { key: key.to_lowercase(), check: operator.check(values, variables)? });
        }
    }
    Ok(conditions)
}

fn object(json: &Json) -> Result<&[(String, Json)], StatementError> {
    match json {
        Json::Object(members) => Ok(members),
        _ => Err(StatementError::WrongType("Condition")),
    }
}

impl<'a> Operator<'a> {
    fn parse(written: &'a str) -> Option<Self> {
        let (quantifier, name) = match written.split_once(':') {
            None => (None, written),
            Some((all, name)) if all.eq_ignore_ascii_case("ForAllValues") => (Some(Quantifier::All), name),
            Some((any, name)) if any.eq_ignore_ascii_case("ForAnyValue") => (Some(Quantifier::Any), name),
            Some(_) => return None,
        };
        if name.eq_ignore_ascii_case("Null") {
            return Some(Self { written, quantifier, if_exists: false, comparison: None });
        }
        let (name, if_exists) = strip_if_exists(name);
        let (_, kind, negated) = OPERATORS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        Some(Self { written, quantifier, if_exists, comparison: Some((*kind, *negated)) })
    }

    fn check(&self, values: &Json, variables: bool) -> Result<Check, StatementError> {
        let values = values.one_or_many().iter().map(|value| value.scalar().ok_or(StatementError::WrongType("Condition")));
        let malformed = |value| StatementError::ConditionValue { operator: self.written.to_owned(), value };
        let Some((kind, negated)) = self.comparison else {
            let parse = |value: String| boolean(&value).ok_or_else(|| malformed(value));
            return Ok(Check::Absent(values.map(|value| parse(value?)).collect::<Result<_, _>>()?));
        };
        let parse = |value: String| Operand::parse(kind, &value, variables)?.ok_or_else(|| malformed(value));
        let operands = values.map(|value| parse(value?)).collect::<Result<_, _>>()?;
        Ok(Check::Compare(Comparison { quantifier: self.quantifier, negated, if_exists: self.if_exists, operands }))
    }
}

/// The operator without the suffix `IfExists`, and whether it had that suffix.
fn strip_if_exists(name: &str) -> (&str, bool) {
    const SUFFIX: &str = "IfExists";
    match name.len().checked_sub(SUFFIX.len()).and_then(|at| name.split_at_checked(at)) {
        Some((operator, suffix)) if suffix.eq_ignore_ascii_case(SUFFIX) => (operator, true),
        _ => (name, false),
    }
}

#[cfg(test)]
mod tests;
