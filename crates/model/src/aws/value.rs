//! Reads the values of a request and holds them against their [`Shape`]s, in one pass.
//!
//! A value is taken from raw JSON: a number of a thousand digits has a place in the grammar of JSON but in no Rust integer,
//! and is answered with the range that it misses.

use super::blob::{self, Blob};
use super::shape::Shape;
use super::violation::{Bound, Fault};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A value that a request can hold.
pub(super) trait Value: Sized {
    /// Whether a structure must have it.
    const REQUIRED: bool = true;

    /// Reads `json`, which is well-formed, not null, and without space around it.
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault>;

    /// What stands for a member that is absent or null.
    fn absent() -> Result<Self, Fault> {
        Err(Fault::Null)
    }
}

impl<T: Value> Value for Option<T> {
    const REQUIRED: bool = false;

    fn read(shape: &Shape, json: &str) -> Result<Self, Fault> {
        T::read(shape, json).map(Some)
    }

    fn absent() -> Result<Self, Fault> {
        Ok(None)
    }
}

impl Value for bool {
    fn read(_: &Shape, json: &str) -> Result<Self, Fault> {
        json.parse().map_err(|_| Fault::Type("boolean"))
    }
}

impl Value for String {
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault> {
        let text = text(json)?;
        if let Shape::String { min, max, pattern } = shape {
            check_length(text.chars().count() as u64, *min, *max)?;
            if let Some(pattern) = pattern.filter(|pattern| !pattern.matches(&text)) {
                return Err(Fault::Pattern(pattern.as_str()));
            }
        }
        Ok(text.into_owned())
    }
}

impl Value for Blob {
    /// Too long a text is refused before it is decoded.
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault> {
        let text = text(json)?;
        if let Shape::Blob { min, max } = shape {
            check_length(blob::decoded_length(&text).ok_or(Fault::Base64)?, *min, *max)?;
        }
        Self::decode(&text).ok_or(Fault::Base64)
    }
}

impl Value for u64 {
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault> {
        let (kind, min, max) = match shape {
            Shape::Integer { min, max } => ("integer", min, max.unwrap_or(i64::from(i32::MAX))),
            Shape::Long { min, max } => ("long", min, max.unwrap_or(i64::MAX)),
            _ => return Err(Fault::Type("integer")),
        };
        let min = min.unwrap_or(0);
        let value = number(kind, json, min, max)?;
        Self::try_from(value).map_err(|_| Fault::Bound(Bound::Min(min)))
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault> {
        let entries: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| Fault::Type("list"))?;
        let Shape::List { min, max, item } = shape else { return Err(Fault::Type("list")) };
        match (min, max, entries.len() as u64) {
            (Some(min), _, length) if length < *min => return Err(Fault::Bound(Bound::MinItems(*min))),
            (_, Some(max), length) if length > *max => return Err(Fault::Bound(Bound::MaxItems(*max))),
            _ => {}
        }
        let read = |entry: &RawValue| match entry.get() {
            "null" => Err(Fault::Null),
            json => T::read(item, json),
        };
        let read = |entry| read(entry).map_err(|fault| fault.within(|fault| Fault::Item(all_constraints(item, fault))));
        entries.into_iter().map(read).collect()
    }
}

/// The text of a JSON string; borrowed, unless it has escapes.
fn text(json: &str) -> Result<Cow<'_, str>, Fault> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(json).map(|text| text.0).map_err(|_| Fault::Type("string"))
}

fn check_length(length: u64, min: Option<u64>, max: Option<u64>) -> Result<(), Fault> {
    match (min, max) {
        (Some(min), _) if length < min => Err(Fault::Bound(Bound::MinLength(min))),
        (_, Some(max)) if length > max => Err(Fault::Bound(Bound::MaxLength(max))),
        _ => Ok(()),
    }
}

/// A whole number of any magnitude: digits that no `i64` holds lie beyond one of the two ends.
fn number(kind: &'static str, json: &str, min: i64, max: i64) -> Result<i64, Fault> {
    let digits = json.strip_prefix('-').unwrap_or(json);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Type(kind));
    }
    match json.parse::<i64>() {
        Ok(value) if value < min => Err(Fault::Bound(Bound::Min(min))),
        Ok(value) if value > max => Err(Fault::Bound(Bound::Max(max))),
        Ok(value) => Ok(value),
        Err(_) if json.starts_with('-') => Err(Fault::Bound(Bound::Min(min))),
        Err(_) => Err(Fault::Bound(Bound::Max(max))),
    }
}

/// For an entry that breaks a length or a pattern AWS names every constraint of the entry, the greatest length first.
fn all_constraints(item: &Shape, fault: Fault) -> Vec<Fault> {
    let (Shape::String { min, max, pattern }, Fault::Bound(_) | Fault::Pattern(_)) = (item, &fault) else {
        return vec![fault];
    };
    let max = max.map(|max| Fault::Bound(Bound::MaxLength(max)));
    let min = min.map(|min| Fault::Bound(Bound::MinLength(min)));
    let pattern = pattern.map(|pattern| Fault::Pattern(pattern.as_str()));
    [max, min, pattern].into_iter().flatten().collect()
}
