//! Authorisation: every operation takes a [`Caller`], which only [`authorize`] creates.

use super::audit;
use super::error::Failure;
use crate::auth::sigv4::SignatureError;
use crate::auth::{Permissions, RequestTags, Resource};
use crate::http::Call;
use crate::principal::KnownPrincipal;
use crate::server::Server;
use roadstead_model::aws::resource_tags::ResourceTag;
use roadstead_model::aws::{self, Exception, Operation, Request, Violation};
use roadstead_model::policy::Policy;
use roadstead_model::{Arn, RegistryId, RepositoryKey, RepositoryName};
use roadstead_registry::{Error, Installation, SessionName};

/// An authorised caller of one operation.
pub(super) struct Caller<'a> {
    server: &'a Server,
    installation: Installation,
    call: &'a Call,
    operation: Operation,
    /// `None` for an anonymous caller that reads public data.
    principal: Option<KnownPrincipal>,
    registry_id: RegistryId,
    repositories: Vec<RepositoryKey>,
    permissions: Vec<Permissions<'a>>,
}

impl<'a> Caller<'a> {
    pub(super) fn server(&self) -> &'a Server {
        self.server
    }

    /// The installation at the arrival of the request.
    pub(super) fn installation(&self) -> &Installation {
        &self.installation
    }

    pub(super) fn operation(&self) -> Operation {
        self.operation
    }

    /// The authenticated principal. Fails if the caller is anonymous.
    pub(super) fn principal(&self) -> Result<&KnownPrincipal, Failure> {
        self.principal.as_ref().ok_or_else(|| SignatureError::Missing.into())
    }

    /// The registry that the request names, or else the caller's own.
    pub(super) fn registry_id(&self) -> &RegistryId {
        &self.registry_id
    }

    /// The repositories that the request names. They need not exist.
    pub(super) fn repositories(&self) -> &[RepositoryKey] {
        &self.repositories
    }

    /// The repository that the request names. It need not exist.
    pub(super) fn repository(&self) -> Result<&RepositoryKey, Failure> {
        self.repositories.first().ok_or_else(|| Error::Internal("the operation names no repository".to_owned()).into())
    }

    /// An upload session of the repository, as the caller names it.
    pub(super) fn session<'b>(&'b self, id: &'b str) -> Result<SessionName<'b>, Failure> {
        Ok(SessionName { repository: self.repository()?, caller: &self.principal()?.identity, id })
    }

    /// The prefix of URIs of repositories: `<host>/<primary alias>`.
    pub(super) async fn registry_uri(&self) -> Result<String, Failure> {
        let alias = self.installation().primary_alias(&self.registry_id).await?;
        Ok(format!("{}/{alias}", self.call.origin.authority))
    }

    /// The URL of a path of this server, with the host that the caller used.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.call.origin)
    }

    /// Whether the caller may also perform `action` on the resources of the request.
    pub(super) fn may(&self, action: &str) -> bool {
        !self.permissions.is_empty() && self.permissions.iter().all(|permissions| permissions.allow(action).is_ok())
    }

    /// Whether the caller could still set the repository's policy if it were `proposed`.
    pub(super) fn may_still_set_policy(&self, proposed: &Policy) -> bool {
        self.permissions.iter().all(|permissions| permissions.may_still_set_policy(proposed))
    }
}

/// Checks that `principal` may perform each action that the operation needs on each resource that the request names.
///
/// Public data can be read by anonymous callers, and by other accounts unless their own policies deny it.
pub(super) async fn authorize<'a>(
    server: &'a Server,
    call: &'a Call,
    principal: Option<KnownPrincipal>,
    request: &Request,
) -> Result<Caller<'a>, Failure> {
    let operation = request.operation();
    let installation = server.installation.at(call.arrival);
    let registry_id = registry_of(&installation, principal.as_ref(), request).await?;
    let resources = resources_of(&registry_id, request.resource())?;
    if principal.is_some() {
        audit::note_write(call, request, &resources);
    }
    let key = |resource: &Resource| if let Resource::Repository(key) = resource { Some(key.clone()) } else { None };
    let repositories = resources.iter().filter_map(key).collect();
    let mut permissions = Vec::with_capacity(resources.len());
    if let Some(principal) = &principal {
        let tags = tags_of(request);
        let is_public = operation.is_public_read() && registry_id != principal.identity.registry;
        for resource in resources {
            let found = Permissions::find(&installation, call, principal, resource, tags.clone()).await?;
            for action in actions_of(operation, &tags) {
                if is_public { found.allow_public_read(action) } else { found.allow(action) }?;
            }
            permissions.push(found);
        }
    }
    Ok(Caller { server, installation, call, operation, principal, registry_id, repositories, permissions })
}

