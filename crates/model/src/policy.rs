//! IAM policies: reading, validating, evaluating and printing them.
//!
//! One document type serves both kinds of policy. An *identity policy* is attached to a user and says what that user may do;
//! a *repository policy* is attached to a repository and says who may do what with it
//! (IAM user guide, "Identity-based policies and resource-based policies").
//!
//! A door describes a request in a [`RequestContext`] and reads the policies that apply to it. [`evaluate`] returns a
//! [`Decision`], which also words the refusal.

mod binding;
mod bits;
mod condition;
mod context;
mod document;
mod effect;
mod error;
mod evaluate;
mod json;
pub mod managed;
mod operand;
mod principal;
mod render;
mod scalar;
mod statement;
mod template;
mod text;
mod user_policy;
mod wildcard;

#[cfg(test)]
mod properties;

pub use binding::{aws_principals, with_aws_principals};
pub use context::{Caller, RequestContext};
pub use document::{Policy, PolicyKind};
pub use error::{PolicyError, StatementError};
pub use evaluate::{Decision, MissingAllow, evaluate, evaluate_public_read, may_still_set_policy};
pub use principal::PrincipalName;
pub use render::render;
pub use user_policy::{UserPolicy, UserPolicyError};
