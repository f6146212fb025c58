//! Who asks, and whether that principal may: shared by every door.
//!
//! A door authenticates in its own protocol ([`sigv4`] for AWS, [`bearer`] for OCI) and ends with a [`Principal`].
//! From there on there is one function, [`authorize`], and no operation is called without it. Credentials carry
//! identity only; what a principal may do is decided anew at each request.

pub mod bearer;
pub mod sigv4;

use roadstead_model::page::CursorKey;
use roadstead_model::{Arn, RegistryId, RepositoryName};
use roadstead_registry::{Identity, Registry};
use std::fmt;

/// Who sends a request.
#[derive(Debug, Clone)]
pub enum Principal {
    /// Nobody in particular: pulls need no more.
    Anonymous,
    /// The holder of an access key.
    Known(KnownPrincipal),
}

/// The holder of an access key, who has proved it.
#[derive(Debug, Clone)]
pub struct KnownPrincipal {
    /// The account and, unless it is the account itself, the user within it.
    pub identity: Identity,
    /// The access key that the proof rests on.
    pub access_key_id: String,
}

/// The keys that this installation signs its own tokens with, all derived from the master key.
///
/// Each purpose has a key of its own, so that a token of one kind can never be read as one of another kind.
pub struct Keys {
    /// Makes page tokens tamper-evident.
    pub page_token: CursorKey,
    /// Signs authorization tokens and bearer tokens.
    pub authorization_token: bearer::TokenKey,
}

impl Keys {
    /// Derives every key once, at start.
    pub fn derive(registry: &Registry) -> Self {
        Self {
            page_token: CursorKey::new(registry.derive_key("page-token")),
            authorization_token: bearer::TokenKey::new(registry.derive_key("authorization-token")),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

/// What an action is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// Nothing that has a name (`*` in a policy), as for `GetAuthorizationToken`.
    None,
    /// A registry.
    Registry(RegistryId),
    /// A repository, which need not exist.
    Repository(RegistryId, RepositoryName),
}

impl Resource {
    /// The account that the resource belongs to; none for [`Resource::None`], which belongs to whoever asks.
    fn account(&self) -> Option<&RegistryId> {
        match self {
            Self::None => None,
            Self::Registry(account) | Self::Repository(account, _) => Some(account),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("*"),
            Self::Registry(id) => Arn::Registry(id.clone()).fmt(f),
            Self::Repository(id, name) => Arn::Repository(id.clone(), name.clone()).fmt(f),
        }
    }
}

/// The principal may not do that. It prints as AWS's own sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "User: {principal} is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
)]
pub struct Denied {
    principal: String,
    action: String,
    resource: Resource,
}

/// Decides whether `principal` may do `action` (such as `ecr-public:PutImage`) to `resource`.
///
/// An account may do everything to what is its own, and nothing to what is another's; nobody in particular may do nothing.
/// A pull asks for no permission at all, because every repository is public.
pub fn authorize(principal: &Principal, action: &str, resource: &Resource) -> Result<(), Denied> {
    match principal {
        Principal::Known(known) if known.identity.user.is_none() && resource.account().is_none_or(|id| *id == known.identity.registry) => {
            Ok(())
        }
        Principal::Known(_) | Principal::Anonymous => {
            Err(Denied { principal: principal.to_string(), action: action.to_owned(), resource: resource.clone() })
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Known(known) => known.identity.arn().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str) -> RegistryId {
        RegistryId::parse(id).expect("twelve digits")
    }

    fn principal(id: &str, user: Option<&str>) -> Principal {
        let identity = Identity { registry: account(id), user: user.map(str::to_owned) };
        Principal::Known(KnownPrincipal { identity, access_key_id: "AKIAEXAMPLE".to_owned() })
    }

    fn repository(id: &str) -> Resource {
        Resource::Repository(account(id), RepositoryName::parse("team/app").expect("a name"))
    }

    #[test]
    fn an_account_may_do_everything_to_what_is_its_own() {
        let root = principal("111111111111", None);
        for resource in [Resource::None, Resource::Registry(account("111111111111")), repository("111111111111")] {
            assert_eq!(authorize(&root, "ecr-public:PutImage", &resource), Ok(()), "{resource}");
        }
    }

    #[test]
    fn nobody_else_may_do_anything() {
        let own = repository("111111111111");
        for stranger in [Principal::Anonymous, principal("222222222222", None), principal("111111111111", Some("alice"))] {
            assert!(authorize(&stranger, "ecr-public:PutImage", &own).is_err(), "{stranger}");
        }
        assert!(authorize(&Principal::Anonymous, "ecr-public:GetAuthorizationToken", &Resource::None).is_err());
    }

    #[test]
    fn a_refusal_reads_as_that_of_aws() {
        let denied = authorize(&principal("222222222222", None), "ecr-public:PutImage", &repository("111111111111"));
        assert_eq!(
            denied.expect_err("a stranger").to_string(),
            "User: arn:aws:iam::222222222222:root is not authorized to perform: ecr-public:PutImage \
             on resource: arn:aws:ecr-public::111111111111:repository/team/app \
             because no identity-based policy allows the ecr-public:PutImage action"
        );
    }
}
