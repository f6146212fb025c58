//! Authentication and authorization of this door: the challenge, the permissions of each operation, and the proof that they were
//! checked.

use super::failure::{Code, Failure, Refused};
use super::operation::{Operation, Place};
use crate::auth::bearer;
use crate::auth::credentials::TokenError;
use crate::auth::{Permissions, RequestTags, Resource};
use crate::http::Call;
use crate::principal::{KnownPrincipal, Principal};
use crate::server::Server;
use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use roadstead_model::{Identity, RegistryAlias, RepositoryKey};
use roadstead_registry::{Error, SessionName};

/// The message of AWS without credentials.
const NOT_AUTHORIZED: &str = "Not Authorized";
/// The message of AWS for a malformed token.
const INVALID: &str = "Your Authorization Token is invalid.";
/// The message of AWS for a token that is older than 12 hours.
const EXPIRED: &str = "Your authorization token has expired. Reauthenticate and try again.";

/// The scope in the challenge, as AWS sends it. It grants nothing.
pub(super) const SCOPE: &str = "aws";

/// The error in the challenge (RFC 6750, section 3.1).
const INVALID_TOKEN: &str = ",error=\"invalid_token\"";

/// The permission to push a manifest, the last step of every push.
const PUT_IMAGE: &str = "ecr-public:PutImage";
/// The permission to create the repository on push.
const CREATE_REPOSITORY: &str = "ecr-public:CreateRepository";

/// A repository for which the caller has permission. Only [`permit`] and [`permit_pull`] construct one, and every operation
/// takes one.
pub(super) struct Target {
    repository: RepositoryKey,
    alias: RegistryAlias,
    /// `None` if the operation needs no permission.
    caller: Option<Identity>,
    may_create: bool,
}

impl Target {
    /// The repository, which may not exist.
    pub(super) fn repository(&self) -> &RepositoryKey {
        &self.repository
    }

    pub(super) fn alias(&self) -> &RegistryAlias {
        &self.alias
    }

    /// The authenticated caller. Fails if the operation needs none.
    pub(super) fn caller(&self) -> Result<&Identity, Failure> {
        self.caller.as_ref().ok_or_else(|| Error::Internal("the operation has no authenticated caller".to_owned()).into())
    }

    /// An upload session of the repository, as the caller names it.
    pub(super) fn session<'a>(&'a self, id: &'a str) -> Result<SessionName<'a>, Failure> {
        Ok(SessionName { repository: &self.repository, caller: self.caller()?, id })
    }

    /// `<alias>/<repository>`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.alias, self.repository.name)
    }

    /// A path below the repository, relative to the server.
    pub(super) fn path(&self, endpoint: &str) -> String {
        format!("/v2/{}/{}/{endpoint}", self.alias, self.repository.name)
    }

    /// Whether to create the repository if it is missing.
    pub(super) fn may_create(&self) -> bool {
        self.may_create
    }
}

/// Authenticates the caller. Returns `None` if the request has no `Authorization`. Bad credentials are refused even where none are
/// needed, so that the client learns of them immediately.
pub(super) async fn authenticate(server: &Server, call: &Call) -> Result<Option<Principal>, Failure> {
    let authenticated = bearer::authenticate(&server.keys, &server.installation.at(call.arrival), &call.headers).await;
    let principal = authenticated.map_err(|error| refuse_credentials(call, error))?;
    if let Some(Principal::Known(known)) = &principal {
        call.trace.authenticated_as(known);
    }
    Ok(principal)
}

/// Resolves the repository of a pull, which needs no permission because all repositories are public.
pub(super) async fn permit_pull(server: &Server, call: &Call, place: Place) -> Result<Target, Failure> {
    let resolved = server.installation.at(call.arrival).resolve_alias(place.alias.as_str()).await;
    let registry = resolved.map_err(|error| Failure::in_place(error, &place))?;
    Ok(Target { repository: RepositoryKey::new(registry, place.repository), alias: place.alias, caller: None, may_create: false })
}

