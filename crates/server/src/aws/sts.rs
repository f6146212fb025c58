//! `sts:GetCallerIdentity`, which Terraform and many scripts ask before anything else: on the same endpoint, in STS's own
//! protocol (AWS query protocol; AWS Security Token Service API reference, version 2011-06-15).

use super::{Signature, body, check_signature, find_key, reply};
use crate::Server;
use crate::auth::sigv4::{self, SignatureError};
use crate::http::{Call, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body;
use percent_encoding::percent_decode_str;
use roadstead_registry::Identity;
use sha2::{Digest, Sha256};

const SERVICE: &str = "sts";
const VERSION: &str = "2011-06-15";
const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// Whether a request speaks the query protocol: a form, where the control API sends JSON and a target.
pub(super) fn is_query(headers: &HeaderMap) -> bool {
    let form = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    form.is_some_and(|form| form.starts_with("application/x-www-form-urlencoded")) && !headers.contains_key("x-amz-target")
}

/// Why there is no answer, in STS's names.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// When to try again, in seconds.
    retry_after: Option<&'static str>,
}

/// Answers one request. Every failure is an answer too.
pub(super) async fn answer<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Response {
    match identify(server, call, body).await {
        Ok(identity) => reply(&call.request_id, StatusCode::OK, "text/xml", identity_as_xml(&identity, &call.request_id).into()),
        Err(refusal) => {
            let mut response = reply(&call.request_id, refusal.status, "text/xml", refusal.as_xml(&call.request_id).into());
            if let Some(seconds) = refusal.retry_after {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
            }
            response
        }
    }
}

/// Who signed the request. Nobody needs a permission to learn who he is.
async fn identify<B: Body<Data = Bytes> + Unpin>(server: &Server, call: &Call, body: B) -> Result<Identity, Refusal> {
    let stranger = server.budget.stranger(call.client);
    let body = body::read(server, call, stranger, body, body::UNSIGNED_LIMIT).await;
    let body = body.map_err(|failure| Refusal::of_body(failure, &call.request_id))?;
    let (action, version) = (parameter(body.bytes(), "Action"), parameter(body.bytes(), "Version"));
    if action.as_deref() != Some("GetCallerIdentity") || version.as_deref() != Some(VERSION) {
        let (action, version) = (action.unwrap_or_default(), version.unwrap_or_default());
        let message = format!("Could not find operation {action} for version {version}");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidAction", message));
    }
    let request = sigv4::Request::new(&call.method, &call.uri, &call.headers);
    let claim = sigv4::read(&request, &[SERVICE], server.registry.now())?;
    let key = find_key(server, &claim.access_key_id).await.map_err(|failure| Refusal::of(failure, &call.request_id))?;
    let signature = Signature { claim, key };
    check_signature(server, call, &signature, &body).map_err(|failure| Refusal::of(failure, &call.request_id))?;
    Ok(signature.key.identity)
}

/// The value of a form's parameter.
fn parameter(form: &[u8], name: &str) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let (_, value) = form.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

fn identity_as_xml(identity: &Identity, request_id: &str) -> String {
    let (arn, account) = (identity.arn().to_string(), &identity.registry);
    let user_id = if identity.user.is_some() { unique_id(&arn) } else { account.to_string() };
    let arn = escaped(&arn);
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>{user_id}</UserId>\
         <Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    )
}

/// An id of the form that IAM gives its users (`AIDA` and 17 characters of base 32), made from the ARN so that it stays the same.
fn unique_id(arn: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let characters = Sha256::digest(arn).iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect::<String>();
    format!("AIDA{characters}")
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// What the control API would say. Its failures here are those of a signature, or the server's own.
    fn of(failure: super::Failure, request_id: &str) -> Self {
        match failure.into_signature_error() {
            Ok(error) => error.into(),
            Err(failure) => {
                let (status, _) = failure.worded(None, request_id);
                Self::new(status, "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.")
            }
        }
    }

    /// Why the body was not received, in STS's names.
    fn of_body(failure: super::Failure, request_id: &str) -> Self {
        let retry_after = failure.retry_after();
        let (status, _) = failure.worded(None, request_id);
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
        let (code, message) = (self.code, escaped(&self.message));
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
             <RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    }
}

/// STS has names and statuses of its own for bad signatures.
impl From<SignatureError> for Refusal {
    fn from(error: SignatureError) -> Self {
        let (status, code) = match &error {
            SignatureError::Missing => (StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
            SignatureError::Incomplete(_) => (StatusCode::BAD_REQUEST, "IncompleteSignature"),
            SignatureError::Invalid(_) => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
            SignatureError::UnknownKey => (StatusCode::FORBIDDEN, "InvalidClientTokenId"),
        };
        Self::new(status, code, error.to_string())
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
    fn the_root_is_its_account_and_a_user_has_an_id_that_stays() {
        let root = identity_as_xml(&identity(None), "r");
        assert!(root.contains("<Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>"), "{root}");
        let user = identity_as_xml(&identity(Some("ann")), "r");
        assert!(user.contains("<Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>AIDA"), "{user}");
        assert_eq!(user, identity_as_xml(&identity(Some("ann")), "r"));
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
    fn what_the_client_wrote_is_escaped() {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "InvalidAction", "<a>&");
        assert!(refusal.as_xml("r").contains("<Message>&lt;a&gt;&amp;</Message>"));
    }
}
