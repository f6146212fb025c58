//! Another registry as a source of lost blobs and manifests.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use reqwest::header::{ACCEPT, WWW_AUTHENTICATE};
use reqwest::{Client, Response, StatusCode};
use roadstead_model::Digest;
use roadstead_registry::{Error, Result, SecondCopy};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::Mutex;

/// The media types of manifests that registries know.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, */*";
/// How long a registry may take to answer, and to send the next bytes.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest manifest, and the largest answer with a token, in bytes.
const LARGEST: usize = 4 << 20;

/// A repository of another registry, which is read without a login.
pub(super) struct OtherRegistry {
    client: Client,
    /// The scheme and the host.
    origin: String,
    repository: String,
    /// The token that the registry has issued.
    token: Mutex<Option<String>>,
}

impl OtherRegistry {
    /// The repository at a URL such as `https://registry.example/team/app`. `None` if the text is not an HTTP URL.
    pub(super) fn named(url: &str) -> Option<std::result::Result<Self, String>> {
        let scheme = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme))?;
        Some(match url[scheme.len()..].split_once('/') {
            Some((host, repository)) if !host.is_empty() && !repository.trim_matches('/').is_empty() => {
                let client = Client::builder().connect_timeout(PATIENCE).read_timeout(PATIENCE).user_agent("roadstead").build();
                let (origin, repository) = (format!("{scheme}{host}"), repository.trim_matches('/').to_owned());
                let client = client.map_err(|error| format!("--from: cannot use HTTPS: {error}"));
                client.map(|client| Self { client, origin, repository, token: Mutex::default() })
            }
            _ => Err(format!("--from: '{url}' names no repository: write {scheme}registry/repository")),
        })
    }

    /// Requests something of the repository; `None` if it is not there.
    async fn get(&self, what: &str, digest: &Digest) -> Result<Option<Response>> {
        let url = format!("{}/v2/{}/{what}/{digest}", self.origin, self.repository);
        let mut response = self.send(&url).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).and_then(Challenge::parse);
            let challenge = challenge.ok_or_else(|| self.refused("needs a login, which this command does not have"))?;
            *self.token.lock().await = Some(self.fetch_token(&challenge).await?);
            response = self.send(&url).await?;
        }
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(self.refused(&format!("answered {status}"))),
        }
    }

    async fn send(&self, url: &str) -> Result<Response> {
        let request = self.client.get(url).header(ACCEPT, MANIFESTS);
        let request = match &*self.token.lock().await {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.map_err(|error| self.failed(&error))
    }

    /// Gets a token for anonymous pulls (distribution specification, "Token Authentication").
    async fn fetch_token(&self, challenge: &Challenge) -> Result<String> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(alias = "access_token")]
            token: String,
        }
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(challenge.service.iter().map(|service| ("service", service.clone())))
            .append_pair("scope", &format!("repository:{}:pull", self.repository))
            .finish();
        let url = format!("{}{}{query}", challenge.realm, if challenge.realm.contains('?') { '&' } else { '?' });
        let response = self.client.get(url).send().await.map_err(|error| self.failed(&error))?;
        let bytes = self.bounded(response).await?;
        let answer: Answer = serde_json::from_slice(&bytes).map_err(|_| self.refused("issued no token for anonymous pulls"))?;
        Ok(answer.token)
    }

    /// The body of a response that is not large.
    async fn bounded(&self, response: Response) -> Result<Bytes> {
        let (mut body, mut bytes) = (response.bytes_stream(), Vec::new());
        while let Some(next) = body.next().await {
            bytes.extend_from_slice(&next.map_err(|error| self.failed(&error))?);
            if bytes.len() > LARGEST {
                return Err(self.refused("answered with too many bytes"));
            }
        }
        Ok(bytes.into())
    }

    fn refused(&self, what: &str) -> Error {
        Error::Refused(format!("{}/{} {what}", self.origin, self.repository))
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        self.refused(&format!("cannot be read: {error}"))
    }
}

#[async_trait]
impl SecondCopy for OtherRegistry {
    async fn blob(&self, digest: &Digest) -> Result<Option<BoxStream<'static, Result<Bytes>>>> {
        let Some(response) = self.get("blobs", digest).await? else { return Ok(None) };
        let bytes =
            response.bytes_stream().map(|bytes| bytes.map_err(|error| Error::Refused(format!("the download ended early: {error}"))));
        Ok(Some(bytes.boxed()))
    }

    async fn manifest(&self, digest: &Digest) -> Result<Option<Bytes>> {
        match self.get("manifests", digest).await? {
            Some(response) => self.bounded(response).await.map(Some),
            None => Ok(None),
        }
    }
}

/// What a registry asks for before it answers.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
}

impl Challenge {
    /// Parses `Bearer realm="…",service="…"`.
    fn parse(header: &str) -> Option<Self> {
        let (scheme, parameters) = header.split_once(' ')?;
        let value = |name: &str| {
            let (_, rest) = parameters.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        let realm = value("realm").filter(|realm| realm.starts_with("https://") || realm.starts_with("http://"))?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Self { realm, service: value("service") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_by_its_url() {
        let repository = |url| OtherRegistry::named(url).map(|named| named.map(|other| (other.origin, other.repository)));
        let named = repository("https://registry.example:8443/team/app/");
        assert_eq!(named, Some(Ok(("https://registry.example:8443".to_owned(), "team/app".to_owned()))));
        for refused in ["https://registry.example", "https:///app", "http://registry.example/"] {
            assert!(repository(refused).is_some_and(|named| named.is_err()), "{refused}");
        }
        assert_eq!(repository("/backups"), None);
        assert_eq!(repository("s3://bucket/backups"), None);
    }

    #[test]
    fn only_challenges_for_tokens_are_answered() {
        let challenge = Challenge::parse(r#"Bearer realm="https://auth.example/token",service="registry.example",scope="x""#);
        let expected = Challenge { realm: "https://auth.example/token".to_owned(), service: Some("registry.example".to_owned()) };
        assert_eq!(challenge, Some(expected));
        assert_eq!(Challenge::parse(r#"Basic realm="https://registry.example""#), None);
        assert_eq!(Challenge::parse(r#"Bearer realm="file:///etc/passwd""#), None);
        assert_eq!(Challenge::parse("Bearer"), None);
    }
}
