//! Authorization: the policies that concern a request are read once, and evaluated for each action that it needs.
//!
//! Decisions are not cached between requests, so a changed policy takes effect immediately.

use crate::http::Call;
use crate::principal::KnownPrincipal;
use http::header::USER_AGENT;
use roadstead_model::policy::{self, Caller, Decision, Policy, PolicyError, RequestContext, UserPolicy};
use roadstead_model::{Arn, Identity, RegistryId, RepositoryKey, ResourceTag, Timestamp, UserId};
use roadstead_registry::{Error, Installation};
use std::sync::OnceLock;

/// The resource of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// The action has no resource (`*` in a policy), such as `GetAuthorizationToken`.
    None,
    Registry(RegistryId),
    /// All repositories of a registry, for listing them.
    Repositories(RegistryId),
    /// The repository need not exist.
    Repository(RepositoryKey),
}

impl Resource {
    /// The registry that owns the resource.
    fn registry(&self) -> Option<&RegistryId> {
        match self {
            Self::None => None,
            Self::Registry(id) | Self::Repositories(id) | Self::Repository(RepositoryKey { registry: id, .. }) => Some(id),
        }
    }

    /// The ARN in policies and in the audit log.
    pub(crate) fn arn(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Registry(id) => Some(Arn::Registry(id.clone()).to_string()),
            Self::Repositories(id) => Some(format!("arn:aws:ecr-public::{id}:repository/*")),
            Self::Repository(key) => Some(Arn::Repository(key.clone()).to_string()),
        }
    }
}

/// An action is denied, with the text of AWS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(String);

/// The resource tags in a request, for conditions on `aws:RequestTag/…` and `aws:TagKeys`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestTags {
    pub tags: Vec<(String, String)>,
    /// The keys of tags to remove, which come without values.
    pub keys: Vec<String>,
}

/// The policies and attributes of one request, its principal and its resource.
#[derive(Debug)]
pub struct Permissions<'a> {
    call: &'a Call,
    identity: Identity,
    resource: Resource,
    tags: RequestTags,
    now: Timestamp,
    identity_policies: Vec<Policy>,
    repository_policy: Option<Policy>,
    user_id: Option<UserId>,
    resource_tags: Vec<ResourceTag>,
    /// Built when the first policy is evaluated. Without policies, building it would be the largest cost.
    context: OnceLock<RequestContext>,
}

impl<'a> Permissions<'a> {
    /// Reads the policies of `principal` and of `resource`. A stored policy that cannot be parsed denies everything.
    pub async fn find(
        installation: &Installation,
        call: &'a Call,
        principal: &KnownPrincipal,
        resource: Resource,
        tags: RequestTags,
    ) -> Result<Self, Error> {
        let repository = match &resource {
            Resource::Repository(key) => Some(key),
            Resource::None | Resource::Registry(_) | Resource::Repositories(_) => None,
        };
        let facts = installation.access_facts(&principal.identity, repository).await?;
        Ok(Self {
            call,
            identity: principal.identity.clone(),
            resource,
            tags,
            now: installation.now(),
            identity_policies: facts.identity_policies.iter().map(parse).collect::<Result<_, _>>()?,
            repository_policy: facts.repository_policy.as_deref().map(Policy::parse).transpose().map_err(unreadable)?,
            user_id: facts.user_id.clone(),
            resource_tags: facts.resource_tags.clone(),
            context: OnceLock::new(),
        })
    }

    /// Whether `action` (such as `ecr-public:PutImage`) is allowed.
    pub fn allow(&self, action: &str) -> Result<(), Denied> {
        if self.is_own_root_without_policies() {
            return Ok(());
        }
        let context = self.context().for_action(action);
        outcome(policy::evaluate(&self.identity_policies, self.repository_policy.as_ref(), &context), &context)
    }

    /// Whether `action`, which only reads public data, is allowed.
    pub fn allow_public_read(&self, action: &str) -> Result<(), Denied> {
        if self.identity_policies.is_empty() {
            return Ok(());
        }
        let context = self.context().for_action(action);
        outcome(policy::evaluate_public_read(&self.identity_policies, &context), &context)
    }

    /// Whether the principal could still set the repository's policy if it were `proposed`.
    pub fn may_still_set_policy(&self, proposed: &Policy) -> bool {
        policy::may_still_set_policy(&self.identity_policies, proposed, self.context())
    }

    /// The root of the owning account may do everything that no policy denies ([`policy::evaluate`]). Without policies there is
    /// nothing to evaluate.
    fn is_own_root_without_policies(&self) -> bool {
        let Identity { registry, user } = &self.identity;
        let is_own = self.resource.registry().is_none_or(|owner| owner == registry);
        user.is_none() && is_own && self.identity_policies.is_empty() && self.repository_policy.is_none()
    }

    fn context(&self) -> &RequestContext {
        self.context.get_or_init(|| {
            let resource_tags = self.resource_tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
            let request_tags = self.tags.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            let Identity { registry, user } = &self.identity;
            let caller = match user {
                None => Caller::root(registry.clone()),
                Some(user) => Caller { id: self.user_id.clone(), ..Caller::user(registry.clone(), user) },
            };
            let context = RequestContext::new(caller, "", self.resource.arn().as_deref())
                .at(self.now)
                .with("aws:SourceIp", &self.call.client().to_string())
                .with("aws:SecureTransport", if self.call.secure { "true" } else { "false" })
                .with_resource_tags(resource_tags)
                .with_request_tags(request_tags)
                .with_tag_keys(self.tags.keys.iter().map(String::as_str));
            match self.call.headers.get(USER_AGENT) {
                // A header that is not UTF-8 counts as present, so that it does not evade a deny with a condition on it.
                Some(agent) => context.with("aws:UserAgent", &String::from_utf8_lossy(agent.as_bytes())),
                None => context,
            }
        })
    }
}

fn outcome(decision: Decision, context: &RequestContext) -> Result<(), Denied> {
    decision.denial(context).map_or(Ok(()), |sentence| Err(Denied(sentence)))
}

/// Parses a policy of a user. One without a document is a managed policy, identified by its name.
fn parse(stored: &UserPolicy) -> Result<Policy, Error> {
    let document = stored.text().ok_or_else(|| Error::Internal(format!("there is no managed policy '{}'", stored.name)));
    Policy::parse(document?).map_err(unreadable)
}

fn unreadable(error: PolicyError) -> Error {
    Error::Internal(format!("a stored policy cannot be read: {error}"))
}
