//! Evaluates policies for a request.
//!
//! Source: IAM user guide, "Policy evaluation logic" and "Determining whether a cross-account request is allowed";
//! the wording of refusals: "Troubleshoot access denied error messages".

use super::context::RequestContext;
use super::document::{Policy, PolicyKind};
use super::effect::Effect;
use super::principal::{self, Inclusion, PrincipalName};
use super::statement::{Selection, Statement};
use super::template::Template;
use super::text::Text;

/// The action that a repository policy must leave to the caller who sets it.
const SET_REPOSITORY_POLICY: &str = "ecr-public:SetRepositoryPolicy";

/// The outcome of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// No statement denies the request, but an allow is missing.
    ImplicitDeny(MissingAllow),
    /// A statement of this kind of policy denies the request.
    ExplicitDeny(PolicyKind),
}

/// The kind of policy in which an allow is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingAllow {
    /// A policy of the caller.
    Identity,
    /// The policy of the repository, whose allow callers of other accounts also need.
    Repository,
}

/// The outcome of the caller's own policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Silent,
    /// At least one statement allows the request, and none denies it.
    Allow,
    Deny,
}

/// The outcome of a repository policy, from weakest to strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grant {
    None,
    /// The caller's account is allowed; it must allow the caller in turn.
    ToAccount,
    ToCaller,
    Denied,
}

impl Decision {
    pub fn is_allowed(self) -> bool {
        self == Self::Allow
    }

    /// The last part of AWS's message about a refusal; `None` if the request is allowed.
    fn because(self, action: &str) -> Option<String> {
        use PolicyKind::{Identity, Repository};
        match self {
            Self::Allow => None,
            Self::ImplicitDeny(MissingAllow::Identity) => Some(format!("because no identity-based policy allows the {action} action")),
            Self::ImplicitDeny(MissingAllow::Repository) => Some(format!("because no resource-based policy allows the {action} action")),
            Self::ExplicitDeny(Identity) => Some("with an explicit deny in an identity-based policy".to_owned()),
            Self::ExplicitDeny(Repository) => Some("with an explicit deny in a resource-based policy".to_owned()),
        }
    }

    /// AWS's message about a refusal; `None` if the request is allowed.
    pub fn denial(self, context: &RequestContext) -> Option<String> {
        let because = self.because(context.action())?;
        let (arn, action, resource) = (&context.caller().arn, context.action(), context.resource());
        Some(format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {because}"))
    }
}

/// Evaluates all policies that apply to a request. A deny on either side wins. Within an account an allow on either side is
/// enough, and the account's root needs none; across accounts both sides must allow.
pub fn evaluate<'a>(
    identity_policies: impl IntoIterator<Item = &'a Policy>,
    repository_policy: Option<&Policy>,
    context: &RequestContext,
) -> Decision {
    let identity = evaluate_identity(identity_policies, context);
    let covering = repository_policy.into_iter().flat_map(Policy::statements).filter(|statement| statement.covers(context));
    let grant = covering.map(|statement| statement.grant(context)).max().unwrap_or(Grant::None);
    if identity == Verdict::Deny {
        return Decision::ExplicitDeny(PolicyKind::Identity);
    }
    if grant == Grant::Denied {
        return Decision::ExplicitDeny(PolicyKind::Repository);
    }
    let identity_allows = context.caller().root || identity == Verdict::Allow;
    match (context.is_within_account(), identity_allows, grant) {
        (true, true, _) | (true, _, Grant::ToCaller) => Decision::Allow,
        (_, false, _) => Decision::ImplicitDeny(MissingAllow::Identity),
        (false, true, Grant::None) => Decision::ImplicitDeny(MissingAllow::Repository),
        (false, true, _) => Decision::Allow,
    }
}

