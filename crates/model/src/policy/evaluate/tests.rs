use super::super::bits::counted;
use super::*;
use crate::name::RegistryId;
use crate::policy::error::MAXIMUM_CHARACTERS;
use crate::policy::{Caller, aws_principals, with_aws_principals};
use crate::user_id::UserId;

const OWNER: &str = "111122223333";
const OTHER: &str = "444455556666";
const REPOSITORY: &str = "arn:aws:ecr-public::111122223333:repository/app";
const PUSH: &str = r#"{"Statement": {"Effect": "Allow", "Action": "ecr-public:PutImage", "Resource": "*"}}"#;
const NO_PUSH: &str = r#"{"Statement": {"Effect": "Deny", "Action": "ecr-public:PutImage", "Resource": "*"}}"#;

fn account(digits: &str) -> RegistryId {
    RegistryId::parse(digits).expect("twelve digits")
}

/// The id of the user of this name.
fn id(name: &str) -> UserId {
    UserId::of(&format!("{:A<17}", name.to_uppercase())).expect("an id")
}

fn user(digits: &str, name: &str) -> Caller {
    Caller::user(account(digits), name).with_id(id(name))
}

fn ann() -> Caller {
    user(OWNER, "ann")
}

fn bob() -> Caller {
    user(OTHER, "bob")
}

fn identity(text: &str) -> Policy {
    Policy::parse(text).expect(text)
}

/// A repository policy as it is stored once its users have been found.
fn bound(text: &str) -> Policy {
    let ids = aws_principals(text).expect("a policy").into_iter().filter_map(|(written, principal)| match principal {
        PrincipalName::User { name, .. } => Some((written, id(&name).to_string())),
        _ => None,
    });
    Policy::new(PolicyKind::Repository, &with_aws_principals(text, &ids.collect()).expect("a policy")).expect(text)
}

