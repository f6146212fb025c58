//! The requests about multipart uploads that the client does not know: list them, list their parts, and complete one whose parts have
//! gaps between their numbers.

use super::bucket::Bucket;
use super::state::Part;
use crate::jitter;
use bytes::Bytes;
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpRequest, HttpResponse};
use object_store::{Error, Result};
use roadstead_model::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// The number of attempts at a request.
const ATTEMPTS: u32 = 6;

/// The maximum size of a response in bytes: a page has a thousand entries.
const RESPONSE: usize = 4 << 20;

/// How long the body of a response may take.
const BODY: Duration = Duration::from_secs(10);

/// A multipart upload that is not completed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Unfinished {
    pub(super) key: String,
    pub(super) upload_id: String,
    #[serde(deserialize_with = "time")]
    pub(super) initiated: Timestamp,
}

/// A page of [`Unfinished`] uploads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UnfinishedPage {
    #[serde(default, rename = "Upload")]
    pub(super) uploads: Vec<Unfinished>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
}

/// Where the next page begins: a key, and the id of an upload.
pub(super) type Marker = (String, String);

impl UnfinishedPage {
    pub(super) fn next(&self) -> Option<Marker> {
        self.is_truncated.then(|| (self.next_key_marker.clone(), self.next_upload_id_marker.clone()))
    }
}

/// A part as the server has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StoredPart {
    #[serde(rename = "PartNumber")]
    pub(super) number: u32,
    #[serde(deserialize_with = "time")]
    pub(super) last_modified: Timestamp,
    pub(super) size: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PartsPage {
    #[serde(default, rename = "Part")]
    parts: Vec<StoredPart>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_part_number_marker: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename = "CompleteMultipartUpload")]
struct Completion<'a> {
    #[serde(rename = "Part")]
    parts: Vec<CompletedPart<'a>>,
}

#[derive(Debug, Serialize)]
struct CompletedPart<'a> {
    #[serde(rename = "PartNumber")]
    number: u32,
    #[serde(rename = "ETag")]
    etag: &'a str,
}

impl Bucket {
    /// Lists multipart uploads of objects whose names begin with `prefix`.
    pub(super) async fn unfinished(&self, prefix: &str, after: Option<&Marker>) -> Result<UnfinishedPage> {
        let prefix = self.raw(prefix);
        let mut query = vec![("uploads", ""), ("prefix", &*prefix)];
        if let Some((key, id)) = after {
            query.extend([("key-marker", &**key), ("upload-id-marker", &**id)]);
        }
        parse(&self.send("GET", "", &query, Bytes::new()).await?)
    }

    /// Lists the parts of a multipart upload.
    pub(super) async fn parts(&self, key: &str, id: &str) -> Result<Vec<StoredPart>> {
        let (mut parts, mut marker) = (Vec::new(), String::from("0"));
        loop {
            let page: PartsPage = parse(&self.send("GET", key, &[("uploadId", id), ("part-number-marker", &marker)], Bytes::new()).await?)?;
            parts.extend(page.parts);
            if !page.is_truncated {
                return Ok(parts);
            }
            marker = page.next_part_number_marker.to_string();
        }
    }

    /// Makes an object from parts, in their order.
    pub(super) async fn complete(&self, key: &str, id: &str, parts: &[Part]) -> Result<()> {
        let parts = parts.iter().map(|Part(number, etag, _)| CompletedPart { number: *number, etag }).collect();
        let body = quick_xml::se::to_string(&Completion { parts }).map_err(invalid)?;
        self.send("POST", key, &[("uploadId", id)], body.into()).await.map(drop)
    }

