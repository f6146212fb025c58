//! Errors in requests, in AWS's wording.

use std::fmt;

/// An invalid body of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not a JSON object, or one with a repeated member: a SerializationException.
    #[error("the request body is not a JSON object")]
    Malformed,
    /// Not of the operation's shape: an InvalidParameterException.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// The first constraint that a request violates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")]
pub struct Violation {
    /// A member of the outermost object.
    pub member: String,
    pub constraint: String,
}

impl Violation {
    pub fn new(member: impl Into<String>, constraint: impl fmt::Display) -> Self {
        Self { member: member.into(), constraint: constraint.to_string() }
    }
}

/// The constraint that one value violates.
#[derive(Debug)]
pub(super) enum Fault {
    /// Absent or null.
    Null,
    /// Not of this type.
    Type(&'static str),
    MinLength(u64),
    MaxLength(u64),
    MinItems(u64),
    MaxItems(u64),
    Min(i64),
    Max(i64),
    /// Does not match this pattern.
    Pattern(&'static str),
    Base64,
    /// An entry of a list violates one of these constraints.
    Item(Vec<Fault>),
    /// A member of a nested structure is invalid.
    Member(&'static str, Box<Fault>),
    /// A member of a structure is repeated.
    Repeated,
}

impl Fault {
    /// Wraps the fault in that of its container. A repeated member makes the whole JSON malformed.
    pub(super) fn within(self, container: impl FnOnce(Self) -> Self) -> Self {
        if matches!(self, Self::Repeated) { self } else { container(self) }
    }

    /// AWS's wording for an entry of a list.
    fn of_an_item(&self) -> String {
        match self {
            Self::Pattern(pattern) => format!("Member must satisfy regular expression pattern: {pattern}"),
            Self::Member(..) | Self::Item(_) => self.to_string(),
            other => format!("Member {}", other.without_subject()),
        }
    }

    fn without_subject(&self) -> String {
        let text = self.to_string();
        text.strip_prefix("Member must").map_or(text.clone(), |rest| format!("must{rest}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("must not be null"),
            Self::Type(name) => write!(f, "must be of type {name}"),
            // AWS omits "Member" only for the length of a text.
            Self::MinLength(min) => write!(f, "must have length greater than or equal to {min}"),
            Self::MaxLength(max) => write!(f, "must have length less than or equal to {max}"),
            Self::MinItems(min) => write!(f, "Member must have length greater than or equal to {min}"),
            Self::MaxItems(max) => write!(f, "Member must have length less than or equal to {max}"),
            Self::Min(min) => write!(f, "Member must have value greater than or equal to {min}"),
            Self::Max(max) => write!(f, "Member must have value less than or equal to {max}"),
            Self::Pattern(pattern) => write!(f, "must satisfy regular expression '{pattern}'"),
            Self::Base64 => f.write_str("must be base64"),
            Self::Item(faults) => {
                let inner = faults.iter().map(Self::of_an_item).collect::<Vec<_>>();
                write!(f, "Member must satisfy constraint: [{}]", inner.join(", "))
            }
            Self::Member(name, fault) => write!(f, "Member '{name}' {}", fault.without_subject()),
            Self::Repeated => f.write_str("must not name a member twice"),
        }
    }
}
