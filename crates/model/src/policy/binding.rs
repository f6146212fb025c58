//! Replaces users' ARNs in repository policies by their unique ids, and back.
//!
//! A policy is stored with ids, so that a later user of the same name does not inherit its grants. It is shown with the ARN
//! while the user exists, and with the id afterwards (IAM user guide, "AWS JSON policy elements: Principal"). The caller
//! knows which id belongs to which ARN.

use super::error::PolicyError;
use super::json::Json;
use super::principal::PrincipalName;
use super::render::print_document;
use std::collections::BTreeMap;

/// The distinct principals in the `AWS` members of a policy, each as text and parsed. Other values are skipped.
pub fn aws_principals(text: &str) -> Result<Vec<(String, PrincipalName)>, PolicyError> {
    let mut found = BTreeMap::new();
    for_each_aws_principal(&mut Json::parse(text)?, &mut |written| {
        if let Some(name) = PrincipalName::parse_aws(written) {
            found.insert(written.clone(), name);
        }
    });
    Ok(found.into_iter().collect())
}

/// The policy as [`super::render`] prints it, with the principals in its `AWS` members replaced according to `replacements`.
pub fn with_aws_principals(text: &str, replacements: &BTreeMap<String, String>) -> Result<String, PolicyError> {
    let mut document = Json::parse(text)?;
    for_each_aws_principal(&mut document, &mut |written| {
        if let Some(other) = replacements.get(written) {
            other.clone_into(written);
        }
    });
    Ok(print_document(&document))
}

fn for_each_aws_principal(document: &mut Json, visit: &mut impl FnMut(&mut String)) {
    for statement in members(document, &["Statement"]).flat_map(Json::one_or_many_mut) {
        for principal in members(statement, &["Principal", "NotPrincipal"]) {
            for name in members(principal, &["AWS"]).flat_map(Json::one_or_many_mut) {
                if let Json::Text(text) = name {
                    visit(text);
                }
            }
        }
    }
}

/// The members of an object that have one of these names.
fn members<'a>(json: &'a mut Json, names: &'static [&'static str]) -> impl Iterator<Item = &'a mut Json> {
    let members = match json {
        Json::Object(members) => members.as_mut_slice(),
        _ => &mut [],
    };
    members.iter_mut().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::render;

    const POLICY: &str = r#"{"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111122223333:user/ann", "AIDACKCEVSQ6C2EXAMPLE"]}, "Action": "a:b"},
        {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/ann", "Service": "x"}, "Action": "a:b",
         "Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:user/ann"}}}]}"#;

    #[test]
    fn the_principals_are_found_once_each_wherever_they_stand() {
        let found = aws_principals(POLICY).expect("a policy");
        let written: Vec<_> = found.iter().map(|(written, _)| written.as_str()).collect();
        assert_eq!(written, ["AIDACKCEVSQ6C2EXAMPLE", "arn:aws:iam::111122223333:user/ann"]);
        assert!(matches!(&found[0].1, PrincipalName::UserId(_)) && matches!(&found[1].1, PrincipalName::User { .. }));
        assert_eq!(aws_principals(r#"{"Statement": {"Principal": "*"}}"#), Ok(Vec::new()));
    }

    #[test]
    fn principals_are_replaced_and_nothing_else_is() {
        let to = |from: &str, to: &str| BTreeMap::from([(from.to_owned(), to.to_owned())]);
        let (arn, id) = ("arn:aws:iam::111122223333:user/ann", "AIDACKCEVSQ6C2ANOTHER");
        let bound = with_aws_principals(POLICY, &to(arn, id)).expect("a policy");
        assert_eq!((bound.matches(arn).count(), bound.matches(id).count()), (1, 2), "the condition still names the ARN");
        assert_eq!(with_aws_principals(&bound, &to(id, arn)), render(POLICY));
        for other in ["[]", "1", r#"{"Statement": 1}"#, r#"{"Statement": [{"Principal": {"AWS": {"AWS": 1}}}]}"#] {
            assert_eq!(with_aws_principals(other, &to(arn, id)), render(other));
        }
    }
}
