//! Property tests of policies.

use super::*;
use crate::name::RegistryId;
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];

fn one_of(choices: &'static [&'static str]) -> prop::sample::Select<&'static str> {
    prop::sample::select(choices)
}

fn action() -> impl Strategy<Value = &'static str> {
    one_of(&["ecr-public:PutImage", "ecr-public:Put*", "ecr-public:GetRepositoryPolicy", "ecr-public:*", "*", "sts:?et*"])
}

fn resource() -> impl Strategy<Value = &'static str> {
    one_of(&[
        "*",
        "arn:aws:ecr-public::111122223333:repository/app",
        "arn:aws:ecr-public::*:repository/${aws:username}*",
        "arn:aws:ecr-public::444455556666:repository/${aws:missing}",
    ])
}

fn principal() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("*")),
        Just(json!({"AWS": ACCOUNTS[0]})),
        Just(json!({"AWS": ["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::444455556666:root"]})),
        Just(json!({"Service": "codebuild.amazonaws.com"})),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    let operator = (one_of(&["", "ForAllValues:", "ForAnyValue:"]), one_of(&["StringEquals", "StringNotLike", "ArnLike", "ArnNotEquals"]));
    let values = prop::collection::vec(one_of(&["dev", "*", "${aws:username}", "${aws:missing}", "arn:aws:iam::*:user/*"]), 0..3);
    let key = one_of(&["aws:TagKeys", "aws:username", "aws:PrincipalArn", "aws:Missing"]);
    (operator, one_of(&["", "IfExists"]), key, values)
        .prop_map(|((quantifier, operator), suffix, key, values)| json!({format!("{quantifier}{operator}{suffix}"): {key: values}}))
}

/// A statement without effect and without principal.
fn scope() -> impl Strategy<Value = Value> {
    let actions = (one_of(&["Action", "NotAction"]), prop::collection::vec(action(), 0..3));
    let resources = (one_of(&["Resource", "NotResource"]), prop::collection::vec(resource(), 0..3));
    (actions, resources, prop::option::of(condition())).prop_map(|((action, actions), (resource, resources), condition)| {
        let mut statement = json!({action: actions, resource: resources});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        statement
    })
}

fn identity_statement(effect: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (one_of(effect), scope()).prop_map(|(effect, mut statement)| {
        statement["Effect"] = json!(effect);
        statement
    })
}

fn repository_statement(effect: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (identity_statement(effect), any::<bool>(), principal()).prop_map(|(mut statement, negated, principal)| {
        let element = if negated && statement["Effect"] == "Deny" { "NotPrincipal" } else { "Principal" };
        statement[element] = principal;
        statement
    })
}

fn statements(statement: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(statement, 1..4)
}

