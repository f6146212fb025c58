//! What is wrong with a request, in AWS's words.

use std::fmt;

/// Why a body is not what an operation takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not JSON, not an object, or an object that names a member twice: AWS calls it a SerializationException.
    #[error("the request body is not a JSON object")]
    Malformed,
    /// An object, but not of the shape: AWS calls it an InvalidParameterException.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// The first constraint that a request does not keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")]
pub struct Violation {
    /// Always a member of the outermost object.
    pub member: String,
    pub constraint: String,
}

impl Violation {
    pub fn new(member: impl Into<String>, constraint: impl fmt::Display) -> Self {
        Self { member: member.into(), constraint: constraint.to_string() }
    }
}

/// What is wrong with one value.
#[derive(Debug)]
pub(super) enum Fault {
    /// Absent, or null.
    Null,
    /// Of another type than this one.
    Type(&'static str),
    Bound(Bound),
    /// Does not match this pattern.
    Pattern(&'static str),
    Base64,
    /// An entry of a list is at fault; of an entry of simple type AWS lists all constraints.
    Item(Vec<Fault>),
    /// A member of a nested structure is at fault.
    Member(&'static str, Box<Fault>),
    /// A structure names a member twice.
    Repeated,
}

/// A limit that a value does not keep.
#[derive(Debug)]
pub(super) enum Bound {
    MinLength(u64),
    MaxLength(u64),
    MinItems(u64),
    MaxItems(u64),
    Min(i64),
    Max(i64),
}

impl Fault {
    /// The fault of what contains the value. JSON that is malformed somewhere is malformed as a whole.
    pub(super) fn within(self, container: impl FnOnce(Self) -> Self) -> Self {
        if matches!(self, Self::Repeated) { self } else { container(self) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("must not be null"),
            Self::Type(name) => write!(f, "must be of type {name}"),
            // AWS says "Member" but of the length of a text.
            Self::Bound(bound @ (Bound::MinLength(_) | Bound::MaxLength(_))) => bound.fmt(f),
            Self::Bound(bound) => write!(f, "Member {bound}"),
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

impl Fault {
    /// As AWS words the constraint of a list's entry.
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

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinLength(min) | Self::MinItems(min) => write!(f, "must have length greater than or equal to {min}"),
            Self::MaxLength(max) | Self::MaxItems(max) => write!(f, "must have length less than or equal to {max}"),
            Self::Min(min) => write!(f, "must have value greater than or equal to {min}"),
            Self::Max(max) => write!(f, "must have value less than or equal to {max}"),
        }
    }
}
