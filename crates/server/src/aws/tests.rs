//! The whole door, from a signed request to the JSON of its answer, over a registry in a temporary folder.

use super::*;
use crate::config::{Config, Origin, Sources};
use crate::http::Trace;
use crate::signing::{self, Signer};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Full};
use roadstead_model::{Identity, RegistryAlias, RegistryId, RepositoryKey, RepositoryName, Tag, Timestamp};
use roadstead_registry::{Condition, Installation, ManifestPush, OpenOptions};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;

mod catalog_data;
mod permissions;
mod pushing;
mod sts;

const OWN: &str = "123456789012";
const SECRET: &str = "secret";

struct Door {
    server: Server,
    key: (String, String),
    region: &'static str,
    _data: tempfile::TempDir,
}

impl Door {
    async fn open() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let mut options = OpenOptions::new(data.path());
        options.account_id = RegistryId::parse(OWN).expect("an id");
        options.alias = Some(RegistryAlias::parse("alias").expect("an alias"));
        options.root_key = Some(("AKIAROOT".into(), SECRET.into()));
        let installation = Installation::open(options).await.expect("opens");
        let server = Server::new(installation, Config::from_sources(&Sources::default()).expect("defaults"));
        Self { server, key: ("AKIAROOT".into(), SECRET.into()), region: "us-east-1", _data: data }
    }

    /// Signs and sends `body` to `operation`.
    async fn send(&self, operation: &str, body: &str) -> (u16, Value) {
        let headers = self.signed(operation, body);
        self.send_with(headers, body).await
    }

    async fn send_with(&self, headers: HeaderMap, body: &str) -> (u16, Value) {
        let (head, bytes) = self.answer(headers, body).await;
        assert_eq!(head.headers[CONTENT_TYPE], "application/x-amz-json-1.1");
        (head.status.as_u16(), serde_json::from_slice(&bytes).expect("JSON"))
    }

    async fn answer(&self, headers: HeaderMap, body: &str) -> (http::response::Parts, Bytes) {
        let call = Call {
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers,
            origin: Origin { scheme: "http", authority: "localhost:5000".into() },
            secure: false,
            trace: Arc::new(Trace::new(Ipv4Addr::LOCALHOST.into(), "request-1".to_owned(), None, false)),
        };
        let (head, body) = answer(&self.server, &call, Full::new(Bytes::from(body.to_owned()))).await.into_parts();
        assert_eq!(head.headers["x-amzn-requestid"], "request-1");
        (head, body.collect().await.expect("a body").to_bytes())
    }

    /// The answer of a request that succeeds.
    async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.send(operation, &body.to_string()).await;
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// The exception and the message of a request that does not.
    async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let (status, answer) = self.send(operation, &body.to_string()).await;
        assert_eq!(status, 400, "{operation}: {answer}");
        let text = |member: &str| answer[member].as_str().unwrap_or_default().to_owned();
        (text("__type"), text("message"))
    }

    fn signed(&self, operation: &str, body: &str) -> HeaderMap {
        let mut headers = unsigned(operation);
        self.sign(&mut headers, "ecr-public", body);
        headers
    }

    /// Adds the time and a signature to `headers`.
    fn sign(&self, headers: &mut HeaderMap, service: &str, body: &str) {
        let time = jiff::Timestamp::from_second(self.server.installation.now().seconds()).expect("a time");
        let time = signing::amz_date(time);
        headers.insert("x-amz-date", time.parse().expect("a header value"));
        let signed: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
        let signer = Signer { key_id: &self.key.0, secret: &self.key.1, region: self.region, service, time: &time };
        let authorization = signer.authorization(&signed, &signing::sha256(body.as_bytes()));
        headers.insert("authorization", authorization.parse().expect("a header value"));
    }

    /// Puts an image that needs no layer under `tag`, and gives its digest.
    async fn push(&self, repository: &str, tag: &str, note: &str) -> String {
        let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [],
            "annotations": {"note": note}});
        let push = ManifestPush {
            bytes: manifest.to_string().into(),
            media_type: None,
            digest: None,
            tags: vec![Tag::parse(tag).expect("a tag")],
            condition: Condition::None,
            create_repository: false,
        };
        let own = RegistryId::parse(OWN).expect("an id");
        let repository = RepositoryKey::new(own, RepositoryName::parse(repository).expect("a name"));
        self.server.installation.put_manifest(&repository, push).await.expect("put").digest.to_string()
    }
}

