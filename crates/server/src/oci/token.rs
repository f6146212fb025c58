//! `/token`: exchanges a password for a bearer, or issues an anonymous bearer (Docker's token authentication specification,
//! "Requesting a Token" and "Token Authentication Specification with OAuth 2").
//!
//! Scopes of any number and form are accepted and mostly ignored: a bearer identifies its holder, whose permissions are checked
//! at each request. There are two exceptions. A push to a name that no repository can have is refused here. A client that only
//! pulls gets an anonymous bearer if its password has expired or was revoked: clients send their stored password with every
//! request and give up when it is refused, although anybody may pull.

use super::access;
use super::body;
use super::failure::{Code, Failure};
use super::operation::RouteError;
use crate::auth::bearer;
use crate::auth::credentials::{Credentials, TokenError, read_authorization};
use crate::http::{Call, Query, Reply, Response};
use crate::principal::Principal;
use crate::server::Server;
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use roadstead_model::Timestamp;
use roadstead_model::oci::TokenReply;

/// The maximum size of a form in bytes.
const MAXIMUM_FORM: usize = 16 * 1024;

pub(super) async fn answer(server: &Server, call: &Call, body: &mut Incoming) -> Result<Response, Failure> {
    match call.method {
        Method::GET | Method::HEAD => get(server, call).await,
        Method::POST => post(server, call, body).await,
        _ => Err(RouteError::UnknownMethod { allow: "GET, HEAD, POST" }.into()),
    }
}

/// GET: the password is in `Basic`. Without it, the bearer is anonymous.
///
/// `offline_token` is ignored: `docker login` would store the refresh token in place of the password, where many other tools do
/// not find it, and it would expire with the password anyway.
async fn get(server: &Server, call: &Call) -> Result<Response, Failure> {
    let query = Query::parse(call.uri.query().unwrap_or_default());
    if let Some(name) = pushed_without_alias(&query) {
        return Err(access::no_alias(server, call, &name, StatusCode::FORBIDDEN, Code::Denied).await);
    }
    let credentials = read_authorization(&call.headers).map_err(|error| access::bad_login(call, error))?;
    match credentials.filter(|credentials| !credentials.is_empty()) {
        None => Ok(anonymous(server)),
        Some(Credentials::Basic { user, password }) => exchange(server, call, &query, &user, &password, false).await,
        Some(Credentials::Bearer(_)) => Err(access::bad_login(call, TokenError::WrongKind)),
    }
}

/// Returns the name in a scope such as `repository:app:pull,push` if it lacks the alias. The push itself would fail with
/// NAME_INVALID, which docker retries for most of a minute before it shows the error. It does not retry a refused token.
fn pushed_without_alias(query: &Query<'_>) -> Option<String> {
    let pushed = |scope: &str| {
        let (name, mut actions) = repository_scope(scope)?;
        let pushes = actions.any(|action| action == "push");
        (pushes && !name.is_empty() && !name.contains(['/', ':'])).then(|| name.chars().take(255).collect())
    };
    query.all("scope").find_map(|scopes| scopes.split_whitespace().find_map(pushed))
}

/// Whether all scopes are pulls. A login names no repository, so that a bad password is reported.
fn only_pulls(query: &Query<'_>) -> bool {
    let mut pulls = false;
    let mut is_harmless = |scope: &str| match repository_scope(scope) {
        Some((_, mut actions)) => {
            pulls = true;
            actions.all(|action| action == "pull")
        }
        None => scope == access::SCOPE,
    };
    query.all("scope").all(|scopes| scopes.split_whitespace().all(&mut is_harmless)) && pulls
}

/// Splits a scope such as `repository:app:pull,push` into its name and its actions.
fn repository_scope(scope: &str) -> Option<(&str, impl Iterator<Item = &str>)> {
    let (name, actions) = scope.strip_prefix("repository:")?.rsplit_once(':')?;
    Some((name, actions.split(',')))
}

