use super::*;

fn identity(statement: &str) -> Result<Policy, PolicyError> {
    Policy::new(PolicyKind::Identity, &format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#))
}

fn repository(statement: &str) -> Result<Policy, PolicyError> {
    Policy::new(PolicyKind::Repository, &format!(r#"{{"Version": "2008-10-17", "Statement": {statement}}}"#))
}

#[test]
fn one_statement_reads_like_a_list_of_one() {
    let statement = r#"{"Effect": "Allow", "Action": "ecr-public:PutImage", "Resource": "*"}"#;
    let list = r#"[{"Effect": "Allow", "Action": ["ECR-Public:putimage"], "Resource": ["*"]}]"#;
    assert_eq!(identity(statement), identity(list));
    assert!(identity(statement).is_ok());
}

#[test]
fn good_identity_policies_are_accepted() {
    for good in [
        r#"{"Sid": "Push1", "Effect": "Allow", "Action": "*", "Resource": "*"}"#,
        r#"{"Effect": "Deny", "NotAction": ["ecr-public:Get*", "made-up:Action"], "NotResource": "arn:aws:ecr-public::111122223333:repository/a*"}"#,
        r#"{"Effect": "Allow", "Action": "ecr-public:*", "Resource": "arn:aws:ecr-public::111122223333:repository/${aws:username}/*"}"#,
        r#"[{"Sid": "A", "Effect": "Allow", "Action": "a:b", "Resource": "*"}, {"Sid": "B", "Effect": "Allow", "Action": "a:b", "Resource": "*"}]"#,
    ] {
        assert!(identity(good).is_ok(), "{good}");
    }
}

#[test]
fn bad_statements_say_what_is_wrong() {
    for (statement, error) in [
        ("1", StatementError::NotAnObject),
        (r#"{"Action": "a:b", "Resource": "*"}"#, StatementError::Missing("Effect")),
        (r#"{"Effect": "Allow", "Resource": "*"}"#, StatementError::Missing("Action")),
        (r#"{"Effect": "Allow", "Action": "a:b"}"#, StatementError::Missing("Resource")),
        (r#"{"Effect": "allow", "Action": "a:b", "Resource": "*"}"#, StatementError::Effect("allow".to_owned())),
        (r#"{"Effect": true, "Action": "a:b", "Resource": "*"}"#, StatementError::WrongType("Effect")),
        (r#"{"Effect": "Allow", "Action": 1, "Resource": "*"}"#, StatementError::WrongType("Action")),
        (r#"{"Effect": "Allow", "Action": [["a:b"]], "Resource": "*"}"#, StatementError::WrongType("Action")),
        (r#"{"Effect": "Allow", "Action": "PutImage", "Resource": "*"}"#, StatementError::Action("PutImage".to_owned())),
        (r#"{"Effect": "Allow", "Action": "a:", "Resource": "*"}"#, StatementError::Action("a:".to_owned())),
        (r#"{"Effect": "Allow", "Action": "", "Resource": "*"}"#, StatementError::Action(String::new())),
        (r#"{"Effect": "Allow", "Action": "a:b", "NotAction": "a:c", "Resource": "*"}"#, StatementError::BothForms("Action")),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "NotResource": "*"}"#, StatementError::BothForms("Resource")),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": "repository/app"}"#, StatementError::Resource("repository/app".to_owned())),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": "arn:aws:s3:*"}"#, StatementError::Resource("arn:aws:s3:*".to_owned())),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Principal": "*"}"#, StatementError::PrincipalForbidden),
        (r#"{"Sid": "a b", "Effect": "Allow", "Action": "a:b", "Resource": "*"}"#, StatementError::Sid("a b".to_owned())),
        (r#"{"Effect": "Allow", "Action": [], "Resource": "*"}"#, StatementError::Empty("Action")),
        (r#"{"Effect": "Deny", "NotAction": [], "Resource": "*"}"#, StatementError::Empty("Action")),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": []}"#, StatementError::Empty("Resource")),
        (r#"{"Effect": "Allow", "Action": "a:b", "NotResource": []}"#, StatementError::Empty("Resource")),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"StringNotEquals": {"a:b": []}}}"#,
            StatementError::Empty("Condition"),
        ),
        (
            r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"Null": {"a:b": []}}}"#,
            StatementError::Empty("Condition"),
        ),
        (r#"{"effect": "Allow", "Action": "a:b", "Resource": "*"}"#, StatementError::UnknownElement("effect".to_owned())),
        (r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": []}"#, StatementError::WrongType("Condition")),
    ] {
        assert_eq!(identity(statement), Err(PolicyError::Statement { number: 1, error }), "{statement}");
    }
}

#[test]
fn bad_documents_say_what_is_wrong() {
    let good = r#"{"Effect": "Allow", "Action": "a:b", "Resource": "*"}"#;
    for (text, error) in [
        ("[]".to_owned(), PolicyError::NotAnObject),
        ("{}".to_owned(), PolicyError::NoStatement),
        (r#"{"Statement": []}"#.to_owned(), PolicyError::NoStatement),
        (format!(r#"{{"Version": "2020-01-01", "Statement": {good}}}"#), PolicyError::Version("2020-01-01".to_owned())),
        (format!(r#"{{"Version": 2012, "Statement": {good}}}"#), PolicyError::WrongType("Version")),
        (format!(r#"{{"Id": 1, "Statement": {good}}}"#), PolicyError::WrongType("Id")),
        (format!(r#"{{"Statements": {good}}}"#), PolicyError::UnknownElement("Statements".to_owned())),
        (format!(r#"{{"Statement": [{good}, 2]}}"#), PolicyError::Statement { number: 2, error: StatementError::NotAnObject }),
    ] {
        assert_eq!(Policy::new(PolicyKind::Identity, &text), Err(error), "{text}");
    }
    for text in ["", "x", "{", r#"{"Statement": [], "Statement": []}"#] {
        assert!(matches!(Policy::new(PolicyKind::Identity, text), Err(PolicyError::Json(_))), "{text}");
    }
    let twice = r#"[{"Sid": "A", "Effect": "Allow", "Action": "a:b", "Resource": "*"}, {"Sid": "A", "Effect": "Allow", "Action": "a:b", "Resource": "*"}]"#;
    assert_eq!(identity(twice), Err(PolicyError::DuplicateSid("A".to_owned())));
}

#[test]
fn a_repository_policy_names_principals_and_needs_no_resource() {
    for good in [
        r#"{"Sid": "allow public pull", "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage", "ecr-public:ListImages"]}"#,
        r#"{"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "ecr-public:*"}"#,
    ] {
        assert!(repository(good).is_ok(), "{good}");
    }
    for (bad, error) in [
        (r#"{"Effect": "Allow", "Action": "ecr-public:*", "Resource": "*"}"#, StatementError::Missing("Principal")),
        (r#"{"Effect": "Allow", "Principal": "*", "NotPrincipal": "*", "Action": "a:b"}"#, StatementError::BothForms("Principal")),
        (r#"{"Effect": "Allow", "NotPrincipal": "*", "Action": "a:b"}"#, StatementError::NotPrincipalAllows),
        (r#"{"Effect": "Allow", "Principal": "*", "Action": "a:b", "Resource": "*"}"#, StatementError::ResourceForbidden),
        (r#"{"Effect": "Deny", "Principal": "*", "Action": "a:b", "NotResource": "*"}"#, StatementError::ResourceForbidden),
        (r#"{"Effect": "Allow", "Principal": {"AWS": []}, "Action": "a:b"}"#, StatementError::Empty("Principal")),
        (r#"{"Effect": "Deny", "NotPrincipal": {"AWS": [], "Service": []}, "Action": "a:b"}"#, StatementError::Empty("Principal")),
        (
            r#"{"Effect": "Allow", "Principal": {"AWS": [], "Service": "ecs.amazonaws.com"}, "Action": "a:b"}"#,
            StatementError::Empty("Principal"),
        ),
        (r#"{"Effect": "Allow", "Principal": {}, "Action": "a:b"}"#, StatementError::Missing("Principal")),
        (r#"{"Effect": "Allow", "Principal": "me", "Action": "a:b"}"#, StatementError::Principal("me".to_owned())),
    ] {
        assert_eq!(repository(bad), Err(PolicyError::Statement { number: 1, error }), "{bad}");
    }
}

/// Earlier versions accepted them, so they may be stored.
#[test]
fn what_is_no_longer_accepted_is_still_read_where_it_is_stored() {
    for stored in [
        r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "a:b", "Resource": "arn:aws:ecr-public::111122223333:repository/app"}}"#,
        r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": []}, "Action": []}}"#,
    ] {
        assert!(Policy::new(PolicyKind::Repository, stored).is_err(), "{stored}");
        assert!(Policy::parse(stored).is_ok(), "{stored}");
    }
}

#[test]
fn the_length_limit_counts_characters_and_spares_what_is_stored() {
    let policy = |id: &str| format!(r#"{{"Id": "{id}", "Statement": {{"Effect": "Allow", "Action": "a:b", "Resource": "*"}}}}"#);
    let room = MAXIMUM_CHARACTERS - policy("").chars().count();
    assert!(Policy::new(PolicyKind::Identity, &policy(&"ä".repeat(room))).is_ok());
    assert_eq!(Policy::new(PolicyKind::Identity, &policy(&"ä".repeat(room + 1))), Err(PolicyError::TooLong));
    assert!(Policy::parse(&policy(&"ä".repeat(room + 1))).is_ok());
}

#[test]
fn variables_need_the_newer_version_wherever_it_stands() {
    let statement = r#""Statement": {"Effect": "Allow", "Action": "a:b", "Resource": "arn:aws:ecr-public::1:repository/${"}"#;
    let parse = |text: String| Policy::parse(&text);
    assert!(parse(format!(r#"{{{statement}}}"#)).is_ok());
    assert!(parse(format!(r#"{{"Version": "2008-10-17", {statement}}}"#)).is_ok());
    assert!(parse(format!(r#"{{{statement}, "Version": "2012-10-17"}}"#)).is_err());
}
