//! Creates the content that shapes need; content of earlier shapes is reused.

use crate::client::{Client, Request};
use crate::failure::{Result, failure};
use crate::login;
use crate::payload::Blob;
use crate::shape::UploadMode;
use crate::target::{Kind, Target};
use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use http::Method;
use serde_json::{Value, json};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The number of connections that fill a repository in parallel.
const FILLERS: usize = 8;
/// Tags per push; with more, clients would reject the size of the response's head.
const TAGS_PER_PUSH: u64 = 80;

/// A repository on a target.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    authority: String,
    /// Includes the registry's prefix.
    pub(crate) name: String,
    authorization: Option<String>,
    /// If set, blobs are written below this directory instead of being pushed.
    folder: Option<std::path::PathBuf>,
}

/// The name of a tag created by [`Repository::fill_tags`].
pub(crate) fn tag(number: u64) -> String {
    format!("v{number:08}")
}

impl Repository {
    pub(crate) async fn open(target: &Target, name: &str) -> Result<Self> {
        let name = target.repository(name);
        let (authorization, folder) = match &target.kind {
            Kind::Registry => (login::authorization(target, &name).await?, None),
            Kind::Files(folder) => (None, Some(folder.clone())),
            Kind::Fixed => (None, None),
        };
        Ok(Self { authority: target.authority.clone(), name, authorization, folder })
    }

