//! A server and a client that signs requests to its AWS door.

use crate::support::{Answer, Connection, Credentials, Server, sign};
use serde_json::{Value, json};

pub(super) const OWN: &str = "123456789012";

/// The headers of a request.
pub(super) type Headers = Vec<(&'static str, String)>;

/// A server of the account [`OWN`], and the key that requests are signed with: initially the root's.
pub(super) struct Door {
    pub(super) server: Server,
    pub(super) key: Credentials,
    pub(super) region: &'static str,
}

impl Door {
    pub(super) fn open() -> Self {
        Self::with(&[])
    }

    pub(super) fn with(flags: &[&str]) -> Self {
        let server = Server::start(&[&["--account-id", OWN, "--alias", "alias"], flags].concat());
        Self { key: server.credentials(), server, region: "us-east-1" }
    }

    /// A door with the repository `team/app`.
    pub(super) fn with_repository() -> Self {
        let door = Self::open();
        door.ok("CreateRepository", json!({"repositoryName": "team/app"}));
        door
    }

    /// Signs and sends `body` to `operation`.
    pub(super) fn send(&self, operation: &str, body: &str) -> (u16, Value) {
        self.send_with(&self.signed(operation, body), body)
    }

    pub(super) fn send_with(&self, headers: &Headers, body: &str) -> (u16, Value) {
        let answer = self.answer(headers, body);
        assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
        (answer.status, answer.json())
    }

    pub(super) fn answer(&self, headers: &Headers, body: &str) -> Answer {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = self.server.send("POST", "/", &headers, body.as_bytes());
        assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(36));
        answer
    }

    /// The status of a request with this `User-Agent`, which need not be UTF-8.
    pub(super) fn status_with_agent(&self, operation: &str, body: &str, agent: &[u8]) -> u16 {
        let mut head = b"POST / HTTP/1.1\r\n".to_vec();
        for (name, value) in self.signed(operation, body) {
            head.extend(format!("{name}: {value}\r\n").bytes());
        }
        head.extend([b"user-agent: ", agent, b"\r\n"].concat());
        head.extend(format!("content-length: {}\r\n\r\n{body}", body.len()).bytes());
        let mut connection = Connection::to(self.server.address());
        connection.write(&head);
        connection.read("POST").status
    }

    /// Sends a request that must succeed, and returns the response.
    pub(super) fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.send(operation, &body.to_string());
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// Sends a request that must fail, and returns the exception and the message.
    pub(super) fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let (status, answer) = self.send(operation, &body.to_string());
        assert_eq!(status, 400, "{operation}: {answer}");
        let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
        (text("__type"), text("message"))
    }

    pub(super) fn signed(&self, operation: &str, body: &str) -> Headers {
        sign(unsigned(operation), &self.key, self.region, "ecr-public", body.as_bytes())
    }

    /// Puts an image without layers under `tag`, and returns its digest.
    pub(super) fn push(&self, repository: &str, tag: &str, note: &str) -> String {
        let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [],
            "annotations": {"note": note}});
        let body = json!({"repositoryName": repository, "imageManifest": manifest.to_string(), "imageTag": tag});
        self.ok("PutImage", body)["image"]["imageId"]["imageDigest"].as_str().unwrap().to_owned()
    }
}

/// The headers of an unsigned request.
pub(super) fn unsigned(operation: &str) -> Headers {
    vec![("host", "localhost:5000".to_owned()), ("x-amz-target", format!("SpencerFrontendService.{operation}"))]
}

/// A request body that is valid for every operation.
pub(super) fn valid_body() -> Value {
    json!({
        "repositoryName": "team/app", "layerDigests": ["sha256:ab"], "imageIds": [{"imageTag": "latest"}], "imageManifest": "{}",
        "uploadId": "01234567-89ab-cdef-0123-456789abcdef", "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "aGk=",
        "catalogData": {}, "policyText": "{}", "tags": [], "tagKeys": [],
        "resourceArn": "arn:aws:ecr-public::123456789012:repository/team/app",
    })
}
