#![no_main]

use roadstead_model::RegistryId;
use roadstead_model::policy::{Caller, Decision, Policy, PolicyKind, RequestContext, evaluate, evaluate_public_read, render};

const OWN: &str = "arn:aws:ecr-public::111122223333:repository/team/app";
const FOREIGN: &str = "arn:aws:ecr-public::444455556666:repository/team/app";
const DENY_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

// A user policy, a repository policy, an action, and lines of condition keys with values, separated by lines of dashes.
libfuzzer_sys::fuzz_target!(|input: &str| {
    let mut parts = input.split("\n---\n");
    let mut next = || parts.next().unwrap_or_default();
    let (identity_text, repository_text, action) = (next(), next(), next());
    let keys = next().lines().filter_map(|line| line.split_once('='));
    let foreign = input.len() % 2 == 1;
    if let Ok(rendered) = render(repository_text) {
        assert_eq!(render(&rendered).as_ref(), Ok(&rendered), "rendering is idempotent");
    }
    let repository = Policy::new(PolicyKind::Repository, repository_text).ok();
    if repository.is_some() {
        let rendered = render(repository_text).expect("a valid policy can be rendered");
        assert!(Policy::new(PolicyKind::Repository, &rendered).is_ok(), "{rendered}");
    }
    let identity = Policy::new(PolicyKind::Identity, identity_text).ok();
    if identity.is_none() && repository.is_none() {
        return;
    }
    let account = RegistryId::parse("111122223333").expect("an id");
    let mut context = RequestContext::new(Caller::user(account, "ann"), action, Some(if foreign { FOREIGN } else { OWN }));
    for (key, value) in keys.take(20) {
        context = context.with(key, value);
    }
    let context = context.with_resource_tags([("team", "blue")]).with_request_tags([("team", "red")]).with_tag_keys(["team"]);

    let decision = evaluate(&identity, repository.as_ref(), &context);
    assert_eq!(decision.is_allowed(), decision.denial(&context).is_none());
    let public = evaluate_public_read(&identity, &context);
    let with = |text: &str, more: &Option<Policy>| {
        let all = Policy::new(PolicyKind::Identity, text).expect("a policy");
        evaluate(more.iter().chain([&all]), repository.as_ref(), &context)
    };
    assert_eq!(with(DENY_ALL, &identity), Decision::ExplicitDeny(PolicyKind::Identity), "a deny wins");
    let allowed = with(ALLOW_ALL, &identity);
    assert!(allowed.is_allowed() || !decision.is_allowed(), "an added allow never denies");
    if matches!(decision, Decision::ExplicitDeny(PolicyKind::Identity)) {
        assert!(!public.is_allowed() && !allowed.is_allowed());
    }
});
