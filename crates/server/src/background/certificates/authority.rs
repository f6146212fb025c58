//! A certificate authority with an ACME directory (RFC 8555).

use super::directory::{self, Unusable, is_tls_failure};
use crate::config::AcmeConfig;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::{BodyExt, Collected, Full, Limited};
use instant_acme::{
    Account, AccountBuilder, AccountCredentials, AuthorizationHandle, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType,
    Error, HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use reqwest::{Certificate, Client};
use roadstead_registry::{Installation, causes, with_causes};
use serde::{Deserialize, Serialize};
use std::error::Error as StdError;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::timeout;

/// How long a connection to the authority may take, and an answer.
const CONNECTING: Duration = Duration::from_secs(10);
const ANSWERING: Duration = Duration::from_secs(30);
/// The maximum length of an answer in bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// How long it may take to find the account, and to place an order.
const PLACING: Duration = Duration::from_secs(60);
/// How long the authority may take to validate a domain, and again to issue the certificate.
const POLLING: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
/// How long an order may take after it was placed.
const ISSUING: Duration = Duration::from_secs(300);

/// Why no certificate was issued. The texts are for operators.
#[derive(Debug)]
pub(super) enum OrderError {
    /// The authority did not answer, so the order does not count.
    Unreachable(String),
    /// Something answered that cannot be used as an authority, so the order does not count.
    Unusable(String),
    /// The authority has reached a limit.
    RateLimited(String),
    Failed(String),
}

/// Orders certificates at the configured authority.
pub(super) struct Authority<'a> {
    config: &'a AcmeConfig,
    installation: &'a Installation,
}

/// An account as it is stored.
#[derive(Serialize, Deserialize)]
struct StoredAccount {
    credentials: serde_json::Value,
    /// The address that the authority was told, empty if none. `None` if that is not known.
    email: Option<String>,
}

impl StoredAccount {
    /// `None` if these are no credentials: then the next order makes a new account.
    fn parse(stored: &[u8]) -> Option<Self> {
        // The first versions stored the credentials alone.
        let bare = || serde_json::from_slice(stored).ok().map(|credentials| Self { credentials, email: None });
        let account = serde_json::from_slice(stored).ok().or_else(bare)?;
        AccountCredentials::deserialize(&account.credentials).is_ok().then_some(account)
    }
}

/// Fails with a message unless the directory can be asked.
pub(crate) fn check(config: &AcmeConfig) -> Result<(), String> {
    if config.domains.is_empty() { Ok(()) } else { client(config).map(drop) }
}

impl<'a> Authority<'a> {
    pub(super) fn of(config: &'a AcmeConfig, installation: &'a Installation) -> Self {
        Self { config, installation }
    }

    /// Orders a certificate for a domain. Returns its chain and its key in PEM form.
    pub(super) async fn order(&self, domain: &str) -> Result<Vec<u8>, OrderError> {
        let silent = |_| OrderError::Unreachable(format!("no answer within {} s", PLACING.as_secs()));
        let mut order = timeout(PLACING, self.place(domain)).await.map_err(silent)??;
        let late = |_| OrderError::Failed(format!("no certificate within {} s", ISSUING.as_secs()));
        let issued = timeout(ISSUING, self.complete(&mut order, domain)).await.map_err(late);
        if let Err(error) = self.installation.delete_acme_challenge(domain).await {
            tracing::debug!(%error, "a challenge could not be deleted: it expires");
        }
        issued?
    }

    /// Tells the authority the configured email address, unless it has been told or there is no account yet.
    pub(super) async fn update_contact(&self) -> Result<(), OrderError> {
        match self.stored().await? {
            Some(stored) if stored.email.as_deref() != Some(self.email()) => {
                let silent = |_| OrderError::Unreachable(format!("no answer within {} s", PLACING.as_secs()));
                let account = self.account(&stored).await?;
                timeout(PLACING, self.tell_contact(stored, &account)).await.map_err(silent)?
            }
            _ => Ok(()),
        }
    }

    async fn tell_contact(&self, stored: StoredAccount, account: &Account) -> Result<(), OrderError> {
        let contact = self.contact();
        match account.update_contacts(&contact.iter().map(String::as_str).collect::<Vec<_>>()).await {
            // The next order makes a new one.
            Err(Error::Api(problem)) if is(&problem, "accountDoesNotExist") => return Ok(()),
            told => told.map_err(unplaced)?,
        }
        self.store(StoredAccount { email: Some(self.email().to_owned()), ..stored }).await?;
        tracing::info!(directory = self.config.directory, email = self.email(), "the certificate authority knows the new contact");
        Ok(())
    }

    /// Places an order with the account, which is made when it is missing: also when the authority does not know it any more.
    async fn place(&self, domain: &str) -> Result<Order, OrderError> {
        let identifiers = [Identifier::Dns(domain.to_owned())];
        if let Some(stored) = self.stored().await? {
            match self.account(&stored).await?.new_order(&NewOrder::new(&identifiers)).await {
                Err(Error::Api(problem)) if is(&problem, "accountDoesNotExist") => {}
                placed => return placed.map_err(unplaced),
            }
        }
        self.new_account().await?.new_order(&NewOrder::new(&identifiers)).await.map_err(unplaced)
    }

