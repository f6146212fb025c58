//! A client that pushes images over one connection. Several of them can push concurrently.

use super::{Answer, Connection, Harbour, IMAGE, sha256};
use serde_json::json;

/// An image and its blobs.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

impl Image {
    /// An image of these layers. The config contains `text`, so that each text gives another image.
    pub(crate) fn new(text: &str, layers: &[String]) -> Self {
        let config = json!({ "text": text }).to_string();
        let descriptor =
            |media_type: &str, bytes: &str| json!({ "mediaType": media_type, "digest": sha256(bytes.as_bytes()), "size": bytes.len() });
        let listed: Vec<_> = layers.iter().map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": IMAGE, "layers": listed,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        });
        let blobs = std::iter::once(&config).chain(layers).map(|text| text.clone().into_bytes()).collect();
        Self { manifest: manifest.to_string().into_bytes(), blobs }
    }

    pub(crate) fn digest(&self) -> String {
        sha256(&self.manifest)
    }
}

pub(crate) struct Pusher {
    connection: Connection,
    login: String,
    repository: String,
    looks_signed_in: bool,
}

impl Pusher {
    /// A client of a repository under the alias `pier`.
    pub(crate) fn of(harbour: &Harbour, repository: &str) -> Self {
        Self {
            connection: Connection::to(harbour.server.address()),
            login: harbour.login.clone(),
            repository: format!("pier/{repository}"),
            looks_signed_in: true,
        }
    }

    /// Sends HEAD requests anonymously, like clients that authenticate only when challenged.
    pub(crate) fn looking_anonymously(self) -> Self {
        Self { looks_signed_in: false, ..self }
    }

    /// Sends a request to an endpoint of the repository. Fails if the answer is a server error.
    pub(crate) fn send(&mut self, method: &str, endpoint: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let login = if method == "HEAD" && !self.looks_signed_in { "" } else { self.login.as_str() };
        let headers = [&[("authorization", login)], headers].concat();
        let answer = self.connection.send(method, &format!("/v2/{}/{endpoint}", self.repository), &headers, body);
        assert!(answer.status < 500, "{method} {endpoint}: {answer:?}");
        answer
    }

    /// Pushes the missing blobs, as docker does, and the manifest. Returns the answer to the manifest.
    pub(crate) fn push(&mut self, image: &Image, reference: &str) -> Answer {
        for blob in &image.blobs {
            let digest = sha256(blob);
            if self.send("HEAD", &format!("blobs/{digest}"), &[], b"").status == 404 {
                let pushed = self.send("POST", &format!("blobs/uploads/?digest={digest}"), &[], blob);
                assert_eq!(pushed.status, 201, "{pushed:?}");
            }
        }
        self.send("PUT", &format!("manifests/{reference}"), &[("content-type", IMAGE)], &image.manifest)
    }

    /// Pulls an image by tag or digest. Fails unless every byte is there.
    pub(crate) fn assert_whole(&mut self, image: &Image, reference: &str) {
        let manifest = self.send("GET", &format!("manifests/{reference}"), &[], b"");
        assert_eq!((manifest.status, &manifest.body), (200, &image.manifest), "{reference}");
        for blob in &image.blobs {
            let pulled = self.send("GET", &format!("blobs/{}", sha256(blob)), &[], b"");
            assert_eq!((pulled.status, &pulled.body), (200, blob), "{reference}");
        }
    }
}