/// Evaluates a read of public content, which is allowed unless an identity policy of the caller denies it. A repository
/// policy "can't deny a user permissions to view or pull" (Amazon ECR Public user guide, "Public repository policies").
pub fn evaluate_public_read<'a>(identity_policies: impl IntoIterator<Item = &'a Policy>, context: &RequestContext) -> Decision {
    match evaluate_identity(identity_policies, context) {
        Verdict::Deny => Decision::ExplicitDeny(PolicyKind::Identity),
        Verdict::Allow | Verdict::Silent => Decision::Allow,
    }
}

/// Evaluates the policies of the caller.
pub(super) fn evaluate_identity<'a>(policies: impl IntoIterator<Item = &'a Policy>, context: &RequestContext) -> Verdict {
    let mut verdict = Verdict::Silent;
    for statement in policies.into_iter().flat_map(Policy::statements).filter(|statement| statement.covers(context)) {
        match statement.effect {
            Effect::Deny => return Verdict::Deny,
            Effect::Allow => verdict = Verdict::Allow,
        }
    }
    verdict
}

/// Whether the caller of `context` could still call SetRepositoryPolicy on its resource if `proposed` were the repository's policy.
pub fn may_still_set_policy<'a>(
    identity_policies: impl IntoIterator<Item = &'a Policy>,
    proposed: &Policy,
    context: &RequestContext,
) -> bool {
    evaluate(identity_policies, Some(proposed), &context.for_action(SET_REPOSITORY_POLICY)).is_allowed()
}

impl Statement {
    /// Whether action, resource and conditions match the request; the principal is not compared.
    fn covers(&self, context: &RequestContext) -> bool {
        self.covers_action(&context.action_text)
            && self.resources.as_ref().is_none_or(|resources| covers_resource(resources, self.effect, context))
            && self.conditions.iter().all(|condition| condition.is_met(context, self.effect))
    }

    fn covers_action(&self, action: &Text) -> bool {
        match &self.actions {
            Selection::Only(patterns) => patterns.iter().any(|pattern| pattern.matches(action)),
            Selection::AllBut(patterns) => !patterns.iter().any(|pattern| pattern.matches(action)),
        }
    }

    /// The grant to the caller by a statement of a repository policy that covers the request.
    fn grant(&self, context: &RequestContext) -> Grant {
        let included = |names: &[PrincipalName]| principal::inclusion(names, context.caller());
        match (self.effect, &self.principals) {
            (Effect::Allow, Some(Selection::Only(names))) => match included(names) {
                Inclusion::Absent => Grant::None,
                Inclusion::ByAccount => Grant::ToAccount,
                Inclusion::ByName => Grant::ToCaller,
            },
            // A user name not bound to an id neither grants nor exempts, but a deny applies to any user with that name.
            (Effect::Deny, Some(Selection::Only(names))) if names.iter().any(|name| name.is_name_of(context.caller())) => Grant::Denied,
            (Effect::Deny, Some(Selection::Only(names))) if included(names) != Inclusion::Absent => Grant::Denied,
            // Only named principals are exempt: naming the account as well as a user, as AWS advises, exempts no other user.
            (Effect::Deny, Some(Selection::AllBut(names))) if included(names) != Inclusion::ByName => Grant::Denied,
            _ => Grant::None,
        }
    }
}

/// Whether the resource is selected. A pattern with an unresolved variable matches nothing. In a `NotResource`, it exempts
/// nothing from a deny, and voids an allow, which would otherwise grant everything because its exceptions are unknown.
fn covers_resource(resources: &Selection<Template>, effect: Effect, context: &RequestContext) -> bool {
    let matched = |template: &Template| template.resolve(context).map(|pattern| pattern.matches(&context.resource_text));
    match resources {
        Selection::Only(templates) => templates.iter().any(|template| matched(template) == Some(true)),
        Selection::AllBut(templates) => templates.iter().all(|template| match matched(template) {
            Some(matched) => !matched,
            None => effect == Effect::Deny,
        }),
    }
}

#[cfg(test)]
mod tests;
