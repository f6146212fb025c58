//! `sts:GetCallerIdentity`, which Terraform and many scripts call first. It has the same endpoint, but STS's protocol (AWS query
//! protocol; AWS Security Token Service API reference, version 2011-06-15).

use super::error::Failure;
use super::reply::reply;
use super::signature::Signature;
use super::{audit, body};
use crate::auth::sigv4::SignatureError;
use crate::http::{Call, Query, Response};
use crate::server::Server;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body::Body;
use roadstead_model::measure::{LONGEST_MESSAGE, beginning};
use roadstead_model::{Identity, UserId};
use std::borrow::Cow;

const SERVICE: &str = "sts";
const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Whether a request uses the query protocol: its body is a form, and it has no `X-Amz-Target`.
pub(super) fn is_query(headers: &HeaderMap) -> bool {
    let form = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    form.is_some_and(|form| form.starts_with("application/x-www-form-urlencoded")) && !headers.contains_key("x-amz-target")
}

/// An error with STS's names.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Set if the signature is missing or invalid.
    signature: Option<SignatureError>,
    /// The value of `Retry-After`, in seconds.
    retry_after: Option<&'static str>,
}

/// Responds to a request to STS.
pub(super) async fn answer<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Response {
    match identify(server, call, body).await {
        Ok((identity, id)) => {
            let xml = identity_as_xml(&identity, id.as_ref(), call.request_id());
            reply(call.request_id(), StatusCode::OK, "text/xml", xml, None)
        }
        Err(refusal) => {
            let refusal = refusal.audited(server, call);
            reply(call.request_id(), refusal.status, "text/xml", refusal.as_xml(call.request_id()), refusal.retry_after)
        }
    }
}

/// Returns the identity that signed the request, and its unique id if it is a user. No permission is needed.
async fn identify<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Result<(Identity, Option<UserId>), Refusal> {
    let body = body::read(server, call, server.budget.anonymous(call.client()), body, body::UNSIGNED_LIMIT).await;
    let body = body.map_err(|failure| Refusal::of_body(failure, call.request_id()))?;
    let (action, version) = (parameter(body.bytes(), "Action"), parameter(body.bytes(), "Version"));
    if action.as_deref() != Some("GetCallerIdentity") || version.as_deref() != Some(VERSION) {
        let (action, version) = (action.unwrap_or_default(), version.unwrap_or_default());
        let message = format!("Could not find operation {action} for version {version}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidAction", message));
    }
    let refuse = |failure| Refusal::of(failure, call.request_id());
    let signature = Signature::find(server, call, SERVICE).await.map_err(refuse)?;
    signature.verify(server, call, &body).map_err(refuse)?;
    let principal = signature.principal();
    call.trace.authenticated_as(&principal);
    let identity = principal.identity;
    let id = server.installation.user_id(&identity).await.map_err(|error| refuse(error.into()))?;
    // The user has just been deleted, together with the key.
    if identity.user.is_some() && id.is_none() {
        return Err(SignatureError::UnknownKey.into());
    }
    Ok((identity, id))
}

fn parameter(form: &[u8], name: &str) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    Query::parse_form(form).get(name).map(Cow::into_owned)
}

/// The `UserId` of a root is the account number.
fn identity_as_xml(identity: &Identity, id: Option<&UserId>, request_id: &str) -> String {
    let (arn, account) = (escaped(&identity.arn().to_string()), &identity.registry);
    let user_id = id.map_or(account.as_str(), UserId::as_str);
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user_id}</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    )
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), signature: None, retry_after: None }
    }

    /// Records an invalid signature in the audit log. After too many of them, the response is only a request to slow down.
    fn audited(self, server: &Server, call: &Call) -> Self {
        let Some(error) = self.signature.as_ref().filter(|error| **error != SignatureError::Missing) else { return self };
        call.trace.note_attempt("GetCallerIdentity", Default::default);
        call.trace.note_refusal(error.exception());
        match audit::note_signature(server, call, SERVICE, error) {
            Ok(()) => self,
            Err(too_fast) => Self::new(StatusCode::BAD_REQUEST, "Throttling", too_fast.to_string()),
        }
    }

    /// Converts a failure, which is either that of a signature or an internal one.
    fn of(failure: Failure, request_id: &str) -> Self {
        match failure {
            Failure::Signature(error) => error.into(),
            failure => {
                let (status, _) = failure.into_answer(None, request_id);
                Self::new(status, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
            }
        }
    }

    /// Converts a failure to receive the body.
    fn of_body(failure: Failure, request_id: &str) -> Self {
        let retry_after = failure.retry_after();
        let (status, _) = failure.into_answer(None, request_id);
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "RequestEntityTooLarge",
            StatusCode::REQUEST_TIMEOUT => "RequestTimeout",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
            _ => "Throttling",
        };
        Self { retry_after, ..Self::new(status, code, "The request body was not received.") }
    }

    fn as_xml(&self, request_id: &str) -> String {
        let kind = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let (code, message) = (self.code, escaped(beginning(&self.message, LONGEST_MESSAGE)));
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    }
}

/// STS's names and statuses for invalid signatures.
impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        let (status, code) = match &error {
            SignatureError::Missing => (StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
            SignatureError::Incomplete(_) => (StatusCode::BAD_REQUEST, "IncompleteSignature"),
            SignatureError::Invalid(_) => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
            SignatureError::UnknownKey => (StatusCode::FORBIDDEN, "InvalidClientTokenId"),
        };
        Self { signature: Some(error.clone()), ..Self::new(status, code, error.to_string()) }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::RegistryId;

    fn identity(user: Option<&str>) -> Identity {
        Identity { registry: RegistryId::parse("123456789012").expect("an id"), user: user.map(str::to_owned) }
    }

    #[test]
    fn the_root_is_its_account_and_a_user_has_a_unique_id() {
        let root = identity_as_xml(&identity(None), None, "r");
        assert!(root.contains("<Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>"), "{root}");
        let id = UserId::parse("AIDACKCEVSQ6C2EXAMPLE");
        let user = identity_as_xml(&identity(Some("ann")), id.as_ref(), "r");
        assert!(user.contains("<Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>"), "{user}");
    }

    #[test]
    fn a_form_is_read_by_its_names() {
        let form = b"Action=GetCallerIdentity&Version=2011%2D06-15&x=a+b";
        assert_eq!(parameter(form, "Version").as_deref(), Some("2011-06-15"));
        assert_eq!(parameter(form, "x").as_deref(), Some("a b"));
        assert_eq!(parameter(form, "Ac"), None);
        assert_eq!(parameter(b"\xff", "Action"), None);
    }

    #[test]
    fn messages_are_escaped_in_xml() {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "InvalidAction", "<a>&");
        assert!(refusal.as_xml("r").contains("<Message>&lt;a&gt;&amp;</Message>"));
    }
}
