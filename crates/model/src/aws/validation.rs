//! Holds a request against its [`Shape`] before it is decoded.
//!
//! The walk is over raw JSON: a number of a thousand digits has a place in the grammar of JSON but in no Rust integer,
//! and is answered with the range that it misses. Members are looked at in the order in which the shape lists them,
//! and the first violation is the answer.

use super::blob;
use super::shape::{Member, Shape};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Why a body is not what an operation takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not JSON, or not an object: AWS calls it a SerializationException.
    #[error("the request body is not a JSON object")]
    NotAnObject,
    /// An object, but not of the shape: AWS calls it an InvalidParameterException.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// The first constraint that a request does not keep, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'")]
pub struct Violation {
    /// The member of the request, always one of the outermost object.
    pub member: String,
    /// The constraint.
    pub constraint: String,
}

impl Violation {
    /// A violation by `member` of what `constraint` says.
    pub fn new(member: impl Into<String>, constraint: impl fmt::Display) -> Self {
        Self { member: member.into(), constraint: constraint.to_string() }
    }
}

/// Checks `body`, the text of a request, against `shape`, a structure. A body without content counts as `{}`, as the
/// awsJson1.1 protocol wants of servers.
pub fn validate(shape: &Shape, body: &str) -> Result<(), Invalid> {
    let body = if body.is_empty() { "{}" } else { body };
    let object = object(body).ok_or(Invalid::NotAnObject)?;
    for member in shape.members() {
        check_member(member, &object).map_err(|fault| Violation::new(member.name, fault))?;
    }
    Ok(())
}

type Object<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

fn object(text: &str) -> Option<Object<'_>> {
    serde_json::from_str(text).ok()
}

/// What is wrong with a value.
enum Fault {
    /// Absent, or null.
    Null,
    /// Of another type than `.0`.
    Type(&'static str),
    /// Out of the range or of the length that a [`Bound`] gives.
    Bound(Bound),
    /// Not as the pattern has it.
    Pattern(&'static str),
    /// None of these values.
    Values(&'static [&'static str]),
    /// Not base64.
    Base64,
    /// One of a list's entries is at fault; AWS lists all the constraints of an entry of simple type.
    Item(Vec<Fault>),
    /// A member of a nested structure is at fault.
    Member(&'static str, Box<Fault>),
}

/// A limit that a value does not keep.
enum Bound {
    MinLength(u64),
    MaxLength(u64),
    MinItems(u64),
    MaxItems(u64),
    Min(i64),
    Max(i64),
}

fn check_member(member: &Member, object: &Object<'_>) -> Result<(), Fault> {
    match object.get(member.name) {
        Some(value) if value.get() != "null" => check(member.shape, value.get()),
        _ if member.required => Err(Fault::Null),
        _ => Ok(()),
    }
}

/// Checks one value, `text`, which is well-formed JSON without space around it.
fn check(shape: &Shape, text: &str) -> Result<(), Fault> {
    match shape {
        Shape::String { .. } => check_string(shape, &string(text)?),
        Shape::Integer { min, max } => {
            check_number("integer", text, min.unwrap_or(i64::from(i32::MIN)), max.unwrap_or(i64::from(i32::MAX)))
        }
        Shape::Long { min, max } => check_number("long", text, min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX)),
        Shape::Boolean if matches!(text, "true" | "false") => Ok(()),
        Shape::Boolean => Err(Fault::Type("boolean")),
        Shape::Blob { min, max } => check_length(blob::decoded_length(&string(text)?).ok_or(Fault::Base64)?, *min, *max),
        Shape::Timestamp if serde_json::from_str::<f64>(text).is_ok() => Ok(()),
        Shape::Timestamp => Err(Fault::Type("timestamp")),
        Shape::List { min, max, item } => check_list(text, *min, *max, item),
        Shape::Structure(members) => check_structure(members, text),
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn string(text: &str) -> Result<Cow<'_, str>, Fault> {
    serde_json::from_str::<Text<'_>>(text).map(|text| text.0).map_err(|_| Fault::Type("string"))
}

fn check_string(shape: &Shape, value: &str) -> Result<(), Fault> {
    let Shape::String { min, max, pattern, values } = shape else { return Ok(()) };
    check_length(value.chars().count() as u64, *min, *max)?;
    match pattern {
        Some(pattern) if !pattern.matches(value) => return Err(Fault::Pattern(pattern.as_str())),
        _ => {}
    }
    if values.is_empty() || values.contains(&value) { Ok(()) } else { Err(Fault::Values(values)) }
}

fn check_length(length: u64, min: Option<u64>, max: Option<u64>) -> Result<(), Fault> {
    match (min, max) {
        (Some(min), _) if length < min => Err(Fault::Bound(Bound::MinLength(min))),
        (_, Some(max)) if length > max => Err(Fault::Bound(Bound::MaxLength(max))),
        _ => Ok(()),
    }
}

/// A whole number of any magnitude: digits that no `i64` holds lie beyond one of the two ends.
fn check_number(kind: &'static str, text: &str, min: i64, max: i64) -> Result<(), Fault> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Type(kind));
    }
    match text.parse::<i64>() {
        Ok(value) if value < min => Err(Fault::Bound(Bound::Min(min))),
        Ok(value) if value > max => Err(Fault::Bound(Bound::Max(max))),
        Ok(_) => Ok(()),
        Err(_) if text.starts_with('-') => Err(Fault::Bound(Bound::Min(min))),
        Err(_) => Err(Fault::Bound(Bound::Max(max))),
    }
}

fn check_list(text: &str, min: Option<u64>, max: Option<u64>, item: &Shape) -> Result<(), Fault> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Fault::Type("list"))?;
    match (min, max, items.len() as u64) {
        (Some(min), _, length) if length < min => return Err(Fault::Bound(Bound::MinItems(min))),
        (_, Some(max), length) if length > max => return Err(Fault::Bound(Bound::MaxItems(max))),
        _ => {}
    }
    for entry in items {
        let fault = match entry.get() {
            "null" => Fault::Null,
            text => match check(item, text) {
                Ok(()) => continue,
                Err(fault) => fault,
            },
        };
        return Err(Fault::Item(all_constraints(item, fault)));
    }
    Ok(())
}

