//! The `Principal` element of a statement of a repository policy.
//!
//! Source: IAM user guide, "AWS JSON policy elements: Principal".

use super::context::Caller;
use super::error::StatementError;
use super::json::Json;
use crate::arn::Arn;
use crate::name::RegistryId;
use crate::user_id::UserId;

/// One principal that a policy names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrincipalName {
    /// `*`: every authenticated caller.
    Everyone,
    /// An account, written as its id or as `arn:aws:iam::<id>:root`; both mean everyone in it.
    Account(RegistryId),
    /// A user by unique id, which replaces the ARN in a stored policy.
    UserId(UserId),
    /// `arn:aws:iam::<id>:user/<name>`; the name includes its path. In a stored policy, the user did not exist when the policy
    /// was set.
    User { account: RegistryId, name: String },
    /// `arn:aws:iam::<id>:role/<name>`, or a session (`arn:aws:sts::<id>:assumed-role/…`, `…:federated-user/…`).
    /// This server has neither, so it matches no caller.
    Role {
        account: RegistryId,
        /// The part of the ARN after the account.
        resource: String,
    },
    /// An AWS service, a federated or a canonical user: `(kind, name)`. Matches no caller of this server.
    Foreign {
        /// The member of the element: `Service`, `Federated` or `CanonicalUser`.
        kind: &'static str,
        name: String,
    },
}

/// How a list of principals includes a caller, from weakest to strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Inclusion {
    Absent,
    /// As a member of an account: the account's identity policies must also allow the request.
    ByAccount,
    ByName,
}

impl PrincipalName {
    /// Parses a principal of the member `AWS`.
    pub(super) fn parse_aws(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Everyone);
        }
        if let Ok(account) = RegistryId::parse(text) {
            return Some(Self::Account(account));
        }
        if let Some(id) = UserId::parse(text) {
            return Some(Self::UserId(id));
        }
        let parts: Vec<_> = text.splitn(6, ':').collect();
        let ["arn", "aws", service, "", account, resource] = parts[..] else { return None };
        let account = RegistryId::parse(account).ok()?;
        let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
        match (service, kind) {
            ("iam", "root") if resource == "root" => Some(Self::Account(account)),
            ("iam", "user") if is_plain(name) => Some(Self::User { account, name: name.to_owned() }),
            ("iam", "role") | ("sts", "assumed-role" | "federated-user") if is_plain(name) => {
                Some(Self::Role { account, resource: resource.to_owned() })
            }
            _ => None,
        }
    }

    /// Whether this is a user name, and the caller has that name.
    pub(super) fn is_name_of(&self, caller: &Caller) -> bool {
        matches!(self, Self::User { account, name } if Arn::User(account.clone(), name.clone()).to_string() == caller.arn)
    }

    fn include(&self, caller: &Caller) -> Inclusion {
        match self {
            Self::Everyone => Inclusion::ByName,
            Self::Account(account) if *account == caller.account && caller.root => Inclusion::ByName,
            Self::Account(account) if *account == caller.account => Inclusion::ByAccount,
            Self::UserId(id) if caller.id.as_ref() == Some(id) => Inclusion::ByName,
            _ => Inclusion::Absent,
        }
    }
}

/// The strongest inclusion of the caller in `names`.
pub(super) fn inclusion(names: &[PrincipalName], caller: &Caller) -> Inclusion {
    names.iter().map(|name| name.include(caller)).max().unwrap_or(Inclusion::Absent)
}

/// Parses the value of `element`, `Principal` or `NotPrincipal`.
pub(super) fn parse(json: &Json, element: &'static str) -> Result<Vec<PrincipalName>, StatementError> {
    match json {
        Json::Text(text) if text == "*" => Ok(vec![PrincipalName::Everyone]),
        Json::Text(text) => Err(StatementError::Principal(text.clone())),
        Json::Object(kinds) if !kinds.is_empty() => {
            let mut names = Vec::new();
            for (kind, list) in kinds {
                for item in list.one_or_many() {
                    names.push(parse_name(kind, item.text().ok_or(StatementError::WrongType(element))?)?);
                }
            }
            Ok(names)
        }
        Json::Object(_) => Err(StatementError::Missing(element)),
        _ => Err(StatementError::WrongType(element)),
    }
}

/// Whether the value of `Principal` or `NotPrincipal` contains an empty list.
pub(super) fn has_empty_list(json: &Json) -> bool {
    matches!(json, Json::Object(kinds) if kinds.iter().any(|(_, list)| list.one_or_many().is_empty()))
}

fn parse_name(kind: &str, text: &str) -> Result<PrincipalName, StatementError> {
    let foreign = |kind| is_plain(text).then(|| PrincipalName::Foreign { kind, name: text.to_owned() });
    let name = match kind {
        "AWS" => PrincipalName::parse_aws(text),
        "Service" => foreign("Service"),
        "Federated" => foreign("Federated"),
        "CanonicalUser" => foreign("CanonicalUser"),
        _ => return Err(StatementError::Principal(kind.to_owned())),
    };
    name.ok_or_else(|| StatementError::Principal(text.to_owned()))
}

