//! The operations of AWS's gallery, as its public clients call them.

use crate::support::{Answer, Harbour, Image, Pusher, Server};
use serde_json::{Value, json};

/// Calls an operation as `curl --data` without a content type does.
fn call(server: &Server, operation: &str, input: &Value) -> Answer {
    server.send("POST", &format!("/{operation}"), &[], input.to_string().as_bytes())
}

fn ok(server: &Server, operation: &str, input: &Value) -> Value {
    let answer = call(server, operation, input);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    answer.json()
}

fn refused(server: &Server, operation: &str, input: &Value) -> (u16, String, String) {
    let answer = call(server, operation, input);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let text = |member: &str| answer.json()[member].as_str().unwrap_or_default().to_owned();
    (answer.status, text("__type"), text("message"))
}

#[test]
fn all_tags_are_listed_over_pages_with_times_as_texts() {
    let harbour = Harbour::new();
    let mut pusher = Pusher::of(&harbour, "app");
    let image = Image::new("one", &["layer".into()]);
    let signature = format!("sha256-{}.sig", "0".repeat(64));
    for tag in ["b", "a", "c", &signature] {
        assert_eq!(pusher.push(&image, tag).status, 201);
    }
    let repository = json!({"registryAliasName": "pier", "repositoryName": "app"});
    let (mut tags, mut input) = (Vec::new(), repository.clone());
    input["maxResults"] = json!(3);
    loop {
        let page = ok(&harbour.server, "describeImageTags", &input);
        tags.extend(page["imageTagDetails"].as_array().unwrap().clone());
        match &page["nextToken"] {
            Value::Null => break,
            token => input["nextToken"] = token.clone(),
        }
        assert!(tags.len() < 9);
    }
    let names: Vec<_> = tags.iter().map(|tag| tag["imageTag"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c", &signature]);
    let detail = &tags[0]["imageDetail"];
    assert_eq!(detail["imageDigest"], json!(image.digest()));
    assert_eq!(detail["imageManifestMediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(detail["artifactMediaType"], "application/vnd.oci.image.config.v1+json");
    assert_eq!(detail["imageSizeInBytes"], json!(image.blobs.iter().map(Vec::len).sum::<usize>()));
    for time in [&tags[0]["createdAt"], &detail["imagePushedAt"]] {
        let time = time.as_str().unwrap();
        assert!(time.len() == "2026-11-26T07:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    }
    let all = ok(&harbour.server, "describeImageTags", &json!({"registryAliasName": "pier", "repositoryName": "app", "sort": {"by": 1}}));
    assert_eq!(all["imageTagDetails"].as_array().unwrap().len(), 4);
    harbour.create("other");
    let foreign = json!({"registryAliasName": "pier", "repositoryName": "other", "nextToken": input["nextToken"]});
    let (status, name, message) = refused(&harbour.server, "describeImageTags", &foreign);
    assert_eq!((status, name.as_str()), (400, "InvalidParameterException"));
    assert!(message.contains("'nextToken'"), "{message}");
}

#[test]
fn refusals_have_the_names_and_texts_of_the_control_api() {
    let server = Server::start(&["--alias", "pier"]);
    for operation in ["describeImageTags", "getRepositoryCatalogData"] {
        let (status, name, message) = refused(&server, operation, &json!({"registryAliasName": "pier", "repositoryName": "none"}));
        assert_eq!((status, name.as_str()), (400, "RepositoryNotFoundException"));
        assert!(message.starts_with("The repository with name 'none' does not exist in the registry with id '"), "{message}");
        let nobody = refused(&server, operation, &json!({"registryAliasName": "nobody", "repositoryName": "none"}));
        let message = "The repository with name 'none' does not exist in the registry with alias 'nobody'";
        assert_eq!(nobody, (400, "RepositoryNotFoundException".into(), message.into()));
        let missing = refused(&server, operation, &json!({"registryAliasName": "pier"}));
        let message = "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'";
        assert_eq!(missing, (400, "InvalidParameterException".into(), message.into()));
    }
    let nobody = refused(&server, "getRegistryCatalogData", &json!({"registryAliasName": "nobody"}));
    assert_eq!(nobody, (400, "RegistryNotFoundException".into(), "The registry with alias 'nobody' does not exist".into()));
    assert_eq!(refused(&server, "describeImageTags", &json!([])), (400, "SerializationException".into(), String::new()));
    let large = json!({"registryAliasName": "x".repeat(70_000)});
    assert_eq!(refused(&server, "getRegistryCatalogData", &large).0, 413);
}

#[test]
fn pages_of_other_sites_may_call_the_operations_and_no_other_method_is_one() {
    let server = Server::start(&[]);
    let asked = [("origin", "https://gallery.example"), ("access-control-request-method", "POST")];
    let preflight = server.send("OPTIONS", "/describeImageTags", &asked, b"");
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("Content-Type"));
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let answer = server.send(method, "/describeImageTags", &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("OPTIONS, POST")), "{method}");
    }
    assert_eq!(server.send("POST", "/describeRepositories", &[], b"{}").status, 405);
}

#[test]
fn catalog_data_come_with_the_number_of_downloads_and_only_verified_publishers_have_names() {
    let harbour = Harbour::new();
    let server = &harbour.server;
    let repository = json!({"registryAliasName": "pier", "repositoryName": "app"});
    let empty = ok(server, "getRepositoryCatalogData", &repository);
    assert_eq!(empty, json!({"catalogData": {}, "insightData": {"downloadCount": 0}}));
    let data = json!({"description": "<b>", "aboutText": "# A", "architectures": ["ARM 64"], "operatingSystems": ["Linux"]});
    assert_eq!(server.aws("PutRepositoryCatalogData", &json!({"repositoryName": "app", "catalogData": data})).status, 200);
    assert_eq!(ok(server, "getRepositoryCatalogData", &repository)["catalogData"], data);
    assert_eq!(server.aws("PutRegistryCatalogData", &json!({"displayName": "Docker"})).status, 200);
    let registry = json!({"registryAliasName": "pier"});
    assert_eq!(ok(server, "getRegistryCatalogData", &registry), json!({"registryCatalogData": {}}));
    let account = server.command(&["account", "list"])[0]["registryId"].as_str().unwrap().to_owned();
    server.command(&["account", "verify", &account, "on"]);
    assert_eq!(ok(server, "getRegistryCatalogData", &registry), json!({"registryCatalogData": {"displayName": "Docker"}}));
}