/// POST: the form has the password, as such or as the refresh token, which is the same.
async fn post(server: &Server, call: &Call, body: &mut Incoming) -> Result<Response, Failure> {
    let received = body::read(server, call, body, MAXIMUM_FORM).await;
    let received = received.map_err(|halted| Failure::of_body(halted, Code::SizeInvalid))?;
    let form = Query::parse_form(String::from_utf8_lossy(&received.bytes));
    let offline = form.get("access_type").as_deref() == Some("offline");
    let field = |name| form.get(name).unwrap_or_default();
    match form.get("grant_type").as_deref() {
        None => get(server, call).await,
        Some("password") => exchange(server, call, &form, &field("username"), &field("password"), offline).await,
        Some("refresh_token") => exchange(server, call, &form, bearer::USER_NAME, &field("refresh_token"), offline).await,
        Some(_) => Err(Failure::new(StatusCode::BAD_REQUEST, Code::Unsupported, "the grant type must be password or refresh_token")),
    }
}

/// Exchanges a password for a bearer.
async fn exchange(
    server: &Server,
    call: &Call,
    parameters: &Query<'_>,
    user: &str,
    password: &str,
    offline: bool,
) -> Result<Response, Failure> {
    let now = server.installation.now();
    match bearer::exchange_password(&server.keys, &server.installation.at(call.arrival), user, password, now).await {
        Ok((token, expires_at, principal)) => {
            if let Principal::Known(known) = &principal {
                call.trace.authenticated_as(known);
            }
            Ok(reply(&token, expires_at, now, offline.then_some(password)))
        }
        Err(error) if error.is_expired_or_revoked() && only_pulls(parameters) => {
            tracing::debug!(request_id = call.request_id(), %error, "an expired or revoked login gets an anonymous token");
            Ok(anonymous(server))
        }
        Err(error) => Err(access::bad_login(call, error)),
    }
}

fn anonymous(server: &Server) -> Response {
    let now = server.installation.now();
    let (token, expires_at) = bearer::issue_anonymous(&server.keys, &server.installation, now);
    reply(&token, expires_at, now, None)
}

fn reply(token: &str, expires_at: Timestamp, now: Timestamp, refresh_token: Option<&str>) -> Response {
    let expires_in = (expires_at.seconds() - now.seconds()).max(1);
    let reply = TokenReply { token, access_token: token, expires_in, issued_at: now.to_rfc3339(), refresh_token };
    // Tokens must not be cached (RFC 6749, section 5.1).
    Reply::json(StatusCode::OK, &reply).with(CACHE_CONTROL, "no-store").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_repository_and_no_action_but_pull_is_a_pull() {
        let pulls = |query: &str| only_pulls(&Query::parse(query));
        for query in [
            "scope=repository:al/app:pull",
            "scope=aws&scope=repository:al/app:pull",
            "service=x&scope=repository%3Aal%2Fapp%3Apull%20aws%20repository:al/other:pull,pull",
        ] {
            assert!(pulls(query), "{query}");
        }
        for query in [
            "",
            "scope=",
            "scope=aws",
            "scope=repository:al/app:push",
            "scope=repository:al/app:pull,push",
            "scope=repository:al/app:pull&scope=repository:al/app:push",
            "scope=repository:al/app:*",
            "scope=repository:al/app:",
            "scope=repository:al/app:pull&scope=registry:catalog:*",
            "scope=repository(plugin):al/app:pull",
            "scope=pull",
        ] {
            assert!(!pulls(query), "{query}");
        }
    }

    #[test]
    fn only_a_push_to_a_name_of_one_segment_is_one_without_an_alias() {
        let found = |query: &str| pushed_without_alias(&Query::parse(query));
        assert_eq!(found("scope=repository:app:pull,push").as_deref(), Some("app"));
        assert_eq!(found("scope=aws&scope=repository%3Aapp%3Apush").as_deref(), Some("app"));
        assert_eq!(found("scope=aws%20repository:app:push").as_deref(), Some("app"));
        for other in [
            "",
            "scope=aws",
            "scope=repository:app:pull",
            "scope=repository:al/app:push",
            "scope=repository::push",
            "scope=repository:push",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
