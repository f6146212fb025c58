//! From who asks to what may be done: an operation cannot be called without a [`Caller`], and [`authorize`] makes the
//! only one there is.

use super::audit;
use super::error::Failure;
use crate::auth::sigv4::SignatureError;
use crate::auth::{Permissions, RequestTags, Resource};
use crate::http::Call;
use crate::principal::KnownPrincipal;
use crate::server::Server;
use roadstead_model::aws::operations::{RegistryMember, Resource as ResourceMember};
use roadstead_model::aws::resource_tags::ResourceTag;
use roadstead_model::aws::validation::Violation;
use roadstead_model::aws::{Exception, Operation};
use roadstead_model::name::NameError;
use roadstead_model::policy::Policy;
use roadstead_model::{Arn, RegistryId, RepositoryKey, RepositoryName};
use roadstead_registry::{Error, Installation};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Somebody who may do one operation, on one registry.
pub(super) struct Caller<'a> {
    server: &'a Server,
    call: &'a Call,
    operation: &'static Operation,
    /// None for nobody in particular, who may read what is public.
    principal: Option<KnownPrincipal>,
    registry_id: RegistryId,
    permissions: Vec<Permissions<'a>>,
}

impl<'a> Caller<'a> {
    /// The server that was called.
    pub(super) fn server(&self) -> &'a Server {
        self.server
    }

    /// The operations.
    pub(super) fn installation(&self) -> &'a Installation {
        &self.server.installation
    }

    /// The operation that was called.
    pub(super) fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Who calls, which has to be somebody.
    pub(super) fn principal(&self) -> Result<&KnownPrincipal, Failure> {
        self.principal.as_ref().ok_or_else(|| SignatureError::Missing.into())
    }

    /// The registry that the call is about.
    pub(super) fn registry_id(&self) -> &RegistryId {
        &self.registry_id
    }

    /// The repository of that registry which `member` names. It need not exist.
    pub(super) fn repository(&self, member: &str, name: &str) -> Result<RepositoryKey, Violation> {
        Ok(RepositoryKey::new(self.registry_id.clone(), repository_name(member, name)?))
    }

    /// What URIs of repositories in answers start with: `<host>/<primary alias>`.
    pub(super) async fn registry_uri(&self) -> Result<String, Failure> {
        let alias = self.installation().primary_alias(&self.registry_id).await?;
        Ok(format!("{}/{alias}", self.call.origin.authority))
    }

    /// The URL of a path of this server, as the caller reaches it.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.call.origin)
    }

    /// Whether the caller may also do `action` to what the call is about.
    pub(super) fn may(&self, action: &str) -> bool {
        !self.permissions.is_empty() && self.permissions.iter().all(|permissions| permissions.allow(action).is_ok())
    }

    /// Whether the caller could still set the repository's policy if it were `proposed`.
    pub(super) fn may_still_set_policy(&self, proposed: &Policy) -> bool {
        self.permissions.iter().all(|permissions| permissions.may_still_set_policy(proposed))
    }
}

/// Makes sure that `principal` may do all of what `operation` needs, on each resource that the request names.
///
/// Without a principal only what is public can be read. With one of another account, too, even if no policy grants it;
/// but a policy of their own that denies it is obeyed.
pub(super) async fn authorize<'a>(
    server: &'a Server,
    call: &'a Call,
    operation: &'static Operation,
    principal: Option<KnownPrincipal>,
    text: &str,
) -> Result<Caller<'a>, Failure> {
    let request = Request(serde_json::from_str(text).map_err(|_| Failure::SERIALIZATION)?);
    let registry_id = registry_of(server, operation, principal.as_ref(), &request).await?;
    let resources = resources_of(operation, &registry_id, &request)?;
    if principal.is_some() {
        audit::note_write(call, operation, &resources, &request);
    }
    let mut permissions = Vec::with_capacity(resources.len());
    if let Some(principal) = &principal {
        let tags = request.tags(operation);
        let is_public = operation.is_public_read() && registry_id != principal.identity.registry;
        for resource in resources {
            let found = Permissions::find(&server.installation, call, principal, resource, tags.clone()).await?;
            for action in actions_of(operation, &tags) {
                if is_public { found.allow_public_read(action) } else { found.allow(action) }?;
            }
            permissions.push(found);
        }
    }
    Ok(Caller { server, call, operation, principal, registry_id, permissions })
}