fn repository(effect: &str, principal: &str) -> Policy {
    let text = format!(r#"{{"Statement": {{"Effect": "{effect}", {principal}, "Action": "ecr-public:PutImage"}}}}"#);
    bound(&text)
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
    assert_eq!(push(user(OWNER, "eve"), &[PUSH], Some(&policy)), DENIED_BY_REPOSITORY);
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

#[test]
fn a_user_made_anew_under_an_old_name_inherits_nothing() {
    let successor = Caller::user(account(OWNER), "ann").with_id(id("annthesecond"));
    let unknown = Caller::user(account(OWNER), "ann");
    let grant = repository("Allow", r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#);
    let spare = repository("Deny", r#""NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/ann"}"#);
    assert_eq!((push(ann(), &[], Some(&grant)), push(ann(), &[PUSH], Some(&spare))), (Decision::Allow, Decision::Allow));
    for other in [successor, unknown] {
        assert_eq!(push(other.clone(), &[], Some(&grant)), NO_IDENTITY);
        assert_eq!(push(other, &[PUSH], Some(&spare)), DENIED_BY_REPOSITORY);
    }
}

#[test]
fn a_name_that_is_bound_to_nobody_grants_nothing_but_is_denied() {
    let unbound = |effect: &str, element: &str| {
        let text = format!(
            r#"{{"Statement": {{"Effect": "{effect}", "{element}": {{"AWS": "arn:aws:iam::111122223333:user/ann"}}, "Action": "*"}}}}"#
        );
        Policy::parse(&text).expect(&text)
    };
    assert_eq!(push(ann(), &[], Some(&unbound("Allow", "Principal"))), NO_IDENTITY);
    assert_eq!(push(ann(), &[PUSH], Some(&unbound("Deny", "Principal"))), DENIED_BY_REPOSITORY);
    assert_eq!(push(ann(), &[PUSH], Some(&unbound("Deny", "NotPrincipal"))), DENIED_BY_REPOSITORY);
}

/// A `User-Agent` can be as long as a head: it must not be the way around a deny, nor into an allow.
#[test]
fn a_text_that_is_too_long_goes_against_the_caller_whatever_the_operator() {
    let agent = |effect: &str, condition: &str| {
        let (element, resource) = if effect == "Deny" { ("NotAction", "x:y") } else { ("Action", "*") };
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "{element}": "{resource}", "Resource": "*", "Condition": {condition}}}}}"#
        )
    };
    for length in [1_024, 1_025] {
        let context = RequestContext::new(ann(), "ecr-public:PutImage", Some(REPOSITORY)).with("aws:UserAgent", &"a".repeat(length));
        for operator in [
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "ForAnyValue:StringLike",
            "ForAllValues:StringLike",
            "StringLikeIfExists",
        ] {
            for value in ["*a*", "*b*", "${aws:UserAgent}"] {
                let condition = format!(r#"{{"{operator}": {{"aws:UserAgent": "{value}"}}}}"#);
                let allowed = evaluate_identity(&[identity(&agent("Allow", &condition))], &context);
                let denied = evaluate_identity(&[identity(&agent("Deny", &condition))], &context);
                if length > 1_024 {
                    assert_eq!((allowed, denied), (Verdict::Silent, Verdict::Deny), "{condition}");
                } else {
                    assert_eq!(allowed == Verdict::Allow, denied == Verdict::Deny, "{condition}");
                }
            }
        }
        let is_there = agent("Allow", r#"{"Null": {"aws:UserAgent": "false"}}"#);
        assert_eq!(evaluate_identity(&[identity(&is_there)], &context), Verdict::Allow);
        let of_agent = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:ecr-public::111122223333:repository/${aws:UserAgent, 'app'}"}}"#;
        assert_eq!(evaluate_identity(&[identity(of_agent)], &context), Verdict::Silent);
    }
}

/// The most expensive policies that can be set, asked about the longest texts that a request can bring, are answered in a
/// bounded number of steps: some for each character of the policy, not for each pair of its and the request's.
#[test]
fn the_worst_policies_take_a_bounded_number_of_steps() {
    // 17 words hold the places of the longest text, and an element of a pattern is looked at twice besides.
    const LINEAR: usize = 20 * MAXIMUM_CHARACTERS;
    // A variable of 20 characters stands for 256 of them.
    const WITH_VARIABLES: usize = 256 / 20 * LINEAR;
    let agent = format!("arn:aws:iam::1:b{}", "a".repeat(1_008));
    let tag_keys: Vec<_> = (0..200).map(|number| format!("{}{number:03}", "a".repeat(125))).collect();
    let context = RequestContext::new(ann(), "ecr-public:PutImage", Some(REPOSITORY))
        .with("aws:UserAgent", &agent)
        .with("aws:RequestTag/k", &"a".repeat(256))
        .with_tag_keys(tag_keys.iter().map(String::as_str));
    let filled = |item: &str| vec![format!("\"{item}\""); (MAXIMUM_CHARACTERS - 300) / (item.len() + 3)].join(",");
    let conditions = [
        ("StringLike", "aws:UserAgent", format!("\"a{}b\"", "*a".repeat(1_000)), LINEAR),
        ("StringLike", "aws:UserAgent", filled("*b?"), LINEAR),
        ("StringLike", "aws:UserAgent", filled(&format!("*{}b", "a".repeat(1_000))), LINEAR),
        ("StringLike", "aws:UserAgent", filled(&format!("*{}b", "?".repeat(1_000))), LINEAR),
        ("StringNotLike", "aws:UserAgent", filled("*${aws:RequestTag/k}b"), WITH_VARIABLES),
        ("StringEqualsIgnoreCase", "aws:RequestTag/k", filled("${aws:RequestTag/k}b"), WITH_VARIABLES),
        ("ArnLike", "aws:UserAgent", filled("*:*:*:*:*:*a*b"), LINEAR),
        // Three words for each of 200 keys.
        ("ForAnyValue:StringLike", "aws:TagKeys", filled("*a*a?b"), 200 * 5 * MAXIMUM_CHARACTERS),
        ("NumericEquals", "aws:UserAgent", filled("1"), LINEAR),
        ("IpAddress", "aws:UserAgent", filled("10.0.0.1"), LINEAR),
    ];
    for (operator, key, values, bound) in conditions {
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {{"{operator}": {{"{key}": [{values}]}}}}}}}}"#
        );
        let policy = Policy::new(PolicyKind::Repository, &text).expect("a policy that can be set");
        let (_, steps) = counted(|| evaluate([], Some(&policy), &context));
        assert!(steps > values.len() / 20, "{operator} {key}: {steps} steps, so the policy was not evaluated");
        assert!(steps <= bound, "{operator} {key} {}: {steps} steps", &values[..20]);
    }
    let actions = format!(r#"{{"Statement": {{"Effect": "Allow", "Principal": "*", "Action": [{}]}}}}"#, filled("ecr-public:*u*?*z"));
    let policy = Policy::new(PolicyKind::Repository, &actions).expect("a policy that can be set");
    let (_, steps) = counted(|| evaluate([], Some(&policy), &context));
    assert!(steps <= LINEAR, "{steps}");
}
