//! Parses the values of a request and validates them against their [`Shape`]s in one pass.
//!
//! Values are read from raw JSON, because a number may have more digits than any Rust integer and must still be reported as
//! out of range.

use super::blob::{self, Blob};
use super::shape::Shape;
use super::violation::Fault;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A value in a request.
pub(super) trait Value: Sized {
    /// Whether a structure must have it.
    const REQUIRED: bool = true;

    /// Reads `json`, which is well-formed, not null, and has no surrounding whitespace.
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault>;

    /// The value of a member that is absent or null.
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
    /// Rejects a text that is too long before decoding it.
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
        Self::try_from(value).map_err(|_| Fault::Min(min))
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(shape: &Shape, json: &str) -> Result<Self, Fault> {
        let entries: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| Fault::Type("list"))?;
        let Shape::List { min, max, item } = shape else { return Err(Fault::Type("list")) };
        match (min, max, entries.len() as u64) {
            (Some(min), _, length) if length < *min => return Err(Fault::MinItems(*min)),
            (_, Some(max), length) if length > *max => return Err(Fault::MaxItems(*max)),
            _ => {}
        }
        let read = |entry: &RawValue| {
            let read = if entry.get() == "null" { Err(Fault::Null) } else { T::read(item, entry.get()) };
            read.map_err(|fault| fault.within(|fault| Fault::Item(all_constraints(item, fault))))
        };
        entries.into_iter().map(read).collect()
    }
}

/// Parses a JSON string. The text is borrowed unless it has escapes.
fn text(json: &str) -> Result<Cow<'_, str>, Fault> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(json).map(|text| text.0).map_err(|_| Fault::Type("string"))
}

fn check_length(length: u64, min: Option<u64>, max: Option<u64>) -> Result<(), Fault> {
    match (min, max) {
        (Some(min), _) if length < min => Err(Fault::MinLength(min)),
        (_, Some(max)) if length > max => Err(Fault::MaxLength(max)),
        _ => Ok(()),
    }
}

/// Parses an integer of any magnitude. One that does not fit into an `i64` is out of range.
fn number(kind: &'static str, json: &str, min: i64, max: i64) -> Result<i64, Fault> {
    let digits = json.strip_prefix('-').unwrap_or(json);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Type(kind));
    }
    match json.parse::<i64>() {
        Ok(value) if value < min => Err(Fault::Min(min)),
        Ok(value) if value > max => Err(Fault::Max(max)),
        Ok(value) => Ok(value),
        Err(_) if json.starts_with('-') => Err(Fault::Min(min)),
        Err(_) => Err(Fault::Max(max)),
    }
}

/// If an entry violates a length or a pattern, AWS lists all constraints on the entry, beginning with the maximum length.
fn all_constraints(item: &Shape, fault: Fault) -> Vec<Fault> {
    match (item, &fault) {
        (Shape::String { min, max, pattern }, Fault::MinLength(_) | Fault::MaxLength(_) | Fault::Pattern(_)) => {
            let pattern = pattern.map(|pattern| Fault::Pattern(pattern.as_str()));
            [max.map(Fault::MaxLength), min.map(Fault::MinLength), pattern].into_iter().flatten().collect()
        }
        _ => vec![fault],
    }
}