/// The headers of a request that nobody has signed.
fn unsigned(operation: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("localhost:5000"));
    let target = format!("{}{operation}", aws::TARGET_PREFIX);
    headers.insert("x-amz-target", target.parse().expect("a header value"));
    headers
}

/// A request body that the shape of any operation accepts.
fn valid_body() -> Value {
    json!({
        "repositoryName": "team/app", "layerDigests": ["sha256:ab"], "imageIds": [{"imageTag": "latest"}], "imageManifest": "{}",
        "uploadId": "01234567-89ab-cdef-0123-456789abcdef", "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "aGk=",
        "catalogData": {}, "policyText": "{}", "tags": [], "tagKeys": [],
        "resourceArn": "arn:aws:ecr-public::123456789012:repository/team/app",
    })
}

#[tokio::test]
async fn a_repository_is_created_described_and_deleted() {
    let door = Door::open().await;
    let created = door.ok("CreateRepository", json!({"repositoryName": "team/app", "catalogData": {}, "tags": []})).await;
    let repository = &created["repository"];
    assert_eq!(created["catalogData"], json!({}));
    assert_eq!(repository["repositoryArn"], "arn:aws:ecr-public::123456789012:repository/team/app");
    assert_eq!(repository["repositoryUri"], "localhost:5000/alias/team/app");
    assert_eq!((&repository["registryId"], &repository["repositoryName"]), (&json!(OWN), &json!("team/app")));
    assert!(repository["createdAt"].is_number());
    let again = door.refused("CreateRepository", json!({"repositoryName": "team/app"})).await;
    assert_eq!(again.0, "RepositoryAlreadyExistsException");
    let described = door.ok("DescribeRepositories", json!({"repositoryNames": ["team/app"], "registryId": OWN})).await;
    assert_eq!(described, json!({"repositories": [repository]}));
    let deleted = door.ok("DeleteRepository", json!({"repositoryName": "team/app"})).await;
    assert_eq!(&deleted["repository"], repository);
    let message = "The repository with name 'team/app' does not exist in the registry with id '123456789012'";
    let gone = ("RepositoryNotFoundException".to_owned(), message.to_owned());
    assert_eq!(door.refused("DescribeRepositories", json!({"repositoryNames": ["team/app"]})).await, gone);
    assert_eq!(door.refused("DeleteRepository", json!({"repositoryName": "team/app"})).await, gone);
}

#[tokio::test]
async fn a_listing_is_paged_by_tokens_that_fit_no_other_listing() {
    let door = Door::open().await;
    for name in ["app-a", "app-b", "app-c"] {
        door.ok("CreateRepository", json!({"repositoryName": name})).await;
    }
    let first = door.ok("DescribeRepositories", json!({"maxResults": 2})).await;
    assert_eq!(first["repositories"].as_array().map(Vec::len), Some(2));
    let token = &first["nextToken"];
    let second = door.ok("DescribeRepositories", json!({"maxResults": 2, "nextToken": token})).await;
    assert_eq!(second["repositories"][0]["repositoryName"], "app-c");
    assert_eq!(second.get("nextToken"), None);
    let foreign = (
        "InvalidParameterException".to_owned(),
        "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this listing'".to_owned(),
    );
    assert_eq!(door.refused("DescribeImageTags", json!({"repositoryName": "app-a", "nextToken": token})).await, foreign);
    assert_eq!(door.refused("DescribeRepositories", json!({"nextToken": "x"})).await, foreign);
    assert_eq!(door.refused("DescribeRegistries", json!({"nextToken": token})).await, foreign);
    for body in [json!({"repositoryNames": ["app-a"], "maxResults": 5}), json!({"repositoryNames": ["app-a"], "nextToken": token})] {
        assert_eq!(door.refused("DescribeRepositories", body).await.0, "InvalidParameterException");
    }
}

