//! Parameters of statements.

use roadstead_model::gallery::{ArtifactKind, Visibility};
use roadstead_model::{Day, Digest, RegistryAlias, RegistryId, RepositoryName, Tag, Timestamp, UserId};
use std::borrow::Cow;

/// Lists the parameters of a statement in the order of their numbers. Each is a [`Parameter`].
macro_rules! params {
    ($($parameter:expr),* $(,)?) => {
        &[$($crate::metadata::Parameter::value(&$parameter)),*]
    };
}
pub(crate) use params;

/// A type that can be a parameter of a statement.
pub(crate) trait Parameter {
    fn value(&self) -> Value<'_>;
}

impl<T: Parameter + ?Sized> Parameter for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::value)
    }
}

macro_rules! parameters {
    ($($type:ty: $self:ident => $value:expr;)*) => {$(
        impl Parameter for $type {
            fn value(&$self) -> Value<'_> {
                $value
            }
        }
    )*};
}

parameters! {
    i64: self => Value::Integer(*self);
    // SQL has no unsigned numbers. One beyond the signed range is a limit that nothing reaches.
    u64: self => Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX));
    usize: self => Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX));
    bool: self => Value::Boolean(*self);
    str: self => Value::Text(self);
    String: self => Value::Text(self);
    [u8]: self => Value::Bytes(self);
    Vec<u8>: self => Value::Bytes(self);
    Day: self => Value::Integer(self.number());
    Timestamp: self => Value::Integer(self.micros());
    Digest: self => Value::Text(self.as_str());
    Tag: self => Value::Text(self.as_str());
    RegistryId: self => Value::Text(self.as_str());
    RegistryAlias: self => Value::Text(self.as_str());
    RepositoryName: self => Value::Text(self.as_str());
    ArtifactKind: self => Value::Text(self.name());
    Visibility: self => Value::Integer(self.code());
    UserId: self => Value::Text(self.as_str());
}

/// Shows nothing, because clients of databases log parameters, and some are secret.
impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("_")
    }
}

/// A text as both engines store it, so that an installation can be copied from one to the other. PostgreSQL's texts have no U+0000; no name
/// has one, and where people write it, it means nothing.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}").into() } else { text.into() }
}

/// A parameter of a statement, or a column of its result.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Boolean(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

#[cfg(test)]
mod tests {
    use super::storable;

    #[test]
    fn a_character_that_texts_of_postgresql_cannot_have_is_replaced() {
        for (text, expected) in [("", ""), ("plain", "plain"), ("\0", "\u{FFFD}"), ("a\0\0b\0", "a\u{FFFD}\u{FFFD}b\u{FFFD}")] {
            assert_eq!(storable(text), expected);
        }
    }
}
