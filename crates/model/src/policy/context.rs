//! The facts about a request that policies are evaluated against.
//!
//! Source: IAM user guide, "AWS global condition context keys"; service authorization reference, "Amazon Elastic
//! Container Registry Public".

use super::text::Text;
use crate::arn::Arn;
use crate::name::RegistryId;
use crate::timestamp::Timestamp;
use crate::user_id::UserId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The identity that makes a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    pub account: RegistryId,
    pub arn: String,
    /// Whether the caller is the account itself, which needs no identity policy.
    pub root: bool,
    /// The unique id of a user; without it, the caller is none of the users that a policy names.
    pub id: Option<UserId>,
}

impl Caller {
    /// The account itself.
    pub fn root(account: RegistryId) -> Self {
        Self { arn: Arn::AccountRoot(account.clone()).to_string(), account, root: true, id: None }
    }

    /// A user of the account; the name may include a path (`division/ann`).
    pub fn user(account: RegistryId, name: &str) -> Self {
        Self { arn: Arn::User(account.clone(), name.to_owned()).to_string(), account, root: false, id: None }
    }

    #[must_use]
    pub fn with_id(self, id: UserId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// `aws:username`: a user's name without its path; `None` for the account itself.
    fn username(&self) -> Option<&str> {
        let (_, resource) = self.arn.split_once(":user/")?;
        resource.rsplit('/').next()
    }
}

/// The caller, the action, the resource and the condition keys of a request.
#[derive(Debug, Clone)]
pub struct RequestContext {
    caller: Caller,
    action: String,
    /// The action in lower case, for matching.
    pub(super) action_text: Text,
    resource: Option<String>,
    /// The resource, or `*`, for matching. Like the keys, it is shared by the contexts of one request.
    pub(super) resource_text: Arc<Text>,
    keys: Arc<BTreeMap<String, Vec<Text>>>,
}

impl RequestContext {
    /// A request for `action` on the resource with this ARN. Without a resource, policies must allow the action on `*`.
    ///
    /// The keys about the caller (`aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:PrincipalType`, `aws:username`,
    /// `aws:userid`) and `aws:ResourceAccount` are set.
    pub fn new(caller: Caller, action: &str, resource: Option<&str>) -> Self {
        let mut context = Self {
            caller: caller.clone(),
            action: action.to_owned(),
            action_text: Text::new(&action.to_lowercase()),
            resource: resource.map(str::to_owned),
            resource_text: Arc::new(Text::new(resource.unwrap_or("*"))),
            keys: Arc::default(),
        };
        context = context
            .with("aws:PrincipalArn", &caller.arn)
            .with("aws:PrincipalAccount", caller.account.as_str())
            .with("aws:PrincipalType", if caller.root { "Account" } else { "User" });
        if let Some(name) = caller.username() {
            context = context.with("aws:username", name);
        }
        if let Some(id) = &caller.id {
            context = context.with("aws:userid", id.as_str());
        } else if caller.root {
            context = context.with("aws:userid", caller.account.as_str());
        }
        if let Some(account) = resource.and_then(account_of) {
            context = context.with("aws:ResourceAccount", account);
        }
        context
    }

    /// Adds a value to a condition key, whose case is ignored. A value of more than 1,024 characters is present but never
    /// matches: it can neither satisfy an allow nor evade a deny.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        Arc::make_mut(&mut self.keys).entry(key.to_lowercase()).or_default().push(Text::new(value));
        self
    }