    async fn stored(&self) -> Result<Option<StoredAccount>, OrderError> {
        let stored = self.installation.acme_account(&self.config.directory).await.map_err(of_database)?;
        Ok(stored.and_then(|stored| StoredAccount::parse(&stored)))
    }

    async fn store(&self, account: StoredAccount) -> Result<(), OrderError> {
        let account = serde_json::to_vec(&account).map_err(|error| OrderError::Failed(error.to_string()))?;
        self.installation.put_acme_account(&self.config.directory, &account).await.map_err(of_database)
    }

    async fn account(&self, stored: &StoredAccount) -> Result<Account, OrderError> {
        let credentials = AccountCredentials::deserialize(&stored.credentials).map_err(|error| OrderError::Failed(error.to_string()))?;
        self.builder()?.from_credentials(credentials).await.map_err(unplaced)
    }

    async fn new_account(&self) -> Result<Account, OrderError> {
        let contact = self.contact();
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let account = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
        let made = self.builder()?.create(&account, self.config.directory.clone(), None).await;
        let (account, credentials) = made.map_err(unplaced)?;
        let credentials = serde_json::to_value(&credentials).map_err(|error| OrderError::Failed(error.to_string()))?;
        self.store(StoredAccount { credentials, email: Some(self.email().to_owned()) }).await?;
        tracing::info!(directory = self.config.directory, account = account.id(), "an account was made at the certificate authority");
        Ok(account)
    }

    /// The configured address, empty if there is none.
    fn email(&self) -> &str {
        self.config.email.as_deref().unwrap_or_default()
    }

    fn contact(&self) -> Vec<String> {
        self.config.email.iter().map(|email| format!("mailto:{email}")).collect()
    }

    fn builder(&self) -> Result<AccountBuilder, OrderError> {
        client(self.config).map_err(OrderError::Failed)
    }

    async fn complete(&self, order: &mut Order, domain: &str) -> Result<Vec<u8>, OrderError> {
        self.validate(order, domain).await?;
        let (key, request) = signing_request(domain).map_err(|error| OrderError::Failed(error.to_string()))?;
        order.finalize_csr(&request).await.map_err(failed)?;
        let chain = order.poll_certificate(&POLLING).await.map_err(failed)?;
        Ok(format!("{}\n{key}", chain.trim_end()).into_bytes())
    }

    /// Proves to the authority that this installation answers for the domain.
    async fn validate(&self, order: &mut Order, domain: &str) -> Result<(), OrderError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let authorization = authorization.map_err(failed)?;
            if authorization.status != AuthorizationStatus::Valid {
                self.prepare(authorization, domain).await?;
            }
        }
        match order.poll_ready(&POLLING).await {
            Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
            outcome => Err(match refusal(order).await {
                Some(problem) => failed(Error::Api(problem)),
                None => outcome.map_or_else(failed, |status| OrderError::Failed(format!("the order is {status:?}"))),
            }),
        }
    }

    /// Lets every server answer the challenge, and asks the authority to connect.
    async fn prepare(&self, mut authorization: AuthorizationHandle<'_>, domain: &str) -> Result<(), OrderError> {
        let missing = || OrderError::Failed("the certificate authority does not offer the challenge tls-alpn-01".to_owned());
        let mut challenge = authorization.challenge(ChallengeType::TlsAlpn01).ok_or_else(missing)?;
        let digest = <[u8; 32]>::try_from(challenge.key_authorization().digest().as_ref());
        let digest = digest.map_err(|_| OrderError::Failed("the digest of the challenge has not 32 bytes".to_owned()))?;
        self.installation.put_acme_challenge(domain, digest).await.map_err(of_database)?;
        challenge.set_ready().await.map_err(failed)
    }
}

/// Why the authority could not validate a domain.
async fn refusal(order: &mut Order) -> Option<Problem> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(state) = authorization.refresh().await
            && let Some(problem) = state.challenges.iter().find_map(|challenge| challenge.error.clone())
        {
            return Some(problem);
        }
    }
    None
}