#[tokio::test]
async fn images_are_described_by_tag_by_digest_and_page_by_page() {
    let door = Door::open().await;
    door.ok("CreateRepository", json!({"repositoryName": "team/app"})).await;
    let (one, two) = (door.push("team/app", "one", "1").await, door.push("team/app", "two", "2").await);
    let tags = door.ok("DescribeImageTags", json!({"repositoryName": "team/app"})).await;
    let tags = tags["imageTagDetails"].as_array().expect("tags").clone();
    assert_eq!(tags.iter().map(|tag| &tag["imageTag"]).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(tags[0]["imageDetail"]["imageDigest"], json!(one));
    let by_id = json!({"repositoryName": "team/app", "imageIds": [{"imageTag": "two"}, {"imageDigest": one}]});
    let images = door.ok("DescribeImages", by_id).await;
    assert_eq!(images["imageDetails"][0]["imageDigest"], json!(two));
    assert_eq!(images["imageDetails"][1]["imageTags"], json!(["one"]));
    let page = door.ok("DescribeImages", json!({"repositoryName": "team/app", "maxResults": 1})).await;
    let rest = door.ok("DescribeImages", json!({"repositoryName": "team/app", "nextToken": page["nextToken"]})).await;
    assert_eq!(rest["imageDetails"].as_array().map(Vec::len), Some(1));
    let absent = door.refused("DescribeImages", json!({"repositoryName": "team/app", "imageIds": [{"imageTag": "no"}]})).await;
    assert_eq!(absent.0, "ImageNotFoundException");
    assert!(absent.1.starts_with("The image with imageId {imageDigest:'null', imageTag:'no'} does not exist within"), "{}", absent.1);
    let nowhere = door.refused("DescribeImages", json!({"repositoryName": "nowhere", "imageIds": [{"imageTag": "-no-tag"}]})).await;
    assert_eq!(nowhere.0, "RepositoryNotFoundException");
    let both = json!({"repositoryName": "team/app", "imageIds": [{"imageTag": "one"}], "maxResults": 5});
    assert_eq!(door.refused("DescribeImages", both).await.0, "InvalidParameterException");
}

#[tokio::test]
async fn images_are_deleted_one_by_one_and_failures_are_answered_beside() {
    let door = Door::open().await;
    door.ok("CreateRepository", json!({"repositoryName": "team/app"})).await;
    let one = door.push("team/app", "one", "1").await;
    let ids = json!([{"imageTag": "one"}, {"imageTag": "no"}, {"imageDigest": "x"}, {}]);
    let body = json!({"repositoryName": "team/app", "registryId": "alias", "imageIds": ids});
    let answer = door.ok("BatchDeleteImage", body).await;
    assert_eq!(answer["imageIds"], json!([{"imageTag": "one", "imageDigest": one}]));
    let codes: Vec<_> = answer["failures"].as_array().expect("failures").iter().map(|failure| &failure["failureCode"]).collect();
    assert_eq!(codes, ["ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag"]);
    assert_eq!(door.ok("DescribeImages", json!({"repositoryName": "team/app"})).await, json!({"imageDetails": []}));
}

#[tokio::test]
async fn the_registry_describes_itself_and_issues_tokens() {
    let door = Door::open().await;
    let registry = &door.ok("DescribeRegistries", json!({})).await["registries"][0];
    assert_eq!(registry["registryArn"], "arn:aws:ecr-public::123456789012:registry/123456789012");
    assert_eq!((&registry["registryUri"], &registry["verified"]), (&json!("localhost:5000/alias"), &json!(false)));
    let alias = json!({"name": "alias", "status": "ACTIVE", "primaryRegistryAlias": true, "defaultRegistryAlias": true});
    assert_eq!(registry["aliases"][0]["name"], alias["name"]);
    let data = &door.ok("GetAuthorizationToken", json!({})).await["authorizationData"];
    let token = data["authorizationToken"].as_str().expect("a token");
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, token).expect("base64");
    assert!(decoded.starts_with(b"AWS:") && decoded.iter().filter(|byte| **byte == b':').count() == 1);
    let expires = Timestamp::from_seconds(data["expiresAt"].as_i64().expect("whole seconds"));
    assert!(expires > door.server.installation.now().plus_seconds(12 * 3600 - 60));
}