fn text(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// As it is stored: statements with empty lists or, in a repository's policy, with resources can no longer be set, and mean what
/// they meant.
fn policy(statements: &[Value]) -> Policy {
    Policy::parse(&text(statements)).expect("generated policies are good")
}

fn request() -> impl Strategy<Value = RequestContext> {
    let account = |digits| RegistryId::parse(digits).expect("twelve digits");
    let caller = (one_of(&ACCOUNTS), one_of(&["root", "ann", "bob"])).prop_map(move |(digits, name)| match name {
        "root" => Caller::root(account(digits)),
        user => Caller::user(account(digits), user),
    });
    let action = one_of(&["ecr-public:PutImage", "ecr-public:GetRepositoryPolicy", "sts:GetServiceBearerToken"]);
    let resource =
        prop::option::of(one_of(&["arn:aws:ecr-public::111122223333:repository/app", "arn:aws:ecr-public::444455556666:repository/ann"]));
    let keys = prop::collection::vec(one_of(&["dev", "prod", "cost"]), 0..3);
    (caller, action, resource, keys)
        .prop_map(|(caller, action, resource, keys)| RequestContext::new(caller, action, resource).with_tag_keys(keys))
}

const BOTH: &[&str] = &["Allow", "Deny"];

proptest! {
    #[test]
    fn a_deny_that_covers_the_request_always_wins(
        identity in statements(identity_statement(BOTH)),
        repository in prop::option::of(statements(repository_statement(BOTH))),
        context in request(),
    ) {
        let repository = repository.map(|statements| policy(&statements));
        let deny = json!({"Effect": "Deny", "Action": context.action(), "Resource": "*"});
        let mut repository_deny = deny.clone();
        repository_deny["Principal"] = json!("*");

        let denied = [policy(&identity), policy(&[deny])];
        prop_assert_eq!(evaluate(&denied, repository.as_ref(), &context), Decision::ExplicitDeny(PolicyKind::Identity));
        let denied = policy(&[repository_deny]);
        let decision = evaluate(&[policy(&identity)], Some(&denied), &context);
        prop_assert!(matches!(decision, Decision::ExplicitDeny(_)));
    }

    #[test]
    fn adding_an_allow_never_removes_access(
        identity in statements(identity_statement(BOTH)),
        repository in statements(repository_statement(BOTH)),
        identity_allow in identity_statement(&["Allow"]),
        repository_allow in repository_statement(&["Allow"]),
        context in request(),
    ) {
        let decide = |identity: &[Value], repository: &[Value]| {
            evaluate(&[policy(identity)], Some(&policy(repository)), &context).is_allowed()
        };
        let before = decide(&identity, &repository);
        let more_identity = [identity.clone(), vec![identity_allow]].concat();
        let more_repository = [repository.clone(), vec![repository_allow]].concat();
        prop_assert!(decide(&more_identity, &repository) >= before);
        prop_assert!(decide(&identity, &more_repository) >= before);
    }

    #[test]
    fn adding_a_deny_never_gives_access(
        identity in statements(identity_statement(BOTH)),
        repository in statements(repository_statement(BOTH)),
        deny in repository_statement(&["Deny"]),
        context in request(),
    ) {
        let identity = policy(&identity);
        let decide = |repository: &[Value]| evaluate([&identity], Some(&policy(repository)), &context).is_allowed();
        prop_assert!(decide(&[repository.clone(), vec![deny]].concat()) <= decide(&repository));
    }

    #[test]
    fn a_rendered_policy_reads_like_the_one_that_was_sent(repository in statements(repository_statement(BOTH))) {
        let sent = text(&repository);
        let rendered = render(&sent).expect("JSON");
        prop_assert_eq!(Policy::parse(&rendered), Policy::parse(&sent));
        prop_assert_eq!(render(&rendered), Ok(rendered));
    }

    #[test]
    fn any_json_is_rendered_without_changing_it(text in json_text()) {
        let rendered = render(&text).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Value>(&rendered).ok(), serde_json::from_str::<Value>(&text).ok());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Policy::new(PolicyKind::Repository, &text);
        let _ = render(&text);
    }

    #[test]
    fn no_json_in_any_element_makes_the_parser_panic(
        element in one_of(&["Sid", "Effect", "Action", "NotResource", "Resource", "Principal", "NotPrincipal", "Condition", "Other"]),
        value in json_text(),
    ) {
        let statement = format!(r#""Effect": "Deny", "Action": "*", "{element}": {value}"#);
        for version in ["2008-10-17", "2012-10-17"] {
            let _ = Policy::parse(&format!(r#"{{"Version": "{version}", "Statement": {{{statement}}}}}"#));
            let _ = Policy::parse(&format!(r#"{{"Version": "{version}", "Statement": {{"{element}": {value}}}}}"#));
        }
    }

    #[test]
    fn no_condition_value_makes_parser_or_evaluation_panic(
        operator in one_of(&["StringLike", "StringEqualsIgnoreCase", "ArnLike", "NumericLessThan", "DateEquals", "Bool", "BinaryEquals", "NotIpAddress", "Null"]),
        value in "[-0-9a-z:.*?/${}TZ+,']{0,24}",
        found in "\\PC{0,24}",
        context in request(),
    ) {
        let document = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"test:Key": value}},
        }});
        if let Ok(policy) = Policy::parse(&document.to_string()) {
            let _ = evaluate([&policy], None, &context.with("test:Key", &found));
        }
    }
}

/// JSON of every shape, with the words of the policy language in it.
fn json_text() -> impl Strategy<Value = String> {
    let word = one_of(&["AWS", "Allow", "*", "aws:x", "StringEquals", "Null", "arn:aws:iam::111122223333:root", "${aws:x", "ä\u{7}\"", ""]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())),
        ]
    });
    value.prop_map(|value| value.to_string())
}
