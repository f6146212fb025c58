//! Accounts declared in the configuration file.

use crate::support::{Credentials, Server, run};
use serde_json::{Value, json};
use std::path::Path;

const OTHER: &str = "111122223333";

/// Declares an account with a read-only user.
fn declared(secret: &str) -> String {
    format!(
        r#"
        [[account]]
        id = "{OTHER}"
        verified = true
        alias = [{{ name = "dock", primary = true }}, {{ name = "quay", status = "PENDING" }}]

        [[account.access_key]]
        id = "AKIAROOT"
        secret_env = "ROOT_SECRET"

        [[account.user]]
        name = "alice"
        managed_policies = ["AmazonElasticContainerRegistryPublicReadOnly"]

        [[account.user.access_key]]
        id = "AKIAALICE"
        secret = "{secret}"
        "#
    )
}

/// Starts a server with the configuration `text`.
fn start(directory: &Path, text: &str) -> Server {
    let (file, data) = (directory.join("roadstead.toml"), directory.join("data"));
    std::fs::write(&file, text).unwrap();
    let flags = ["--config", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    Server::start_with(&flags, &[("ROOT_SECRET", "secret-of-the-root")])
}

fn key(id: &str, secret: &str) -> Credentials {
    Credentials { id: id.to_owned(), secret: secret.to_owned() }
}

/// Calls DescribeRepositories, and returns the exception, or null if the call succeeds.
fn describe(server: &Server, id: &str, secret: &str) -> Value {
    server.aws_as(&key(id, secret), "DescribeRepositories", &json!({})).json()["__type"].clone()
}

#[test]
fn a_declared_account_is_created_at_the_first_start() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), &declared("secret-of-alice-1"));
    let root = key("AKIAROOT", "secret-of-the-root");
    assert_eq!(server.aws_as(&root, "CreateRepository", &json!({"repositoryName": "app"})).status, 200);
    assert_eq!((server.get("/v2/dock/app/tags/list").status, server.get("/v2/quay/app/tags/list").status), (200, 404));
    assert_eq!(server.aws_as(&root, "DescribeRegistries", &json!({})).json()["registries"][0]["verified"], true);
    assert_eq!(describe(&server, "AKIAALICE", "secret-of-alice-1"), Value::Null);
    let denied = server.aws_as(&key("AKIAALICE", "secret-of-alice-1"), "CreateRepository", &json!({"repositoryName": "other"}));
    assert_eq!(denied.json()["__type"], "AccessDeniedException");
    let shown = server.command(&["account", "show", OTHER]);
    assert_eq!((shown["aliases"].as_array().unwrap().len(), shown["accessKeys"].as_array().unwrap().len()), (2, 2), "{shown}");
    let logged = server.logged();
    assert!(!logged.contains("secret-of-the-root") && !logged.contains("secret-of-alice-1") && !logged.contains("ROOT_SECRET"), "{logged}");
}

#[test]
fn a_start_updates_what_is_declared_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), &declared("secret-of-alice-1"));
    server.command(&["user", "create", "bob", "--account", OTHER]);
    server.command(&["account", "verify", OTHER, "off"]);
    server.command(&["alias", "change", "quay", "--account", OTHER, "--status", "active"]);
    server.command(&["access-key", "disable", "AKIAROOT"]);
    let before = server.command(&["account", "show", OTHER]);
    assert!(server.stop().success());

    let server = start(directory.path(), &declared("another-secret-of-alice"));
    let after = server.command(&["account", "show", OTHER]);
    assert_eq!((&after["verified"], &after["aliases"][1]["status"]), (&json!(true), &json!("PENDING")));
    assert_eq!((&after["users"], &after["accessKeys"]), (&before["users"], &before["accessKeys"]));
    assert_eq!(describe(&server, "AKIAALICE", "another-secret-of-alice"), Value::Null);
    assert_eq!(describe(&server, "AKIAALICE", "secret-of-alice-1"), "InvalidSignatureException");
    // The file does not declare whether the key is active, so the operator's change remains.
    assert_eq!(describe(&server, "AKIAROOT", "secret-of-the-root"), "UnrecognizedClientException");
}

#[test]
fn a_primary_alias_is_replaced_by_a_declared_one() {
    let directory = tempfile::tempdir().unwrap();
    let text = |aliases: &str| format!("[[account]]\nalias = [{aliases}]\n");
    let server = start(directory.path(), &text("{ name = 'dock', primary = true }"));
    assert_eq!(server.alias(), "dock");
    assert!(server.stop().success());
    let server = start(directory.path(), &text("{ name = 'dock', status = 'REJECTED' }, { name = 'quay', primary = true }"));
    assert_eq!(server.alias(), "quay");
}

#[test]
fn a_server_does_not_start_if_a_declared_account_cannot_be_set_up() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("roadstead.toml");
    std::fs::write(&file, "alias = 'dock'\n[[account]]\nid = '111122223333'\nalias = [{ name = 'dock' }]\n").unwrap();
    let ended = run(&["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()], &[]);
    assert_eq!(ended.code, Some(1));
    let line = ended.stderr.lines().last().unwrap();
    assert_eq!(line, "roadstead: cannot set up a declared account: the alias 'dock' belongs to another account");
}