    /// A repository below this one, reached with the same authorization.
    pub(crate) fn below(&self, name: &str) -> Self {
        Self { name: format!("{}/{name}", self.name), ..self.clone() }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.authority)
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.name)
    }

    /// A request with the repository's authorization.
    fn request(&self, method: Method, path: impl Into<String>) -> Request {
        let request = Request::new(method, path);
        match &self.authorization {
            Some(value) => request.with("authorization", value),
            None => request,
        }
    }

    /// Uploads a blob and returns the number of bytes sent.
    pub(crate) async fn push_blob(&self, client: &mut Client, blob: &Blob, mode: UploadMode) -> Result<u64> {
        if let Some(folder) = &self.folder {
            self.write_blob(folder, blob).await?;
            return Ok(blob.size);
        }
        let begin = self.request(Method::POST, self.path("blobs/uploads/")).expect(&[202]);
        let mut location = location(client.send(begin).await?.header("location"))?;
        let step = match mode {
            UploadMode::Put => 0,
            UploadMode::Patch => blob.size,
            UploadMode::Chunked { chunk } => chunk,
        };
        let mut sent = 0;
        while step > 0 && sent < blob.size {
            let length = step.min(blob.size - sent);
            let patch = self.request(Method::PATCH, &location).expect(&[202]);
            let patch = patch.with("content-type", "application/octet-stream").body(blob.part(sent, length));
            let range = format!("{sent}-{}", sent + length - 1);
            let patch = if matches!(mode, UploadMode::Chunked { .. }) { patch.with("content-range", &range) } else { patch };
            location = self::location(client.send(patch).await?.header("location"))?;
            sent += length;
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let end = self.request(Method::PUT, format!("{location}{separator}digest={}", blob.digest)).expect(&[201]);
        let rest = blob.part(sent, blob.size - sent);
        client.send(end.with("content-type", "application/octet-stream").body(rest)).await?;
        Ok(blob.size)
    }

    async fn write_blob(&self, folder: &std::path::Path, blob: &Blob) -> Result<()> {
        let path = folder.join(self.path(&format!("blobs/{}", blob.digest)).trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let content = http_body_util::BodyExt::collect(blob.payload()).await?.to_bytes();
        Ok(std::fs::write(path, content)?)
    }

    pub(crate) async fn push_manifest(&self, client: &mut Client, reference: &str, media_type: &str, manifest: &Value) -> Result<()> {
        client.send(self.manifest_push(reference, media_type, manifest).expect(&[201])).await.map(drop)
    }

    fn manifest_push(&self, reference: &str, media_type: &str, manifest: &Value) -> Request {
        let request = self.request(Method::PUT, self.path(&format!("manifests/{reference}")));
        request.with("content-type", media_type).body(manifest.to_string())
    }

    /// Pushes an image of one layer under a tag: five requests.
    pub(crate) async fn push_image(&self, client: &mut Client, tag: &str, layer: &Blob, mode: UploadMode) -> Result<u64> {
        // Each image has its own config, as real builds do.
        let config = Blob::of(json!({ "architecture": "amd64", "os": "linux", "layer": layer.digest }).to_string().into());
        let bytes = self.push_blob(client, layer, mode).await? + self.push_blob(client, &config, UploadMode::Put).await?;
        self.push_manifest(client, tag, MANIFEST, &manifest(&config, &[layer])).await?;
        Ok(bytes)
    }

    async fn has(&self, reference: &str) -> Result<bool> {
        let request = self.request(Method::HEAD, self.path(&format!("manifests/{reference}")));
        Ok(self.client().send(request.with("accept", MANIFEST).expect(&[200, 404])).await?.status == 200)
    }

    /// Ensures that the repository has `count` tags, [`TAGS_PER_PUSH`] to an image.
    pub(crate) async fn fill_tags(&self, count: u64) -> Result<()> {
        if count == 0 || self.has(&tag(count - 1)).await? {
            return Ok(());
        }
        let empty = Blob::of(Bytes::from_static(b"{}"));
        self.push_blob(&mut self.client(), &empty, UploadMode::Put).await?;
        let empty = &empty;
        in_parallel(count.div_ceil(TAGS_PER_PUSH), |number| async move {
            let mut manifest = manifest(empty, &[]);
            manifest["annotations"] = json!({ "number": number.to_string() });
            let first = number * TAGS_PER_PUSH;
            self.push_tags(&manifest, first, (first + TAGS_PER_PUSH).min(count)).await
        })
        .await
    }

    /// Sends one request if the registry accepts several `?tag=` (OCI distribution specification 1.2), otherwise one per tag.
    async fn push_tags(&self, manifest: &Value, first: u64, end: u64) -> Result<()> {
        let mut client = self.client();
        let digest = Blob::of(manifest.to_string().into()).digest;
        let query: Vec<String> = (first..end).map(|number| format!("tag={}", tag(number))).collect();
        let reference = format!("{digest}?{}", query.join("&"));
        let all = client.send(self.manifest_push(&reference, MANIFEST, manifest).expect(&[201, 414])).await?;
        if all.status == 201 && self.has(&tag(first)).await? {
            return Ok(());
        }
        for number in first..end {
            self.push_manifest(&mut client, &tag(number), MANIFEST, manifest).await?;
        }
        Ok(())
    }

    /// Ensures that the repository has `count` manifests, every tenth of which refers to one subject. Returns the subject's digest.
    pub(crate) async fn fill_referrers(&self, count: u64) -> Result<String> {
        let empty = Blob::of(Bytes::from_static(b"{}"));
        let subject = manifest(&empty, &[]);
        let digest = Blob::of(subject.to_string().into()).digest;
        if self.has("filled").await? {
            return Ok(digest);
        }
        let mut client = self.client();
        self.push_blob(&mut client, &empty, UploadMode::Put).await?;
        self.push_manifest(&mut client, &digest, MANIFEST, &subject).await?;
        let (empty, reference) = (&empty, &json!({ "mediaType": MANIFEST, "digest": digest, "size": subject.to_string().len() }));
        in_parallel(count, |number| async move {
            let mut manifest = manifest(empty, &[empty]);
            manifest["artifactType"] = json!("application/vnd.example.signature");
            manifest["annotations"] = json!({ "number": number.to_string() });
            if number % 10 == 0 {
                manifest["subject"] = reference.clone();
            }
            let digest = Blob::of(manifest.to_string().into()).digest;
            self.push_manifest(&mut self.client(), &digest, MANIFEST, &manifest).await
        })
        .await?;
        self.push_manifest(&mut client, "filled", MANIFEST, &subject).await?;
        Ok(digest)
    }

    /// Ensures that `count` repositories exist below this one.
    pub(crate) async fn fill_repositories(&self, count: u64) -> Result<()> {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
        if self.below(&tag(count - 1)).has("latest").await? {
            return Ok(());
        }
        let index = &index;
        in_parallel(count, |number| async move {
            let repository = self.below(&tag(number));
            repository.push_manifest(&mut repository.client(), "latest", INDEX, index).await
        })
        .await
    }
}

fn manifest(config: &Blob, layers: &[&Blob]) -> Value {
    let layers: Vec<Value> = layers.iter().map(|layer| json!({ "mediaType": LAYER, "digest": layer.digest, "size": layer.size })).collect();
    let config = json!({ "mediaType": CONFIG, "digest": config.digest, "size": config.size });
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers })
}

/// The path and query of a `Location`, which may be absolute.
fn location(text: &str) -> Result<String> {
    let path = match text.split_once("://") {
        None => text,
        Some((_, rest)) => &rest[rest.find('/').unwrap_or(rest.len())..],
    };
    if path.starts_with('/') { Ok(path.to_owned()) } else { Err(failure!("the Location '{text}' has no path")) }
}

/// Calls `work` for every number below `count`, [`FILLERS`] at a time.
async fn in_parallel<F: Future<Output = Result<()>>>(count: u64, work: impl Fn(u64) -> F) -> Result<()> {
    stream::iter((0..count).map(Ok)).try_for_each_concurrent(FILLERS, work).await
}
