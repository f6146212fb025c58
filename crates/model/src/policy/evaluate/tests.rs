use super::*;
use crate::RegistryId;
use crate::policy::{Caller, PolicyKind};

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const REPOSITORY: &str = "arn:aws:ecr-public::111122223333:repository/app";
const PUSH: &str = r#"{"Statement": {"Effect": "Allow", "Action": "ecr-public:PutImage", "Resource": "*"}}"#;
const NO_PUSH: &str = r#"{"Statement": {"Effect": "Deny", "Action": "ecr-public:PutImage", "Resource": "*"}}"#;

fn account(digits: &str) -> RegistryId {
    RegistryId::parse(digits).expect("twelve digits")
}

fn ann() -> Caller {
    Caller::user(account(OWNER), "ann")
}

fn bob() -> Caller {
    Caller::user(account(OTHER), "bob")
}

fn identity(text: &str) -> Policy {
    Policy::new(PolicyKind::Identity, text).expect(text)
}

fn repository(effect: &str, principal: &str) -> Policy {
    let text = format!(r#"{{"Statement": {{"Effect": "{effect}", {principal}, "Action": "ecr-public:PutImage"}}}}"#);
    Policy::new(PolicyKind::Repository, &text).expect(&text)
}

fn push(caller: Caller, identity_policies: &[&str], repository_policy: Option<&Policy>) -> Decision {
    let policies: Vec<_> = identity_policies.iter().map(|text| identity(text)).collect();
    evaluate(&policies, repository_policy, &RequestContext::new(caller, "ecr-public:PutImage", Some(REPOSITORY)))
}

const NO_IDENTITY: Decision = Decision::ImplicitDeny(MissingAllow::Identity);
const NO_REPOSITORY: Decision = Decision::ImplicitDeny(MissingAllow::Repository);
const DENIED_BY_IDENTITY: Decision = Decision::ExplicitDeny(PolicyKind::Identity);
const DENIED_BY_REPOSITORY: Decision = Decision::ExplicitDeny(PolicyKind::Repository);

#[test]
fn within_an_account_either_side_may_allow() {
    let by_name = repository("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#);
    let everyone = repository("Allow", r#""Principal": "*""#);
    let other_user = repository("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/eve"}"#);
    assert_eq!(push(ann(), &[], None), NO_IDENTITY);
    assert_eq!(push(ann(), &[PUSH], None), Decision::Allow);
    assert_eq!(push(ann(), &[], Some(&by_name)), Decision::Allow);
    assert_eq!(push(ann(), &[], Some(&everyone)), Decision::Allow);
    assert_eq!(push(ann(), &[], Some(&other_user)), NO_IDENTITY);
    assert_eq!(push(ann(), &[PUSH], Some(&other_user)), Decision::Allow);
}

/// IAM user guide, "AWS account principals": an account as principal delegates authority to the account.
#[test]
fn an_allow_to_an_account_leaves_the_decision_to_its_identity_policies() {
    for principal in [r#""Principal": {"AWS": "111122223333"}"#, r#""Principal": {"AWS": "arn:aws:iam::111122223333:root"}"#] {
        let policy = repository("Allow", principal);
        assert_eq!(push(ann(), &[], Some(&policy)), NO_IDENTITY);
        assert_eq!(push(ann(), &[PUSH], Some(&policy)), Decision::Allow);
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    for principal in [
        r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/bob"}"#,
        r#""Principal": {"AWS": "444455556666"}"#,
        r#""Principal": {"AWS": ["arn:aws:iam::444455556666:root"]}"#,
        r#""Principal": "*""#,
    ] {
        let policy = repository("Allow", principal);
        assert_eq!(push(bob(), &[], Some(&policy)), NO_IDENTITY, "{principal}");
        assert_eq!(push(bob(), &[PUSH], Some(&policy)), Decision::Allow, "{principal}");
        assert_eq!(push(bob(), &[NO_PUSH, PUSH], Some(&policy)), DENIED_BY_IDENTITY, "{principal}");
    }
    let owner_only = repository("Allow", r#""Principal": {"AWS": "111122223333"}"#);
    assert_eq!(push(bob(), &[PUSH], Some(&owner_only)), NO_REPOSITORY);
    assert_eq!(push(bob(), &[PUSH], None), NO_REPOSITORY);
    assert_eq!(push(bob(), &[], None), NO_IDENTITY);
}

#[test]
fn the_root_of_an_account_needs_no_identity_policy() {
    let other_account = repository("Allow", r#""Principal": {"AWS": "444455556666"}"#);
    let other_user = repository("Allow", r#""Principal": {"AWS": "arn:aws:iam::444455556666:user/bob"}"#);
    assert_eq!(push(Caller::root(account(OWNER)), &[], None), Decision::Allow);
    assert_eq!(push(Caller::root(account(OTHER)), &[], None), NO_REPOSITORY);
    assert_eq!(push(Caller::root(account(OTHER)), &[], Some(&other_account)), Decision::Allow);
    assert_eq!(push(Caller::root(account(OTHER)), &[], Some(&other_user)), NO_REPOSITORY);
}

#[test]
fn an_explicit_deny_wins_over_every_allow() {
    let everyone = repository("Allow", r#""Principal": "*""#);
    assert_eq!(push(ann(), &[PUSH, NO_PUSH], Some(&everyone)), DENIED_BY_IDENTITY);
    for principal in [
        r#""Principal": "*""#,
        r#""Principal": {"AWS": "111122223333"}"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#,
        r#""NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/eve"}"#,
    ] {
        assert_eq!(push(ann(), &[PUSH], Some(&repository("Deny", principal))), DENIED_BY_REPOSITORY, "{principal}");
    }
    assert_eq!(push(Caller::root(account(OWNER)), &[], Some(&repository("Deny", r#""Principal": "*""#))), DENIED_BY_REPOSITORY);
}

#[test]
fn a_deny_for_all_but_some_spares_only_whom_it_names() {
    let policy = repository("Deny", r#""NotPrincipal": {"AWS": ["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:root"]}"#);
    assert_eq!(push(ann(), &[PUSH], Some(&policy)), Decision::Allow);
    assert_eq!(push(Caller::root(account(OWNER)), &[], Some(&policy)), Decision::Allow);
    assert_eq!(push(Caller::user(account(OWNER), "eve"), &[PUSH], Some(&policy)), DENIED_BY_REPOSITORY);
    assert_eq!(push(bob(), &[PUSH], Some(&policy)), DENIED_BY_REPOSITORY);
}

#[test]
fn actions_match_in_any_case_and_with_wildcards() {
    for (element, expected) in [
        (r#""Action": "ecr-public:PutImage""#, true),
        (r#""Action": "ECR-PUBLIC:putimage""#, true),
        (r#""Action": "ecr-public:Put*""#, true),
        (r#""Action": "ecr-public:PutImag?""#, true),
        (r#""Action": "*""#, true),
        (r#""Action": ["ecr-public:Get*", "ecr-public:Describe*"]"#, false),
        (r#""Action": "ecr:*""#, false),
        (r#""Action": []"#, false),
        (r#""NotAction": "ecr-public:Delete*""#, true),
        (r#""NotAction": ["ecr-public:Delete*", "ecr-public:put*"]"#, false),
    ] {
        let policy = format!(r#"{{"Statement": {{"Effect": "Allow", {element}, "Resource": "*"}}}}"#);
        assert_eq!(push(ann(), &[&policy], None).is_allowed(), expected, "{element}");
    }
}

#[test]
fn resources_match_with_wildcards_and_variables() {
    for (element, expected) in [
        (r#""Resource": "arn:aws:ecr-public::111122223333:repository/app""#, true),
        (r#""Resource": "arn:aws:ecr-public::111122223333:repository/a*""#, true),
        (r#""Resource": "arn:aws:ecr-public::*:repository/???""#, true),
        (r#""Resource": "arn:aws:ecr-public::444455556666:repository/app""#, false),
        (r#""Resource": "arn:aws:ecr-public::111122223333:repository/App""#, false),
        (r#""Resource": "arn:aws:ecr-public::${aws:PrincipalAccount}:repository/*""#, true),
        (r#""Resource": "arn:aws:ecr-public::111122223333:repository/${aws:missing}""#, false),
        (r#""Resource": "arn:aws:ecr-public::111122223333:repository/${aws:missing, 'app'}""#, true),
        (r#""NotResource": "arn:aws:ecr-public::111122223333:repository/other""#, true),
        (r#""NotResource": ["arn:aws:ecr-public::111122223333:repository/a*"]"#, false),
        (r#""NotResource": "arn:aws:ecr-public::111122223333:repository/${aws:missing}""#, false),
    ] {
        let policy = format!(r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "*", {element}}}}}"#);
        assert_eq!(push(ann(), &[&policy], None).is_allowed(), expected, "{element}");
    }
}

#[test]
fn a_deny_leaves_nothing_out_when_its_variable_has_no_value() {
    let deny = |name: &str| {
        let but = format!("arn:aws:ecr-public::111122223333:repository/{name}");
        format!(r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Deny", "Action": "*", "NotResource": "{but}"}}}}"#)
    };
    assert_eq!(push(ann(), &[PUSH, &deny("app")], None), Decision::Allow);
    assert_eq!(push(ann(), &[PUSH, &deny("${aws:missing}")], None), DENIED_BY_IDENTITY);
}

#[test]
fn an_action_without_a_resource_is_allowed_on_all_resources_only() {
    let context = RequestContext::new(ann(), "ecr-public:GetAuthorizationToken", None);
    let decide = |resource: &str| {
        let text = format!(r#"{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "{resource}"}}}}"#);
        evaluate(&[identity(&text)], None, &context)
    };
    assert_eq!(decide("*"), Decision::Allow);
    assert_eq!(decide("arn:aws:ecr-public::111122223333:repository/*"), NO_IDENTITY);
}

#[test]
fn a_public_read_needs_no_allow_but_heeds_the_callers_own_deny() {
    let context = RequestContext::new(bob(), "ecr-public:PutImage", Some(REPOSITORY));
    assert_eq!(evaluate_public_read([], &context), Decision::Allow);
    assert_eq!(evaluate_public_read([&identity(NO_PUSH)], &context), DENIED_BY_IDENTITY);
}

#[test]
fn refusals_are_worded_as_aws_words_them() {
    let context = RequestContext::new(ann(), "ecr-public:PutImage", Some(REPOSITORY));
    let user = "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: ecr-public:PutImage on resource: ";
    for (decision, because) in [
        (NO_IDENTITY, "because no identity-based policy allows the ecr-public:PutImage action"),
        (NO_REPOSITORY, "because no resource-based policy allows the ecr-public:PutImage action"),
        (DENIED_BY_IDENTITY, "with an explicit deny in an identity-based policy"),
        (DENIED_BY_REPOSITORY, "with an explicit deny in a resource-based policy"),
    ] {
        assert_eq!(decision.because("ecr-public:PutImage").as_deref(), Some(because));
        assert_eq!(decision.denial(&context), Some(format!("{user}{REPOSITORY} {because}")));
    }
    assert_eq!(Decision::Allow.denial(&context), None);
    let without_resource = RequestContext::new(ann(), "ecr-public:PutImage", None);
    assert!(NO_IDENTITY.denial(&without_resource).is_some_and(|text| text.contains(" on resource: * because ")));
}

#[test]
fn a_policy_that_locks_its_author_out_is_noticed() {
    let set = r#"{"Statement": {"Effect": "Allow", "Action": "ecr-public:*", "Resource": "*"}}"#;
    let context = RequestContext::new(ann(), "ecr-public:DescribeImages", Some(REPOSITORY)).with("aws:SourceIp", "203.0.113.7");
    let still =
        |policy: &str| may_still_set_policy([&identity(set)], &Policy::new(PolicyKind::Repository, policy).expect(policy), &context);
    let statement = |effect: &str, rest: &str| format!(r#"{{"Statement": {{"Effect": "{effect}", "Principal": "*", {rest}}}}}"#);
    assert!(still(&statement("Allow", r#""Action": "ecr-public:PutImage""#)));
    assert!(still(&statement("Deny", r#""Action": "ecr-public:PutImage""#)));
    assert!(!still(&statement("Deny", r#""Action": "ecr-public:*""#)));
    assert!(!still(&statement("Deny", r#""NotAction": "ecr-public:PutImage""#)));
    let address = |network| format!(r#""Action": "*", "Condition": {{"NotIpAddress": {{"aws:SourceIp": "{network}"}}}}"#);
    assert!(still(&statement("Deny", &address("203.0.113.0/24"))));
    assert!(!still(&statement("Deny", &address("10.0.0.0/8"))));
}
