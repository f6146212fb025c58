//! From who asks to what may be done: an operation cannot be called without a [`Caller`], and [`authorize`] makes the
//! only one there is.

use super::error::Failure;
use crate::Server;
use crate::auth::{KnownPrincipal, Principal, Resource, authorize as may};
use crate::http::Call;
use roadstead_model::aws::operations::{RegistryMember, Resource as ResourceMember};
use roadstead_model::aws::validation::Violation;
use roadstead_model::aws::{Exception, Operation};
use roadstead_model::name::NameError;
use roadstead_model::{Arn, RegistryId, RepositoryName};
use roadstead_registry::{Error, Identity, Registry};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A principal who may do one operation, on one registry.
pub(super) struct Caller<'a> {
    server: &'a Server,
    call: &'a Call,
    operation: &'static Operation,
    principal: KnownPrincipal,
    registry_id: RegistryId,
}

impl<'a> Caller<'a> {
    /// The server that was called.
    pub(super) fn server(&self) -> &'a Server {
        self.server
    }

    /// The operations.
    pub(super) fn registry(&self) -> &'a Registry {
        &self.server.registry
    }

    /// The operation that was called.
    pub(super) fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Who calls.
    pub(super) fn identity(&self) -> &Identity {
        &self.principal.identity
    }

    /// The access key that the call was signed with.
    pub(super) fn access_key_id(&self) -> &str {
        &self.principal.access_key_id
    }

    /// The registry that the call is about.
    pub(super) fn registry_id(&self) -> &RegistryId {
        &self.registry_id
    }

    /// What URIs in answers start with: `<host>/<primary alias>`.
    pub(super) async fn registry_uri(&self) -> Result<String, Failure> {
        let alias = self.registry().primary_alias(&self.registry_id).await?;
        Ok(format!("{}/{alias}", self.call.origin.authority))
    }
}

/// Makes sure that `principal` may do all of what `operation` needs, on each resource that the request names.
pub(super) async fn authorize<'a>(
    server: &'a Server,
    call: &'a Call,
    operation: &'static Operation,
    principal: KnownPrincipal,
    text: &str,
) -> Result<Caller<'a>, Failure> {
    let request = Request(serde_json::from_str(text).map_err(|_| Failure::SERIALIZATION)?);
    let registry_id = registry_of(server, operation, &principal, &request).await?;
    let who = Principal::Known(principal.clone());
    for resource in resources_of(operation, &registry_id, &request)? {
        for action in operation.actions {
            if let Err(denied) = may(&who, action, &resource) {
                return Err(hidden(server, operation, &principal, &resource).await.unwrap_or_else(|| denied.into()));
            }
        }
    }
    Ok(Caller { server, call, operation, principal, registry_id })
}

/// The members of a request by name, so far unread.
struct Request<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl Request<'_> {
    fn member<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.get(name).and_then(|value| serde_json::from_str(value.get()).ok())
    }
}

async fn registry_of(
    server: &Server,
    operation: &Operation,
    principal: &KnownPrincipal,
    request: &Request<'_>,
) -> Result<RegistryId, Failure> {
    let named: Option<String> = match operation.registry {
        RegistryMember::Own => None,
        RegistryMember::Id | RegistryMember::IdOrAlias => request.member("registryId"),
    };
    let Some(named) = named else { return Ok(principal.identity.registry.clone()) };
    match RegistryId::parse(&named) {
        Ok(id) => Ok(id),
        // The shape has let it pass, so it may be an alias. Aliases are public: looking one up tells nobody anything.
        Err(_) => Ok(server.registry.resolve_alias(&named).await?),
    }
}

fn resources_of(operation: &Operation, registry: &RegistryId, request: &Request<'_>) -> Result<Vec<Resource>, Failure> {
    let repository = |member, name: &str| repository_name(member, name).map(|name| Resource::Repository(registry.clone(), name));
    match operation.resource {
        ResourceMember::None => Ok(vec![Resource::None]),
        ResourceMember::Registry => Ok(vec![Resource::Registry(registry.clone())]),
        ResourceMember::Repository => {
            let name: String = request.member("repositoryName").unwrap_or_default();
            Ok(vec![repository("repositoryName", &name)?])
        }
        ResourceMember::Repositories => match request.member::<Vec<String>>("repositoryNames") {
            Some(names) => names.iter().map(|name| Ok(repository("repositoryNames", name)?)).collect(),
            None => Ok(vec![Resource::Registry(registry.clone())]),
        },
        ResourceMember::RepositoryArn => {
            let arn: String = request.member("resourceArn").unwrap_or_default();
            let (registry, name) = Arn::parse_repository(&arn).ok_or_else(|| Violation::new("resourceArn", "Invalid ARN"))?;
            Ok(vec![Resource::Repository(registry, name)])
        }
    }
}

/// What a caller without permission learns of another account's registry: nothing, not even whether it exists. AWS
/// answers as if it did not, too (aws-controllers-k8s/test-infra#1105). Only the operations that push, which may name a
/// registry by its public alias, say that it is the permission that lacks. None for the caller's own registry.
async fn hidden(server: &Server, operation: &Operation, principal: &KnownPrincipal, resource: &Resource) -> Option<Failure> {
    let (Resource::Registry(registry) | Resource::Repository(registry, _)) = resource else { return None };
    if *registry == principal.identity.registry {
        return None;
    }
    let no_registry = Error::RegistryNotFound(registry.to_string());
    if operation.declares(Exception::RegistryNotFound) {
        return server.registry.describe_registry(registry).await.err().map(Failure::from);
    }
    Some(Failure::from(match resource {
        Resource::Repository(registry, name) => Error::RepositoryNotFound { registry: registry.clone(), name: name.clone() },
        _ => no_registry,
    }))
}

/// The name of a repository that `member` gives.
pub(super) fn repository_name(member: &str, text: &str) -> Result<RepositoryName, Violation> {
    RepositoryName::parse(text).map_err(|reason: NameError| Violation::new(member, reason))
}