/// For an entry that breaks a length or a pattern AWS names every constraint of the entry, the greatest length first.
fn all_constraints(item: &Shape, fault: Fault) -> Vec<Fault> {
    let (Shape::String { min, max, pattern, .. }, Fault::Bound(_) | Fault::Pattern(_)) = (item, &fault) else {
        return vec![fault];
    };
    let max = max.map(|max| Fault::Bound(Bound::MaxLength(max)));
    let min = min.map(|min| Fault::Bound(Bound::MinLength(min)));
    let pattern = pattern.map(|pattern| Fault::Pattern(pattern.as_str()));
    [max, min, pattern].into_iter().flatten().collect()
}

fn check_structure(members: &'static [Member], text: &str) -> Result<(), Fault> {
    let object = object(text).ok_or(Fault::Type("structure"))?;
    for member in members {
        check_member(member, &object).map_err(|fault| Fault::Member(member.name, Box::new(fault)))?;
    }
    Ok(())
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
            Self::Values(values) => write!(f, "must satisfy enum value set: [{}]", values.join(", ")),
            Self::Base64 => f.write_str("must be base64"),
            Self::Item(faults) => {
                let inner = faults.iter().map(Self::of_an_item).collect::<Vec<_>>();
                write!(f, "Member must satisfy constraint: [{}]", inner.join(", "))
            }
            Self::Member(name, fault) => write!(f, "Member '{name}' {}", fault.without_subject()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Operation;
    use proptest::prelude::*;

    /// What AWS would say about `body` as a request of `operation`; nothing if it is in order.
    fn verdict(operation: &str, body: &str) -> Option<String> {
        let operation = Operation::find(operation).expect("an operation");
        validate(operation.input, body).err().map(|invalid| invalid.to_string())
    }

    fn violation(member: &str, constraint: &str) -> Option<String> {
        Some(format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"))
    }

    const NAME: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

    #[test]
    fn a_name_is_checked_in_the_words_of_aws() {
        let verdict = |name: &str| verdict("CreateRepository", &format!(r#"{{"repositoryName":"{name}"}}"#));
        assert_eq!(verdict("team/app"), None);
        assert_eq!(verdict("team/app\\u0031"), None);
        assert_eq!(verdict("a"), violation("repositoryName", "must have length greater than or equal to 2"));
        assert_eq!(verdict(&"a".repeat(206)), violation("repositoryName", "must have length less than or equal to 205"));
        assert_eq!(verdict("Team"), violation("repositoryName", &format!("must satisfy regular expression '{NAME}'")));
    }

    #[test]
    fn a_required_member_may_be_neither_absent_nor_null() {
        let null = violation("repositoryName", "must not be null");
        for body in ["", "{}", " { } ", r#"{"repositoryName":null}"#, r#"{"repositoryname":"app"}"#] {
            assert_eq!(verdict("DescribeImageTags", body), null, "{body}");
        }
        assert_eq!(verdict("DescribeImageTags", r#"{"repositoryName":"app","maxResults":null,"registryId":null}"#), None);
    }

    #[test]
    fn a_number_of_any_magnitude_is_held_against_its_range() {
        let verdict = |n: &str| verdict("DescribeRepositories", &format!(r#"{{"maxResults":{n}}}"#));
        let low = violation("maxResults", "Member must have value greater than or equal to 1");
        let high = violation("maxResults", "Member must have value less than or equal to 1000");
        for good in ["1", "1000"] {
            assert_eq!(verdict(good), None);
        }
        for small in ["0", "-0", "-1", &format!("-{}", "9".repeat(1000))] {
            assert_eq!(verdict(small), low, "{small}");
        }
        for large in ["1001", "9223372036854775808", &"9".repeat(1000)] {
            assert_eq!(verdict(large), high, "{large}");
        }
        for other in ["1.5", "1e2", "\"5\"", "true", "[]", "{}"] {
            assert_eq!(verdict(other), violation("maxResults", "must be of type integer"), "{other}");
        }
    }

    #[test]
    fn a_long_has_a_range_even_where_the_service_model_gives_none() {
        let body = |n: &str| {
            let id = "01234567-89ab-cdef-0123-456789abcdef";
            format!(r#"{{"repositoryName":"app","uploadId":"{id}","partFirstByte":{n},"partLastByte":1,"layerPartBlob":""}}"#)
        };
        assert_eq!(verdict("UploadLayerPart", &body("9223372036854775807")), None);
        assert_eq!(
            verdict("UploadLayerPart", &body("9223372036854775808")),
            violation("partFirstByte", "Member must have value less than or equal to 9223372036854775807")
        );
        assert_eq!(
            verdict("UploadLayerPart", &body("-1")),
            violation("partFirstByte", "Member must have value greater than or equal to 0")
        );
    }

    #[test]
    fn a_lists_length_and_its_entries_are_checked() {
        let verdict = |names: &str| verdict("DescribeRepositories", &format!(r#"{{"repositoryNames":[{names}]}}"#));
        let inner = format!(
            "Member must satisfy constraint: [Member must have length less than or equal to 205, \
             Member must have length greater than or equal to 2, Member must satisfy regular expression pattern: {NAME}]"
        );
        assert_eq!(verdict(r#""app","team/app""#), None);
        assert_eq!(verdict(""), violation("repositoryNames", "Member must have length greater than or equal to 1"));
        let many = vec!["\"app\""; 101].join(",");
        assert_eq!(verdict(&many), violation("repositoryNames", "Member must have length less than or equal to 100"));
        assert_eq!(verdict(r#""app","App""#), violation("repositoryNames", &inner));
        let null = violation("repositoryNames", "Member must satisfy constraint: [Member must not be null]");
        assert_eq!(verdict("null"), null);
        let number = violation("repositoryNames", "Member must satisfy constraint: [Member must be of type string]");
        assert_eq!(verdict("5"), number);
    }

    #[test]
    fn a_pattern_alone_is_worded_as_the_private_service_was_seen_to_word_it() {
        let digests = r#"{"repositoryName":"app","uploadId":"01234567-89ab-cdef-0123-456789abcdef","layerDigests":["x"]}"#;
        let constraint = "Member must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+]";
        assert_eq!(verdict("CompleteLayerUpload", digests), violation("layerDigests", constraint));
    }

    #[test]
    fn a_violation_within_a_structure_is_reported_at_the_outermost_member() {
        let catalog = |data: &str| verdict("PutRepositoryCatalogData", &format!(r#"{{"repositoryName":"app","catalogData":{data}}}"#));
        assert_eq!(catalog("{}"), None);
        assert_eq!(catalog("[]"), violation("catalogData", "must be of type structure"));
        let long = format!(r#"{{"description":"{}"}}"#, "ä".repeat(1025));
        assert_eq!(catalog(&long), violation("catalogData", "Member 'description' must have length less than or equal to 1024"));
        assert_eq!(catalog(&long.replacen('ä', "", 1)), None, "lengths count code points");
        let images = r#"{"repositoryName":"app","imageIds":[{"imageTag":""}]}"#;
        let constraint = "Member must satisfy constraint: [Member 'imageTag' must have length greater than or equal to 1]";
        assert_eq!(verdict("BatchDeleteImage", images), violation("imageIds", constraint));
        let architectures = catalog(r#"{"architectures":[""]}"#);
        let constraint = "Member 'architectures' must satisfy constraint: [Member must have length less than or equal to 50, \
                          Member must have length greater than or equal to 1]";
        assert_eq!(architectures, violation("catalogData", constraint));
    }

    #[test]
    fn a_blob_is_measured_by_its_bytes() {
        let logo = |text: &str| {
            let body = format!(r#"{{"repositoryName":"app","catalogData":{{"logoImageBlob":"{text}"}}}}"#);
            verdict("PutRepositoryCatalogData", &body)
        };
        assert_eq!(logo("a\\/8="), None);
        assert_eq!(logo("*"), violation("catalogData", "Member 'logoImageBlob' must be base64"));
        let long = violation("catalogData", "Member 'logoImageBlob' must have length less than or equal to 512000");
        assert_eq!(logo(&"AAAA".repeat(512_001 / 3 + 1)), long);
    }

    #[test]
    fn a_value_of_another_json_type_says_which_type_it_must_be() {
        for (operation, body, member, kind) in [
            ("CreateRepository", r#"{"repositoryName":5}"#, "repositoryName", "string"),
            ("CreateRepository", r#"{"repositoryName":"\ud800"}"#, "repositoryName", "string"),
            ("DeleteRepository", r#"{"repositoryName":"app","force":"true"}"#, "force", "boolean"),
            ("DescribeRepositories", r#"{"repositoryNames":"app"}"#, "repositoryNames", "list"),
        ] {
            assert_eq!(verdict(operation, body), violation(member, &format!("must be of type {kind}")), "{body}");
        }
    }

    #[test]
    fn only_an_object_is_a_request() {
        for body in ["[]", "5", "null", "{", "{}{}", "{\"a\"}", "\u{feff}{}", " "] {
            let operation = Operation::find("GetAuthorizationToken").expect("an operation");
            assert_eq!(validate(operation.input, body), Err(Invalid::NotAnObject), "{body}");
        }
    }

    #[test]
    fn members_that_are_not_known_are_ignored_however_deep() {
        let deep = format!(r#"{{"surprise":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(verdict("GetAuthorizationToken", &deep), None);
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_judged_without_a_panic(body in "\\PC{0,60}", which in 0usize..23) {
            let _ = validate(crate::aws::OPERATIONS[which].input, &body);
        }

        #[test]
        fn integers_are_judged_as_big_integers_are(n in any::<i128>()) {
            let found = verdict("DescribeRepositories", &format!(r#"{{"maxResults":{n}}}"#));
            prop_assert_eq!(found.is_none(), (1..=1000).contains(&n));
        }
    }
}
