use super::*;
use crate::name::RegistryId;
use crate::policy::Caller;
use crate::timestamp::Timestamp;

/// A request with a known time, address, caller, one tag on the resource and two in the request.
fn context() -> RequestContext {
    let account = RegistryId::parse("111122223333").expect("twelve digits");
    RequestContext::new(Caller::user(account, "ann"), "ecr-public:TagResource", None)
        .at(Timestamp::from_seconds(1_700_000_000))
        .with("aws:SourceIp", "203.0.113.7")
        .with("aws:SecureTransport", "true")
        .with("test:Number", "5")
        .with("test:Bytes", "QmluYXJ5")
        .with_resource_tags([("Team", "Blue")])
        .with_request_tags([("env", "dev"), ("cost", "low")])
}

fn is_met_in(effect: Effect, condition: &str) -> bool {
    let conditions = parse(&Json::parse(condition).expect("JSON"), true).expect(condition);
    conditions.iter().all(|condition| condition.is_met(&context(), effect))
}

fn is_met(operator: &str, key: &str, values: &str) -> bool {
    is_met_in(Effect::Allow, &format!(r#"{{"{operator}": {{"{key}": {values}}}}}"#))
}

#[test]
fn operators_compare_as_documented() {
    for (operator, key, values, expected) in [
        ("StringEquals", "aws:ResourceTag/Team", r#""Blue""#, true),
        ("StringEquals", "ecr-public:resourcetag/TEAM", r#"["Red", "Blue"]"#, true),
        ("StringEquals", "aws:ResourceTag/Team", r#""blue""#, false),
        ("StringEquals", "aws:ResourceTag/Team", r#""Bl*""#, false),
        ("StringEquals", "aws:ResourceTag/Team", "[]", false),
        ("StringNotEquals", "aws:ResourceTag/Team", r#"["Red", "Blue"]"#, false),
        ("StringNotEquals", "aws:ResourceTag/Team", r#"["Red", "Green"]"#, true),
        ("StringEqualsIgnoreCase", "aws:ResourceTag/Team", r#""bLUE""#, true),
        ("StringNotEqualsIgnoreCase", "aws:ResourceTag/Team", r#""bLUE""#, false),
        ("StringLike", "aws:ResourceTag/Team", r#""B?u*""#, true),
        ("StringLike", "aws:ResourceTag/Team", r#""b*""#, false),
        ("StringNotLike", "aws:ResourceTag/Team", r#""B*""#, false),
        ("StringNotLike", "aws:ResourceTag/Team", r#""R*""#, true),
        ("stringequals", "AWS:USERNAME", r#""ann""#, true),
        ("StringEquals", "aws:PrincipalArn", r#""arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}""#, true),
        ("NumericEquals", "test:Number", r#""5.0""#, true),
        ("NumericEquals", "test:Number", "5", true),
        ("NumericNotEquals", "test:Number", "5", false),
        ("NumericLessThan", "test:Number", "5", false),
        ("NumericLessThanEquals", "test:Number", "5", true),
        ("NumericGreaterThan", "test:Number", r#""4.9""#, true),
        ("NumericGreaterThanEquals", "test:Number", "6", false),
        ("NumericEquals", "aws:username", "5", false),
        ("NumericNotEquals", "aws:username", "5", true),
        ("DateGreaterThan", "aws:CurrentTime", r#""2023-11-14T22:13:19Z""#, true),
        ("DateLessThan", "aws:CurrentTime", r#""2023-11-14T22:13:20Z""#, false),
        ("DateLessThanEquals", "aws:CurrentTime", r#""2023-11-14T22:13:20Z""#, true),
        ("DateEquals", "aws:EpochTime", r#""2023-11-14T23:13:20+01:00""#, true),
        ("DateNotEquals", "aws:EpochTime", "1700000000", false),
        ("DateGreaterThanEquals", "aws:EpochTime", "1700000001", false),
        ("NumericLessThan", "aws:EpochTime", "1700000001", true),
        ("Bool", "aws:SecureTransport", "true", true),
        ("Bool", "aws:SecureTransport", r#""TRUE""#, true),
        ("Bool", "aws:SecureTransport", r#""false""#, false),
        ("BinaryEquals", "test:Bytes", r#""QmluYXJ5""#, true),
        ("BinaryEquals", "test:Bytes", r#""Qmlu""#, false),
        ("IpAddress", "aws:SourceIp", r#"["10.0.0.0/8", "203.0.113.0/24"]"#, true),
        ("IpAddress", "aws:SourceIp", r#""2001:db8::/32""#, false),
        ("NotIpAddress", "aws:SourceIp", r#""203.0.113.0/24""#, false),
        ("NotIpAddress", "aws:SourceIp", r#"["10.0.0.0/8", "192.168.0.0/16"]"#, true),
        ("ArnEquals", "aws:PrincipalArn", r#""arn:aws:iam::111122223333:user/*""#, true),
        ("ArnLike", "aws:PrincipalArn", r#""arn:aws:iam::*:user/${aws:username}""#, true),
        ("ArnLike", "aws:PrincipalArn", r#""arn:aws:iam*:user/ann""#, false),
        ("ArnNotEquals", "aws:PrincipalArn", r#""arn:aws:iam::111122223333:user/ann""#, false),
        ("ArnNotLike", "aws:PrincipalArn", r#""arn:aws:iam::*:user/bob""#, true),
        ("Null", "aws:ResourceTag/Team", r#""false""#, true),
        ("Null", "aws:ResourceTag/Team", "true", false),
        ("Null", "aws:ResourceTag/Other", r#""true""#, true),
    ] {
        assert_eq!(is_met(operator, key, values), expected, "{operator} {key} {values}");
    }
}

/// IAM user guide, "Condition operators": a missing key does not match; what asks for the opposite is then true; `IfExists` is true.
#[test]
fn a_missing_key_fails_what_must_match_and_passes_what_must_not() {
    for (operator, value) in [
        ("StringEquals", r#""x""#),
        ("StringEqualsIgnoreCase", r#""x""#),
        ("StringLike", r#""*""#),
        ("NumericEquals", "1"),
        ("NumericLessThan", "1"),
        ("DateEquals", "1"),
        ("DateGreaterThan", "1"),
        ("Bool", "false"),
        ("BinaryEquals", r#""""#),
        ("IpAddress", r#""0.0.0.0/0""#),
        ("ArnEquals", r#""arn:*:*:*:*:*""#),
        ("ArnLike", r#""arn:*:*:*:*:*""#),
    ] {
        assert!(!is_met(operator, "test:Missing", value), "{operator}");
        assert!(is_met(&format!("{operator}IfExists"), "test:Missing", value), "{operator}IfExists");
    }
    for (operator, value) in [
        ("StringNotEquals", r#""x""#),
        ("StringNotEqualsIgnoreCase", r#""x""#),
        ("StringNotLike", r#""*""#),
        ("NumericNotEquals", "1"),
        ("DateNotEquals", "1"),
        ("NotIpAddress", r#""0.0.0.0/0""#),
        ("ArnNotEquals", r#""arn:*:*:*:*:*""#),
        ("ArnNotLike", r#""arn:*:*:*:*:*""#),
    ] {
        assert!(is_met(operator, "test:Missing", value), "{operator}");
        assert!(is_met(&format!("{operator}IfExists"), "test:Missing", value), "{operator}IfExists");
    }
}

#[test]
fn if_exists_compares_a_key_that_is_there() {
    assert!(is_met("StringEqualsIfExists", "aws:username", r#""ann""#));
    assert!(!is_met("StringEqualsIfExists", "aws:username", r#""bob""#));
    assert!(!is_met("stringnotequalsifexists", "aws:username", r#""ann""#));
}

/// The request's tag keys are `env` and `cost` (IAM user guide, "Set operators for multi-valued context keys").
#[test]
fn set_operators_quantify_over_the_values_of_the_request() {
    for (operator, key, values, expected) in [
        ("ForAllValues:StringEquals", "aws:TagKeys", r#"["env", "cost", "team"]"#, true),
        ("ForAllValues:StringEquals", "aws:TagKeys", r#"["env"]"#, false),
        ("ForAnyValue:StringEquals", "aws:TagKeys", r#"["env"]"#, true),
        ("ForAnyValue:StringEquals", "aws:TagKeys", r#"["team"]"#, false),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", r#"["team", "owner"]"#, true),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", r#"["team", "env"]"#, false),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", r#"["env"]"#, true),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", r#"["env", "cost"]"#, false),
        ("ForAnyValue:StringLike", "aws:TagKeys", r#""c*""#, true),
        ("forallvalues:StringLike", "aws:TagKeys", r#""*""#, true),
        ("ForAllValues:StringEquals", "test:Missing", r#""x""#, true),
        ("ForAllValues:StringNotEquals", "test:Missing", r#""x""#, true),
        ("ForAllValues:StringEqualsIfExists", "test:Missing", r#""x""#, true),
        ("ForAnyValue:StringEquals", "test:Missing", r#""x""#, false),
        ("ForAnyValue:StringNotEquals", "test:Missing", r#""x""#, false),
        ("ForAnyValue:StringEqualsIfExists", "test:Missing", r#""x""#, false),
    ] {
        assert_eq!(is_met(operator, key, values), expected, "{operator} {key} {values}");
    }
}

#[test]
fn all_operators_and_all_keys_must_be_met() {
    let met = |condition| is_met_in(Effect::Allow, condition);
    assert!(met(
        r#"{"StringEquals": {"aws:username": "ann", "aws:PrincipalAccount": "111122223333"}, "Bool": {"aws:SecureTransport": true}}"#
    ));
    assert!(!met(r#"{"StringEquals": {"aws:username": "ann", "aws:PrincipalAccount": "444455556666"}}"#));
    assert!(!met(r#"{"StringEquals": {"aws:username": "ann"}, "Bool": {"aws:SecureTransport": false}}"#));
    assert!(met("{}"));
}

#[test]
fn a_variable_without_value_goes_against_the_caller() {
    let unknown = |operator| format!(r#"{{"{operator}": {{"aws:username": "${{test:Missing}}"}}}}"#);
    assert!(!is_met_in(Effect::Allow, &unknown("StringEquals")));
    assert!(!is_met_in(Effect::Allow, &unknown("StringNotEquals")));
    assert!(!is_met_in(Effect::Deny, &unknown("StringEquals")));
    assert!(is_met_in(Effect::Deny, &unknown("StringNotEquals")));
    assert!(!is_met_in(Effect::Deny, r#"{"StringNotEquals": {"aws:username": ["${test:Missing}", "ann"]}}"#));
}

#[test]
fn malformed_conditions_are_refused() {
    for bad in [
        r#"[]"#,
        r#"{"StringEquals": "x"}"#,
        r#"{"StringEquals": {"aws:username": null}}"#,
        r#"{"StringEquals": {"aws:username": {"a": "b"}}}"#,
        r#"{"StringEquals": {"aws:username": [["ann"]]}}"#,
        r#"{"StringEquals": {"username": "ann"}}"#,
        r#"{"StringEquals": {"aws:": "ann"}}"#,
        r#"{"StringSame": {"aws:username": "ann"}}"#,
        r#"{"IfExists": {"aws:username": "ann"}}"#,
        r#"{"NullIfExists": {"aws:username": "true"}}"#,
        r#"{"ForSomeValues:StringEquals": {"aws:username": "ann"}}"#,
        r#"{"Null": {"aws:username": "maybe"}}"#,
        r#"{"Bool": {"aws:SecureTransport": "yes"}}"#,
        r#"{"NumericEquals": {"test:Number": "five"}}"#,
        r#"{"DateEquals": {"aws:CurrentTime": "soon"}}"#,
        r#"{"IpAddress": {"aws:SourceIp": "here"}}"#,
        r#"{"BinaryEquals": {"test:Bytes": "?"}}"#,
        r#"{"StringEquals": {"aws:username": "${aws:username"}}"#,
        r#"{"éIfExistsÄÖÜ": {"aws:username": "x"}}"#,
    ] {
        assert!(parse(&Json::parse(bad).expect("JSON"), true).is_err(), "{bad}");
    }
}
