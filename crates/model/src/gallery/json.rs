//! Members of JSON documents that anybody may have written: what has another type than expected counts as absent.

use crate::timestamp::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The members of an object.
pub(super) type Members = Map<String, Value>;

/// Parses an object. Anything else is `None`.
pub(super) fn object(bytes: &[u8]) -> Option<Members> {
    serde_json::from_slice(bytes).ok()
}

/// A string that is not empty.
pub(super) fn text(members: &Members, name: &str) -> Option<String> {
    members.get(name).and_then(non_empty).map(str::to_owned)
}

/// The strings of a list.
pub(super) fn texts(members: &Members, name: &str) -> Vec<String> {
    list(members, name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The strings of an object, by name.
pub(super) fn text_map(members: &Members, name: &str) -> BTreeMap<String, String> {
    let members = members.get(name).and_then(Value::as_object).into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// The names of an object's members, in order.
pub(super) fn names(members: &Members, name: &str) -> Vec<String> {
    members.get(name).and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The objects of a list.
pub(super) fn objects<'a>(members: &'a Members, name: &str) -> impl Iterator<Item = &'a Members> {
    list(members, name).iter().filter_map(Value::as_object)
}

/// Whether a member is true.
pub(super) fn flag(members: &Members, name: &str) -> bool {
    members.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A time in RFC 3339 at which a build can have taken place.
///
/// Builds that are to be reproducible write an early constant, such as the epoch or Go's zero time; those count as absent.
pub(super) fn build_time(members: &Members, name: &str) -> Option<Timestamp> {
    const YEAR_2000: i64 = 946_684_800;
    let time: jiff::Timestamp = members.get(name)?.as_str()?.parse().ok()?;
    (time.as_second() >= YEAR_2000).then(|| Timestamp::from_micros(time.as_microsecond()))
}

fn list<'a>(members: &'a Members, name: &str) -> &'a [Value] {
    members.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn non_empty(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}