#[tokio::test]
async fn no_operation_answers_without_a_signature_of_an_active_key() {
    let mut door = Door::open().await;
    for operation in Operation::ALL {
        let body = valid_body().to_string();
        let (status, answer) = door.send_with(unsigned(operation.name()), &body).await;
        assert_eq!((status, &answer["__type"]), (400, &json!("MissingAuthenticationTokenException")), "{}", operation.name());
    }
    door.key.1 = "wrong".into();
    assert_eq!(door.refused("DescribeRegistries", json!({})).await.0, "InvalidSignatureException");
    door.key.0 = "AKIAUNKNOWN".into();
    let unknown = ("UnrecognizedClientException".to_owned(), "The security token included in the request is invalid.".to_owned());
    assert_eq!(door.refused("DescribeRegistries", json!({})).await, unknown);
}

#[tokio::test]
async fn an_inactive_key_is_an_unknown_key() {
    let mut door = Door::open().await;
    let own = RegistryId::parse(OWN).expect("an id");
    let key = door.server.installation.create_access_key(&Identity { registry: own.clone(), user: None }, None).await.expect("a key");
    door.key = (key.id.clone(), key.secret);
    door.ok("DescribeRegistries", json!({})).await;
    door.server.installation.set_access_key_active(&own, &key.id, false).await.expect("switched off");
    assert_eq!(door.refused("DescribeRegistries", json!({})).await.0, "UnrecognizedClientException");
}

#[tokio::test]
async fn no_operation_answers_a_user_without_permission() {
    let mut door = Door::open().await;
    let own = RegistryId::parse(OWN).expect("an id");
    door.server.installation.create_user(&own, "stranger").await.expect("a user");
    let identity = Identity { registry: own, user: Some("stranger".into()) };
    let key = door.server.installation.create_access_key(&identity, None).await.expect("a key");
    door.key = (key.id, key.secret);
    for operation in Operation::ALL {
        let (exception, message) = door.refused(operation.name(), valid_body()).await;
        assert_eq!(exception, "AccessDeniedException", "{}", operation.name());
        let expected =
            format!("User: arn:aws:iam::123456789012:user/stranger is not authorized to perform: {} on resource: ", operation.actions()[0]);
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[tokio::test]
async fn unknown_targets_and_bodies_that_are_no_json_are_answered_as_aws_answers_them() {
    let door = Door::open().await;
    for target in ["Nothing", "BatchGetImage", ""] {
        assert_eq!(door.send(target, "{}").await, (400, json!({"__type": "UnknownOperationException"})));
    }
    assert_eq!(door.send_with(HeaderMap::new(), "").await.1["__type"], "UnknownOperationException");
    for body in ["[]", "{", "x"] {
        assert_eq!(door.send("DescribeRegistries", body).await, (400, json!({"__type": "SerializationException"})), "{body}");
    }
    let twice = r#"{"repositoryName":"a1","repositoryName":"a1"}"#;
    assert_eq!(door.send("CreateRepository", twice).await.1["__type"], "SerializationException");
    assert_eq!(door.send("DescribeRegistries", "").await.0, 200);
    let invalid = door.refused("CreateRepository", json!({"repositoryName": "a"})).await;
    let message = "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'";
    assert_eq!(invalid, ("InvalidParameterException".to_owned(), message.to_owned()));
}

#[tokio::test]
async fn a_body_beyond_the_operations_limit_is_refused_with_413() {
    let door = Door::open().await;
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(1024 * 1024));
    assert_eq!(door.send("DescribeRegistries", &body).await.0, 413);
}

#[tokio::test]
async fn regions_are_any_unless_they_are_listed() {
    let mut door = Door::open().await;
    door.region = "eu-west-2";
    door.ok("GetAuthorizationToken", json!({})).await;
    door.server.config.aws_regions = Some(vec!["us-east-1".into(), "us-west-2".into()]);
    let message = "GetAuthorizationToken command is only supported in us-east-1.";
    let refused = door.refused("GetAuthorizationToken", json!({})).await;
    assert_eq!(refused, ("UnsupportedCommandException".to_owned(), message.to_owned()));
    door.region = "us-west-2";
    door.ok("GetAuthorizationToken", json!({})).await;
}
