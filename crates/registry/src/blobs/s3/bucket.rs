//! The bucket in which a store is, and how to reach it.

use super::connection::{self, Connector, Traffic};
use super::credentials::Credentials;
use crate::causes::with_causes;
use crate::error::{Error, Result};
use crate::places::S3Options;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{BackoffConfig, RetryConfig};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The region if none is set, as S3-compatible servers expect it.
const DEFAULT_REGION: &str = "us-east-1";

/// A prefix of a bucket.
pub(super) struct Bucket {
    pub(super) client: AmazonS3,
    /// For requests that `client` does not know.
    pub(super) http: HttpClient,
    pub(super) url: String,
    pub(super) region: String,
    /// The name of the bucket.
    name: String,
    /// What the names of all objects begin with: empty, or ending with a slash.
    prefix: String,
    pub(super) traffic: Arc<Traffic>,
}

impl Bucket {
    pub(super) fn new(options: &S3Options, credentials: &Credentials) -> Result<Self> {
        let name = options.bucket.clone();
        let prefix = if options.prefix.is_empty() { String::new() } else { format!("{}/", options.prefix) };
        let region = options.region.as_ref().or(credentials.region.as_ref()).map_or_else(|| DEFAULT_REGION.to_owned(), String::clone);
        let url = url(options.endpoint.as_deref().or(credentials.endpoint.as_deref()), &name, &region, options.path_style)?;
        let (connector, client_options) = (Connector::default(), connection::options(url.starts_with("http://")));
        let builder = AmazonS3Builder::new().with_bucket_name(&name).with_region(&region);
        let builder = credentials.settings.iter().fold(builder, |builder, (key, value)| builder.with_config(*key, value));
        let builder = builder.with_virtual_hosted_style_request(true).with_endpoint(&url).with_unsigned_payload(true).with_retry(retries());
        // Every server knows the request that deletes one object, and no more is deleted at a time.
        let builder = builder.with_disable_bulk_delete(true);
        let builder = builder.with_client_options(client_options.clone()).with_http_connector(connector.clone());
        let refused =
            |error: object_store::Error| Error::Internal(format!("the bucket '{name}' at {url} cannot be used: {}", with_causes(&error)));
        let (client, http) = (builder.build().map_err(refused)?, connector.connect(&client_options).map_err(refused)?);
        Ok(Self { client, http, url, region, name, prefix, traffic: connector.0 })
    }

    /// The object of this name below the prefix.
    pub(super) fn path(&self, name: &str) -> Path {
        Path::from(self.raw(name))
    }

    /// A name or the beginning of names below the prefix, as the server knows it.
    pub(super) fn raw(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Returns the name below the prefix.
    pub(super) fn relative<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.prefix)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bucket '{}' at {}", self.name, self.url)
    }
}

/// Six attempts within about five seconds, and none after twelve: the caller's client waits.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(3), base: 2.0 };
    RetryConfig { backoff, max_retries: 6, retry_timeout: Duration::from_secs(12) }
}

/// Returns the URL of a bucket.
fn url(endpoint: Option<&str>, bucket: &str, region: &str, path_style: bool) -> Result<String> {
    let endpoint = endpoint.map_or_else(|| format!("https://s3.{region}.amazonaws.com"), str::to_owned);
    let endpoint = endpoint.trim_end_matches('/');
    let parts = endpoint.split_once("://").filter(|(scheme, host)| ["http", "https"].contains(scheme) && !host.is_empty());
    match parts {
        None => Err(Error::Internal(format!("the endpoint '{endpoint}' is not a URL that begins with http:// or https://"))),
        Some(_) if path_style => Ok(format!("{endpoint}/{bucket}")),
        Some((scheme, host)) => Ok(format!("{scheme}://{bucket}.{host}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_a_bucket_is_that_of_its_region_or_endpoint_in_either_style() {
        for (endpoint, path_style, expected) in [
            (None, false, "https://b.s3.eu-central-1.amazonaws.com"),
            (None, true, "https://s3.eu-central-1.amazonaws.com/b"),
            (Some("http://127.0.0.1:7070/"), true, "http://127.0.0.1:7070/b"),
            (Some("https://objects.example"), false, "https://b.objects.example"),
        ] {
            assert_eq!(url(endpoint, "b", "eu-central-1", path_style).expect("a URL"), expected);
        }
        assert!(url(Some("127.0.0.1:7070"), "b", "r", true).is_err() && url(Some("ftp://host"), "b", "r", true).is_err());
    }
}