/// Whether a principal can have this name, which contains neither wildcards nor blanks.
fn is_plain(name: &str) -> bool {
    let forbidden = |character: char| matches!(character, '*' | '?') || character.is_whitespace() || character.is_control();
    !name.is_empty() && !name.ends_with('/') && !name.contains(forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digits: &str) -> RegistryId {
        RegistryId::parse(digits).expect("twelve digits")
    }

    fn names(json: &str) -> Result<Vec<PrincipalName>, StatementError> {
        parse(&Json::parse(json).expect("JSON"), "Principal")
    }

    #[test]
    fn every_documented_form_is_read() {
        let account = id("111122223333");
        let user = |name: &str| PrincipalName::User { account: account.clone(), name: name.to_owned() };
        let role = |resource: &str| PrincipalName::Role { account: account.clone(), resource: resource.to_owned() };
        for (json, expected) in [
            (r#""*""#, vec![PrincipalName::Everyone]),
            (r#"{"AWS": "*"}"#, vec![PrincipalName::Everyone]),
            (r#"{"AWS": "111122223333"}"#, vec![PrincipalName::Account(account.clone())]),
            (r#"{"AWS": ["arn:aws:iam::111122223333:root"]}"#, vec![PrincipalName::Account(account.clone())]),
            (r#"{"AWS": ["arn:aws:iam::111122223333:user/ann", "*"]}"#, vec![user("ann"), PrincipalName::Everyone]),
            (r#"{"AWS": "arn:aws:iam::111122223333:user/division/ann"}"#, vec![user("division/ann")]),
            (r#"{"AWS": "arn:aws:iam::111122223333:role/push"}"#, vec![role("role/push")]),
            (r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/push/me"}"#, vec![role("assumed-role/push/me")]),
            (
                r#"{"Service": "codebuild.amazonaws.com", "AWS": "111122223333"}"#,
                vec![
                    PrincipalName::Foreign { kind: "Service", name: "codebuild.amazonaws.com".to_owned() },
                    PrincipalName::Account(account.clone()),
                ],
            ),
            (r#"{"AWS": []}"#, vec![]),
            (r#"{"AWS": "AIDACKCEVSQ6C2EXAMPLE"}"#, vec![PrincipalName::UserId(UserId::parse("AIDACKCEVSQ6C2EXAMPLE").expect("an id"))]),
        ] {
            assert_eq!(names(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn other_texts_are_no_principals() {
        for bad in [
            r#""111122223333""#,
            r#"{}"#,
            r#"[]"#,
            r#"{"AWS": 111122223333}"#,
            r#"{"AWS": ""}"#,
            r#"{"AWS": "1111"}"#,
            r#"{"Aws": "*"}"#,
            r#"{"Service": ""}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:user/*"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:user/"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:group/admins"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:root/x"}"#,
            r#"{"AWS": "arn:aws:iam::*:root"}"#,
            r#"{"AWS": "arn:aws-cn:iam::111122223333:root"}"#,
            r#"{"AWS": "arn:aws:s3::111122223333:root"}"#,
            r#"{"AWS": "AROACKCEVSQ6C2EXAMPLE"}"#,
            r#"{"AWS": "AIDA"}"#,
        ] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_includes_its_users_by_account_and_itself_by_name() {
        let account = id("111122223333");
        let ann_id = UserId::parse("AIDACKCEVSQ6C2EXAMPLE").expect("an id");
        let ann = Caller::user(account.clone(), "ann").with_id(ann_id.clone());
        let by_account = [PrincipalName::Account(account.clone())];
        assert_eq!(inclusion(&by_account, &ann), Inclusion::ByAccount);
        assert_eq!(inclusion(&by_account, &Caller::root(account.clone())), Inclusion::ByName);
        assert_eq!(inclusion(&by_account, &Caller::root(id("444455556666"))), Inclusion::Absent);
        let by_id = PrincipalName::UserId(ann_id);
        assert_eq!(inclusion(&[by_account[0].clone(), by_id.clone()], &ann), Inclusion::ByName);
        let successor = Caller::user(account.clone(), "ann").with_id(UserId::parse("AIDACKCEVSQ6C2ANOTHER").expect("an id"));
        assert_eq!(inclusion(std::slice::from_ref(&by_id), &successor), Inclusion::Absent);
        assert_eq!(inclusion(&[by_id], &Caller::root(account.clone())), Inclusion::Absent);
        let by_name = PrincipalName::User { account, name: "ann".to_owned() };
        assert!(by_name.is_name_of(&ann) && by_name.is_name_of(&successor));
        assert_eq!(inclusion(&[by_name], &ann), Inclusion::Absent);
        assert_eq!(inclusion(&[], &ann), Inclusion::Absent);
    }
}
