//! A registry to push to, and images of a few bytes.

use super::{Answer, Server};
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// A server with the alias `pier`, and a login to it.
pub(crate) struct Harbour {
    pub(crate) server: Server,
    pub(crate) login: String,
}

impl Harbour {
    /// A server with the repository `pier/app`.
    pub(crate) fn new() -> Self {
        let harbour = Self::on(Server::start(&["--alias", "pier"]));
        harbour.create("app");
        harbour
    }

    pub(crate) fn on(server: Server) -> Self {
        let login = server.login(&server.credentials());
        Self { server, login }
    }

    pub(crate) fn create(&self, name: &str) {
        assert_eq!(self.server.aws("CreateRepository", &json!({ "repositoryName": name })).status, 200);
    }

    /// Sends a request with the login.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = [&[("authorization", self.login.as_str())], headers].concat();
        self.server.send(method, path, &headers, body)
    }

    /// Gets a path anonymously, with one header.
    pub(crate) fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        self.server.send("GET", path, &[(name, value)], b"")
    }

    pub(crate) fn push_blob(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let answer = self.send("POST", &format!("/v2/pier/{repository}/blobs/uploads/?digest={digest}"), &[], bytes);
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    /// Starts an upload in `pier/app`, and returns its location.
    pub(crate) fn start_upload(&self) -> String {
        let answer = self.send("POST", "/v2/pier/app/blobs/uploads/", &[], b"");
        assert_eq!((answer.status, answer.header("range")), (202, Some("0-0")), "{answer:?}");
        let location = answer.header("location").unwrap().to_owned();
        assert!(location.ends_with(answer.header("docker-upload-uuid").unwrap()));
        location
    }

    /// An image of one layer, whose config contains `text`, so that each text gives another image. Pushes its blobs.
    pub(crate) fn image(&self, text: &str, subject: Option<&str>) -> Vec<u8> {
        let config = json!({ "text": text }).to_string();
        let layer = b"a layer";
        self.push_blob("app", config.as_bytes());
        self.push_blob("app", layer);
        let mut image = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "artifactType": format!("application/x.{text}+json"),
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config.as_bytes()), "size": config.len() },
            "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(layer), "size": layer.len() }],
        });
        if let Some(subject) = subject {
            image["subject"] = json!({ "mediaType": IMAGE, "digest": subject, "size": 2 });
        }
        image.to_string().into_bytes()
    }

    pub(crate) fn put(&self, reference: &str, headers: &[(&str, &str)], manifest: &[u8]) -> Answer {
        let headers = [&[("content-type", IMAGE)], headers].concat();
        self.send("PUT", &format!("/v2/pier/app/manifests/{reference}"), &headers, manifest)
    }

    pub(crate) fn digest_of(&self, tag: &str) -> Option<String> {
        let answer = self.server.send("HEAD", &format!("/v2/pier/app/manifests/{tag}"), &[], b"");
        answer.header("docker-content-digest").map(str::to_owned)
    }
}