    /// Adds the time of the request: `aws:CurrentTime` and `aws:EpochTime`.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        self.with("aws:CurrentTime", &time.to_rfc3339()).with("aws:EpochTime", &time.seconds().to_string())
    }

    /// Adds the tags of the resource under the three prefixes that policies use for them.
    #[must_use]
    pub fn with_resource_tags<'a>(self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        tags.into_iter().fold(self, |context, (key, value)| {
            context
                .with(&format!("aws:ResourceTag/{key}"), value)
                .with(&format!("ecr-public:ResourceTag/{key}"), value)
                .with(&format!("ecr:ResourceTag/{key}"), value)
        })
    }

    /// Adds the tags in the request: `aws:RequestTag/…` and `aws:TagKeys`.
    #[must_use]
    pub fn with_request_tags<'a>(self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        tags.into_iter().fold(self, |context, (key, value)| context.with(&format!("aws:RequestTag/{key}"), value).with("aws:TagKeys", key))
    }

    /// Adds the tag keys in the request that have no values (UntagResource).
    #[must_use]
    pub fn with_tag_keys<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        keys.into_iter().fold(self, |context, key| context.with("aws:TagKeys", key))
    }

    /// The same request for another action.
    #[must_use]
    pub fn for_action(&self, action: &str) -> Self {
        Self {
            caller: self.caller.clone(),
            action: action.to_owned(),
            action_text: Text::new(&action.to_lowercase()),
            resource: self.resource.clone(),
            resource_text: Arc::clone(&self.resource_text),
            keys: Arc::clone(&self.keys),
        }
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The requested action, such as `ecr-public:PutImage`.
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The ARN of the resource, or `*` if the action has none.
    pub fn resource(&self) -> &str {
        self.resource.as_deref().unwrap_or("*")
    }

    /// Whether caller and resource belong to the same account. An action without a resource stays within the caller's account.
    pub(super) fn is_within_account(&self) -> bool {
        self.resource.as_ref().is_none_or(|arn| account_of(arn) == Some(self.caller.account.as_str()))
    }

    /// The values of a condition key given in lower case; empty if the request has no such key.
    pub(super) fn values(&self, key: &str) -> &[Text] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }
}

/// The account part of an ARN.
fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>(context: &'a RequestContext, key: &str) -> Vec<&'a str> {
        context.values(key).iter().filter_map(Text::get).collect()
    }

    fn account(digits: &str) -> RegistryId {
        RegistryId::parse(digits).expect("twelve digits")
    }

    #[test]
    fn a_context_knows_its_caller() {
        let context = RequestContext::new(Caller::user(account("111122223333"), "division/ann"), "ecr-public:PutImage", None);
        assert_eq!(values(&context, "aws:principalarn"), ["arn:aws:iam::111122223333:user/division/ann"]);
        assert_eq!(values(&context, "aws:principalaccount"), ["111122223333"]);
        assert_eq!(values(&context, "aws:username"), ["ann"]);
        let root = RequestContext::new(Caller::root(account("111122223333")), "ecr-public:PutImage", None);
        assert!(root.values("aws:username").is_empty());
        assert_eq!(root.resource(), "*");
    }

    #[test]
    fn only_a_resource_of_the_callers_account_is_within_it() {
        let within = |resource| RequestContext::new(Caller::root(account("111122223333")), "a:b", resource).is_within_account();
        assert!(within(None));
        assert!(within(Some("arn:aws:ecr-public::111122223333:repository/app")));
        for foreign in ["arn:aws:ecr-public::444455556666:repository/app", "arn:aws:ecr-public:::repository/app", "", "*"] {
            assert!(!within(Some(foreign)), "{foreign}");
        }
    }

    #[test]
    fn tags_come_under_all_their_names() {
        let context = RequestContext::new(Caller::root(account("111122223333")), "a:b", None)
            .with_resource_tags([("Team", "x")])
            .with_request_tags([("Env", "y"), ("Cost", "z")])
            .at(Timestamp::from_seconds(1_700_000_000));
        for key in ["aws:resourcetag/team", "ecr:resourcetag/team", "ecr-public:resourcetag/team"] {
            assert_eq!(values(&context, key), ["x"], "{key}");
        }
        assert_eq!(values(&context, "aws:tagkeys"), ["Env", "Cost"]);
        assert_eq!(values(&context, "aws:requesttag/env"), ["y"]);
        assert_eq!(values(&context, "aws:epochtime"), ["1700000000"]);
        assert_eq!(values(&context, "aws:currenttime"), ["2023-11-14T22:13:20.000Z"]);
    }
}