    async fn send(&self, method: &str, name: &str, query: &[(&str, &str)], body: Bytes) -> Result<Bytes> {
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let path = if name.is_empty() { String::new() } else { format!("/{}", self.raw(name)) };
        let url = format!("{}{path}?{}", self.url, query.join("&"));
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(method, &url, body.clone()).await {
                Ok((status, body)) if (200..300).contains(&status) && !is_failure(&body) => return Ok(body),
                Ok((404, body)) => return Err(Error::NotFound { path: name.to_owned(), source: text(&body).into() }),
                Ok((403, body)) => return Err(Error::PermissionDenied { path: name.to_owned(), source: text(&body).into() }),
                Ok((status, body)) => {
                    let error = invalid(format!("status {status}: {}", text(&body)));
                    if !is_temporary(status) {
                        return Err(error);
                    }
                    error
                }
                Err(error) => error,
            };
            if attempt == ATTEMPTS {
                return Err(failure);
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, method: &str, url: &str, body: Bytes) -> Result<(u16, Bytes)> {
        let credential = self.client.credentials().get_credential().await?;
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = method.parse().map_err(invalid)?;
        *request.uri_mut() = url.parse().map_err(invalid)?;
        AwsAuthorizer::new(&credential, "s3", &self.region).with_sign_payload(false).try_authorize(&mut request, None)?;
        let response = self.http.execute(request).await.map_err(invalid)?;
        let status = response.status().as_u16();
        let body = tokio::time::timeout(BODY, body_of(response)).await.map_err(invalid)??;
        Ok((status, body))
    }
}

async fn body_of(response: HttpResponse) -> Result<Bytes> {
    use futures_util::StreamExt;
    let (mut stream, mut body) = (response.into_body().bytes_stream(), Vec::new());
    while let Some(bytes) = stream.next().await {
        body.extend_from_slice(&bytes.map_err(invalid)?);
        if body.len() > RESPONSE {
            return Err(invalid("the response is too large"));
        }
    }
    Ok(body.into())
}

/// Waits before the next attempt, a random time that grows.
pub(super) async fn pause(attempt: u32) {
    tokio::time::sleep(jitter::up_to(100 << attempt.min(5))).await;
}

/// Whether a request with this response may succeed if it is sent again. 200 is that of a failed completion.
const fn is_temporary(status: u16) -> bool {
    matches!(status, 200 | 408 | 429 | 500..)
}

/// S3 begins the response to a completion before it knows how it ends.
fn is_failure(body: &[u8]) -> bool {
    text(body).contains("<Error>")
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(1000)]).into_owned()
}

fn parse<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T> {
    quick_xml::de::from_reader(body).map_err(invalid)
}

pub(super) fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "S3", source: error.into() }
}

/// Encodes a value of a query.
fn encoded(value: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
    Ok(Timestamp::from_micros(time.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_completions_written_as_s3_has_them() {
        let page: UnfinishedPage = parse(
            b"<?xml version='1.0'?><ListMultipartUploadsResult xmlns='x'><Bucket>b</Bucket><NextKeyMarker>k</NextKeyMarker>\
            <NextUploadIdMarker>i</NextUploadIdMarker><IsTruncated>true</IsTruncated><Upload><Key>a/b</Key><UploadId>1+2=</UploadId>\
            <Initiated>2026-11-26T10:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>",
        )
        .expect("a page");
        assert_eq!(page.next(), Some(("k".to_owned(), "i".to_owned())));
        let [Unfinished { key, upload_id, initiated }] = &page.uploads[..] else { panic!("one") };
        assert_eq!((&**key, &**upload_id, initiated.to_rfc3339()), ("a/b", "1+2=", "2026-11-26T10:00:00.000Z".to_owned()));
        let empty: PartsPage = parse(b"<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>").expect("a page");
        assert!(empty.parts.is_empty());
        let completion = Completion { parts: vec![CompletedPart { number: 17, etag: "\"e\"" }] };
        let expected = "<CompleteMultipartUpload><Part><PartNumber>17</PartNumber><ETag>\"e\"</ETag></Part></CompleteMultipartUpload>";
        assert_eq!(quick_xml::se::to_string(&completion).expect("XML").replace("&quot;", "\""), expected);
    }

    #[test]
    fn values_of_a_query_are_encoded() {
        assert_eq!(encoded("a/b c+=~ä"), "a%2Fb%20c%2B%3D~%C3%A4");
    }
}