/// The actions that a request needs. Creating a repository with tags also needs the permission to tag (Service Authorization
/// Reference, "Dependent actions").
fn actions_of(operation: Operation, tags: &RequestTags) -> impl Iterator<Item = &'static str> {
    const TAG_RESOURCE: &str = "ecr-public:TagResource";
    let tags_too = (!tags.tags.is_empty() && !operation.actions().contains(&TAG_RESOURCE)).then_some(TAG_RESOURCE);
    operation.actions().iter().copied().chain(tags_too)
}

/// The resource tags in the request, for conditions.
fn tags_of(request: &Request) -> RequestTags {
    let pair = |tag: &ResourceTag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()));
    let with = |tags: &[ResourceTag]| RequestTags { tags: tags.iter().filter_map(pair).collect(), keys: Vec::new() };
    match request {
        Request::CreateRepository(request) => with(request.tags.as_deref().unwrap_or_default()),
        Request::TagResource(request) => with(&request.tags),
        Request::UntagResource(request) => RequestTags { tags: Vec::new(), keys: request.tag_keys.clone() },
        _ => RequestTags::default(),
    }
}

async fn registry_of(installation: &Installation, principal: Option<&KnownPrincipal>, request: &Request) -> Result<RegistryId, Failure> {
    let own = principal.map(|principal| &principal.identity.registry);
    let named = match request.resource() {
        aws::Resource::Repository(registry, _) | aws::Resource::Repositories(registry, _) => registry,
        aws::Resource::None | aws::Resource::Registry | aws::Resource::RepositoryArn(_) => None,
    };
    let Some(named) = named else { return own.cloned().ok_or_else(|| SignatureError::Missing.into()) };
    match RegistryId::parse(named) {
        Ok(id) if own == Some(&id) => Ok(id),
        Ok(id) => match installation.describe_registry(&id).await {
            Ok(_) => Ok(id),
            Err(Error::RegistryNotFound(_)) => Err(no_registry(&id, request)),
            Err(error) => Err(error.into()),
        },
        // Some shapes allow an alias. Aliases are public, so looking one up discloses nothing.
        Err(_) => Ok(installation.resolve_alias(named).await?),
    }
}

/// The error for a registry that does not exist: that the repository does not exist, if the operation declares only that one.
fn no_registry(id: &RegistryId, request: &Request) -> Failure {
    let name = match request.resource() {
        aws::Resource::Repository(_, name) => RepositoryName::parse(name).ok(),
        _ => None,
    };
    Failure::from(match name {
        Some(name) if !request.operation().declares(Exception::RegistryNotFound) => {
            Error::RepositoryNotFound(RepositoryKey::new(id.clone(), name))
        }
        _ => Error::RegistryNotFound(id.to_string()),
    })
}

fn resources_of(registry: &RegistryId, named: aws::Resource<'_>) -> Result<Vec<Resource>, Violation> {
    let repository = |member, name: &str| match RepositoryName::parse(name) {
        Ok(name) => Ok(Resource::Repository(RepositoryKey::new(registry.clone(), name))),
        Err(reason) => Err(Violation::new(member, reason)),
    };
    match named {
        aws::Resource::None => Ok(vec![Resource::None]),
        aws::Resource::Registry => Ok(vec![Resource::Registry(registry.clone())]),
        aws::Resource::Repository(_, name) => Ok(vec![repository("repositoryName", name)?]),
        aws::Resource::Repositories(_, Some(names)) => names.iter().map(|name| repository("repositoryNames", name)).collect(),
        aws::Resource::Repositories(_, None) => Ok(vec![Resource::Repositories(registry.clone())]),
        aws::Resource::RepositoryArn(arn) => {
            let key = Arn::parse_repository(arn).ok_or_else(|| Violation::new("resourceArn", "Invalid ARN"))?;
            Ok(vec![Resource::Repository(key)])
        }
    }
}