/// The actions that a request needs. One that makes a repository with tags on it also tags it (Service Authorization
/// Reference, "Dependent actions").
fn actions_of(operation: &Operation, tags: &RequestTags) -> impl Iterator<Item = &'static str> {
    const TAG_RESOURCE: &str = "ecr-public:TagResource";
    let tags_too = (!tags.tags.is_empty() && !operation.actions.contains(&TAG_RESOURCE)).then_some(TAG_RESOURCE);
    operation.actions.iter().copied().chain(tags_too)
}

/// The members of a request by name, so far unread.
pub(super) struct Request<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl Request<'_> {
    /// The value of a member, if it is there and of this type.
    pub(super) fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// The resource tags in the members `tags` and `tagKeys`, where the operation has them.
    fn tags(&self, operation: &Operation) -> RequestTags {
        let named = |name| operation.input.member(name).map(|_| name);
        let tags = named("tags").and_then(|name| self.member::<Vec<ResourceTag>>(name)).unwrap_or_default();
        let tags = tags.into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
        let keys = named("tagKeys").and_then(|name| self.member::<Vec<String>>(name)).unwrap_or_default();
        RequestTags { tags: tags.collect(), keys }
    }
}

async fn registry_of(
    server: &Server,
    operation: &Operation,
    principal: Option<&KnownPrincipal>,
    request: &Request<'_>,
) -> Result<RegistryId, Failure> {
    let own = principal.map(|principal| &principal.identity.registry);
    let named: Option<String> = match operation.registry {
        RegistryMember::Own => None,
        RegistryMember::Id | RegistryMember::IdOrAlias => request.member("registryId"),
    };
    let Some(named) = named else { return own.cloned().ok_or_else(|| SignatureError::Missing.into()) };
    match RegistryId::parse(&named) {
        Ok(id) if own == Some(&id) => Ok(id),
        Ok(id) => match server.installation.describe_registry(&id).await {
            Ok(_) => Ok(id),
            Err(Error::RegistryNotFound(_)) => Err(no_registry(operation, &id, request)),
            Err(error) => Err(error.into()),
        },
        // The shape has let it pass, so it may be an alias. Aliases are public: looking one up tells nobody anything.
        Err(_) => Ok(server.installation.resolve_alias(&named).await?),
    }
}

/// A registry that does not exist, said in the way that the operation can: a repository of it does not exist either.
fn no_registry(operation: &Operation, id: &RegistryId, request: &Request<'_>) -> Failure {
    let name = request.member::<String>("repositoryName").and_then(|name| RepositoryName::parse(&name).ok());
    Failure::from(match name {
        Some(name) if !operation.declares(Exception::RegistryNotFound) => Error::RepositoryNotFound(RepositoryKey::new(id.clone(), name)),
        _ => Error::RegistryNotFound(id.to_string()),
    })
}

fn resources_of(operation: &Operation, registry: &RegistryId, request: &Request<'_>) -> Result<Vec<Resource>, Failure> {
    let repository =
        |member, name: &str| repository_name(member, name).map(|name| Resource::Repository(RepositoryKey::new(registry.clone(), name)));
    match operation.resource {
        ResourceMember::None => Ok(vec![Resource::None]),
        ResourceMember::Registry => Ok(vec![Resource::Registry(registry.clone())]),
        ResourceMember::Repository => {
            let name: String = request.member("repositoryName").unwrap_or_default();
            Ok(vec![repository("repositoryName", &name)?])
        }
        ResourceMember::Repositories => match request.member::<Vec<String>>("repositoryNames") {
            Some(names) => names.iter().map(|name| Ok(repository("repositoryNames", name)?)).collect(),
            None => Ok(vec![Resource::Repositories(registry.clone())]),
        },
        ResourceMember::RepositoryArn => {
            let arn: String = request.member("resourceArn").unwrap_or_default();
            let key = Arn::parse_repository(&arn).ok_or_else(|| Violation::new("resourceArn", "Invalid ARN"))?;
            Ok(vec![Resource::Repository(key)])
        }
    }
}

/// The name of a repository that `member` gives.
fn repository_name(member: &str, text: &str) -> Result<RepositoryName, Violation> {
    RepositoryName::parse(text).map_err(|reason: NameError| Violation::new(member, reason))
}