/// A new key in PEM form, and a request to certify it for a domain.
fn signing_request(domain: &str) -> Result<(String, Vec<u8>), rcgen::Error> {
    let mut params = CertificateParams::new([domain.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    let key = KeyPair::generate()?;
    let request = params.serialize_request(&key)?;
    Ok((key.serialize_pem(), request.der().to_vec()))
}

fn client(config: &AcmeConfig) -> Result<AccountBuilder, String> {
    let builder = Client::builder().https_only(true).connect_timeout(CONNECTING).timeout(ANSWERING);
    let builder = match &config.ca_file {
        Some(path) => builder.tls_certs_only(authorities_in(path)?),
        None => builder,
    };
    let client = builder.build().map_err(|error| format!("certificates cannot be ordered: {}", explained(&error)))?;
    Ok(Account::builder_with_http(Box::new(Http { client, directory: config.directory.parse().ok() })))
}

fn authorities_in(path: &Path) -> Result<Vec<Certificate>, String> {
    let refuse = |why: String| format!("--acme-ca-file: '{}' cannot be used: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| refuse(explained(&error)))?;
    if authorities.is_empty() { Err(refuse("it holds no certificate".to_owned())) } else { Ok(authorities) }
}

/// What the ACME client sends requests by.
struct Http {
    client: Client,
    directory: Option<Uri>,
}

impl HttpClient for Http {
    fn request(&self, request: Request<BodyWrapper<Bytes>>) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let (client, is_directory) = (self.client.clone(), self.directory.as_ref() == Some(request.uri()));
        Box::pin(async move {
            let other = |error: reqwest::Error| Error::Other(Box::new(error));
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(Collected::to_bytes).unwrap_or_else(|never| match never {});
            let request = reqwest::Request::try_from(Request::from_parts(head, body)).map_err(other)?;
            let response: http::Response<reqwest::Body> = client.execute(request).await.map_err(other)?.into();
            let response = response.map(|body| Limited::new(body, LONGEST_ANSWER));
            if !is_directory {
                return Ok(BytesResponse::from(response));
            }
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(Error::Other)?.to_bytes();
            let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            directory::judge(head.status, media_type, &body).map_err(|unusable| Error::Other(Box::new(unusable)))?;
            if !head.status.is_success() {
                return Err(Error::Other(format!("the directory answers {}", head.status).into()));
            }
            Ok(BytesResponse::from(http::Response::from_parts(head, Full::new(body))))
        })
    }
}

/// Whether a problem is of a type of RFC 8555, section 6.7.
fn is(problem: &Problem, name: &str) -> bool {
    problem.r#type.as_deref().and_then(|kind| kind.strip_prefix("urn:ietf:params:acme:error:")) == Some(name)
}

/// The error of an order that may not have been placed.
fn unplaced(error: Error) -> OrderError {
    match error {
        Error::Api(_) => failed(error),
        error if is_unusable(&error) => OrderError::Unusable(explained(&error)),
        error => OrderError::Unreachable(explained(&error)),
    }
}

/// Whether something answered that is no authority, or not a trusted one.
fn is_unusable(error: &Error) -> bool {
    // Such an error stands for the one in it, which is not among its causes.
    let error: &(dyn StdError + 'static) = if let Error::Other(error) = error { error.as_ref() } else { error };
    is_tls_failure(error) || causes(error).any(|cause| cause.is::<Unusable>())
}

fn failed(error: Error) -> OrderError {
    match error {
        Error::Api(problem) if is(&problem, "rateLimited") => OrderError::RateLimited(shown(&problem)),
        Error::Api(problem) => OrderError::Failed(shown(&problem)),
        error => OrderError::Failed(explained(&error)),
    }
}

fn of_database(error: roadstead_registry::Error) -> OrderError {
    OrderError::Failed(error.to_string())
}

/// The texts of a problem and of its parts.
fn shown(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().unwrap_or("a problem without a type");
    let details = problem.detail.iter().chain(problem.subproblems.iter().filter_map(|part| part.detail.as_ref()));
    format!("{} ({kind})", details.map(String::as_str).collect::<Vec<_>>().join("; "))
}

/// An error with its causes, and what to do about it.
fn explained(error: &(dyn StdError + 'static)) -> String {
    let text = with_causes(error);
    let advice = [
        ("UnknownIssuer", ": name the authority's own certificate with --acme-ca-file"),
        ("No CA certificates", ", or name your authority's with --acme-ca-file"),
    ];
    match advice.iter().find(|(error, _)| text.contains(error)) {
        Some((_, advice)) => format!("{text}{advice}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::json;

    #[test]
    fn an_account_is_read_in_both_its_forms_and_what_is_none_is_made_anew() {
        let key = BASE64_URL_SAFE_NO_PAD.encode(KeyPair::generate().unwrap().serialize_der());
        let credentials = json!({ "id": "https://ca.example/account/1", "key_pkcs8": key, "directory": "https://ca.example/directory" });
        let parse = |stored: &serde_json::Value| {
            let account = StoredAccount::parse(stored.to_string().as_bytes())?;
            Some((account.credentials, account.email))
        };
        assert_eq!(parse(&credentials), Some((credentials.clone(), None)));
        let email = Some("harbour@example.org".to_owned());
        assert_eq!(parse(&json!({ "credentials": credentials, "email": email })), Some((credentials.clone(), email)));
        for unknown in
            [json!({}), json!("text"), json!({ "credentials": {}, "email": "" }), json!({ "id": "https://ca.example/account/1" })]
        {
            assert_eq!(parse(&unknown), None, "{unknown}");
        }
        assert!(StoredAccount::parse(b"no JSON").is_none());
    }
}
