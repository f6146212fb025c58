//! Structures of requests, each declared once with its fields and their shapes in the service model.
//!
//! Members are validated in the order of their declaration. The first violation is reported.

use super::shape::{Member, Shape};
use super::value::Value;
use super::violation::{Fault, Invalid, Violation};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// An object of which only the known members are read.
pub(super) trait Structure: Sized {
    const MEMBERS: &'static [Member];
    const SHAPE: Shape = Shape::Structure(Self::MEMBERS);

    /// Reads each member. On failure returns the name of the invalid member.
    fn take(members: Members<'_>) -> Result<Self, (&'static str, Fault)>;
}

/// Declares a struct that implements [`Structure`]. Each line has a field, its name in JSON, its type and its shape. A member
/// is required unless its type is an `Option`.
macro_rules! structure {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* $field:ident($json:literal): $type:ty = $shape:expr),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::aws::structure::Structure for $name {
            const MEMBERS: &'static [$crate::aws::shape::Member] = &[$($crate::aws::shape::Member {
                name: $json,
                required: <$type as $crate::aws::value::Value>::REQUIRED,
                shape: &$shape,
            }),*];

            fn take(
                #[allow(unused)] mut members: $crate::aws::structure::Members<'_>,
            ) -> Result<Self, (&'static str, $crate::aws::violation::Fault)> {
                Ok(Self { $($field: members.next()?),* })
            }
        }
    };
}
pub(super) use structure;

/// Parses the body of a request. An empty body counts as `{}`, as awsJson1.1 requires of servers.
pub(super) fn read<T: Structure>(body: &str) -> Result<T, Invalid> {
    let members = Members::parse(T::MEMBERS, if body.is_empty() { "{}" } else { body }).map_err(|_| Invalid::Malformed)?;
    T::take(members).map_err(|(member, fault)| match fault {
        Fault::Repeated => Invalid::Malformed,
        fault => Violation::new(member, fault).into(),
    })
}

impl<T: Structure> Value for T {
    fn read(_: &Shape, json: &str) -> Result<Self, Fault> {
        let members = Members::parse(T::MEMBERS, json)?;
        T::take(members).map_err(|(name, fault)| fault.within(|fault| Fault::Member(name, Box::new(fault))))
    }
}

/// The members of an object that have not been read yet, in the order of their declaration.
#[derive(Debug)]
pub(super) struct Members<'a> {
    shapes: std::slice::Iter<'static, Member>,
    values: std::vec::IntoIter<Option<&'a RawValue>>,
}

impl<'a> Members<'a> {
    fn parse(shapes: &'static [Member], json: &'a str) -> Result<Self, Fault> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let found = deserializer.deserialize_map(Object(shapes)).and_then(|found| deserializer.end().map(|()| found));
        let values = found.map_err(|_| Fault::Type("structure"))?.ok_or(Fault::Repeated)?;
        Ok(Self { shapes: shapes.iter(), values: values.into_iter() })
    }

    pub(super) fn next<T: Value>(&mut self) -> Result<T, (&'static str, Fault)> {
        let (Some(Member { name, shape, .. }), Some(value)) = (self.shapes.next(), self.values.next()) else {
            return Err(("", Fault::Null));
        };
        let read = match value.map(RawValue::get) {
            None | Some("null") => T::absent(),
            Some(json) => T::read(shape, json),
        };
        read.map_err(|fault| (*name, fault))
    }
}

/// Finds the values of these members in an object. `None` if a member is repeated.
struct Object(&'static [Member]);

impl<'de> Visitor<'de> for Object {
    type Value = Option<Vec<Option<&'de RawValue>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut values, mut repeated) = (vec![None; self.0.len()], false);
        while let Some(position) = object.next_key_seed(Position(self.0))? {
            match position.and_then(|position| values.get_mut(position)) {
                Some(value) => repeated |= value.replace(object.next_value()?).is_some(),
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok((!repeated).then_some(values))
    }
}

/// Finds the position of a member by its name.
struct Position(&'static [Member]);

impl<'de> DeserializeSeed<'de> for Position {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Position {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|member| member.name == name))
    }
}

#[cfg(test)]
mod tests;