/// Checks that the caller may perform the operation, and resolves its repository.
///
/// Listings need neither a permission nor an `Authorization`, because all repositories are public.
pub(super) async fn permit(
    server: &Server,
    call: &Call,
    principal: Option<&Principal>,
    place: Place,
    operation: &Operation,
    has_body: bool,
) -> Result<Target, Failure> {
    let actions = required_actions(operation, has_body);
    let known = match principal {
        _ if actions.is_empty() => None,
        Some(Principal::Known(known)) => Some(known),
        Some(Principal::Anonymous) | None => return Err(challenge(call)),
    };
    let mut target = permit_pull(server, call, place).await?;
    if let Some(known) = known {
        let permissions = permissions_of(server, call, known, &target).await?;
        for action in actions {
            permissions.allow(action).map_err(|denied| Failure::new(StatusCode::FORBIDDEN, Code::Denied, denied.to_string()).refused())?;
        }
        target.caller = Some(known.identity.clone());
        target.may_create = server.config.create_on_push && permissions.allow(CREATE_REPOSITORY).is_ok();
    }
    Ok(target)
}

async fn permissions_of<'a>(server: &Server, call: &'a Call, known: &KnownPrincipal, target: &Target) -> Result<Permissions<'a>, Failure> {
    let resource = Resource::Repository(target.repository.clone());
    Ok(Permissions::find(&server.installation.at(call.arrival), call, known, resource, RequestTags::default()).await?)
}

/// Whether the caller may push an image to the repository.
pub(super) async fn may_push(server: &Server, call: &Call, principal: Option<&Principal>, target: &Target) -> Result<bool, Failure> {
    match principal {
        Some(Principal::Known(known)) => Ok(permissions_of(server, call, known, target).await?.allow(PUT_IMAGE).is_ok()),
        Some(Principal::Anonymous) | None => Ok(false),
    }
}

/// The failure for a name without an alias, the most common mistake (`docker push localhost:5000/app`). Suggests the right path.
pub(super) async fn no_alias(server: &Server, call: &Call, name: &str, status: StatusCode, code: Code) -> Failure {
    match server.installation.primary_alias(server.installation.account_id()).await {
        Ok(alias) => {
            let host = &call.origin.authority;
            Failure::new(status, code, format!("repositories live under a registry alias: use {host}/{alias}/{name}"))
        }
        Err(error) => error.into(),
    }
}

/// The actions of Amazon ECR Public that each operation requires.
fn required_actions(operation: &Operation, has_body: bool) -> &'static [&'static str] {
    const INITIATE: &str = "ecr-public:InitiateLayerUpload";
    const UPLOAD: &str = "ecr-public:UploadLayerPart";
    const COMPLETE: &str = "ecr-public:CompleteLayerUpload";
    match operation {
        Operation::ListTags(_) | Operation::ListReferrers { .. } => &[],
        Operation::StartUpload(_) => &[INITIATE],
        Operation::MountBlob { .. } => &[INITIATE, COMPLETE],
        Operation::PushBlob(_) => &[INITIATE, UPLOAD, COMPLETE],
        Operation::GetUpload(_) | Operation::AppendUpload(_) | Operation::CancelUpload(_) => &[UPLOAD],
        Operation::CompleteUpload { .. } if has_body => &[UPLOAD, COMPLETE],
        Operation::CompleteUpload { .. } => &[COMPLETE],
        Operation::PutManifest { .. } => &[PUT_IMAGE],
        Operation::DeleteManifest(_) | Operation::DeleteBlob(_) => &["ecr-public:BatchDeleteImage"],
    }
}

/// The audit log entry for bad credentials. Expired and revoked ones do not count as attempts to guess.
fn bad_credentials(error: &TokenError) -> Refused {
    Refused { reason: error.to_string(), is_bad_login: true, is_guess: !error.is_expired_or_revoked() }
}

/// The challenge, which tells a client to sign in (RFC 6750, section 3; Docker's token authentication specification).
pub(super) fn challenge(call: &Call) -> Failure {
    challenge_with(call, NOT_AUTHORIZED, "")
}

fn challenge_with(call: &Call, message: &str, error: &str) -> Failure {
    let (origin, service) = (&call.origin, &call.origin.authority);
    let value = format!("Bearer realm=\"{origin}/token/\",service=\"{service}\",scope=\"{SCOPE}\"{error}");
    Failure::new(StatusCode::UNAUTHORIZED, Code::Denied, message).with(WWW_AUTHENTICATE, value)
}

/// The response to bad credentials under `/v2/`: 401 with the challenge, so that clients request a new token. AWS responds with
/// 400 and no challenge, at which clients give up.
fn refuse_credentials(call: &Call, error: TokenError) -> Failure {
    let refusal = bad_credentials(&error);
    let message = match error {
        TokenError::Registry(error) => return error.into(),
        TokenError::Expired => EXPIRED,
        _ => INVALID,
    };
    challenge_with(call, message, INVALID_TOKEN).refused_as(refusal)
}

/// The response of `/token` to a bad password: 401 even if it has expired, so that clients discard it and sign in again. AWS
/// responds with 403, at which they do not.
pub(super) fn bad_login(call: &Call, error: TokenError) -> Failure {
    let refusal = bad_credentials(&error);
    let message = match error {
        TokenError::Registry(error) => return error.into(),
        TokenError::Expired => EXPIRED,
        _ => NOT_AUTHORIZED,
    };
    let value = format!("Basic realm=\"{}\"", call.origin.authority);
    Failure::new(StatusCode::UNAUTHORIZED, Code::Denied, message).with(WWW_AUTHENTICATE, value).refused_as(refusal)
}

#[cfg(test)]
mod tests {
    use super::super::operation::{Endpoint, Route};
    use super::super::route;
    use super::*;
    use crate::config::Origin;
    use http::{HeaderMap, Method, Uri};
    use http_body_util::BodyExt;

    /// Every endpoint with every method. A new operation has to be added here.
    #[test]
    fn every_write_needs_a_permission_and_no_read_does() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let (blob, referrers) = (format!("blobs/{digest}"), format!("referrers/{digest}"));
        let mut seen = 0;
        for endpoint in ["manifests/v1", &blob, "blobs/uploads/", "blobs/uploads/id", "tags/list", &referrers] {
            for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let query = format!("digest={digest}");
                let route = route::parse(&method, &format!("/v2/al/app/{endpoint}"), Some(&query));
                let (needs_none, is_upload) = match route {
                    Ok(Route::Pull(..)) => (true, false),
                    Ok(Route::Other(Endpoint::Repository(_, operation))) => {
                        (required_actions(&operation, true).is_empty(), matches!(operation, Operation::GetUpload(_)))
                    }
                    _ => continue,
                };
                let is_read = (method == Method::GET || method == Method::HEAD) && !is_upload;
                assert_eq!(needs_none, is_read, "{method} {endpoint}");
                seen += 1;
            }
        }
        assert_eq!(seen, 17);
    }

    async fn answer(failure: Failure) -> (u16, String, String) {
        let (head, body) = failure.into_response().into_parts();
        let text = body.collect().await.expect("a body in memory").to_bytes();
        let challenge = head.headers[WWW_AUTHENTICATE].to_str().expect("text").to_owned();
        (head.status.as_u16(), challenge, String::from_utf8(text.to_vec()).expect("JSON"))
    }

    #[tokio::test]
    async fn an_expired_login_is_told_so_and_that_it_has_to_sign_in_again() {
        let call = Call {
            method: Method::GET,
            uri: Uri::from_static("/v2/"),
            headers: HeaderMap::new(),
            origin: Origin::parse_url("https://registry.example").expect("an origin"),
            secure: true,
            arrival: Default::default(),
            trace: Default::default(),
        };
        let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{EXPIRED}"}}]}}"#);
        let bearer = r#"Bearer realm="https://registry.example/token/",service="registry.example",scope="aws",error="invalid_token""#;
        assert_eq!(answer(refuse_credentials(&call, TokenError::Expired)).await, (401, bearer.to_owned(), body.clone()));
        let basic = r#"Basic realm="registry.example""#;
        assert_eq!(answer(bad_login(&call, TokenError::Expired)).await, (401, basic.to_owned(), body));
    }
}
