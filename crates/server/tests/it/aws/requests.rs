//! Signatures, targets, bodies and regions of requests; describing the registry.

use super::door::{Door, Headers, unsigned, valid_body};
use crate::support::Credentials;
use roadstead_model::aws::Operation;
use serde_json::json;

#[test]
fn the_registry_describes_itself_and_issues_tokens() {
    let door = Door::open();
    let registry = &door.ok("DescribeRegistries", json!({}))["registries"][0];
    assert_eq!(registry["registryArn"], "arn:aws:ecr-public::123456789012:registry/123456789012");
    assert_eq!((&registry["registryUri"], &registry["verified"]), (&json!("localhost:5000/alias"), &json!(false)));
    let alias = json!({"name": "alias", "status": "ACTIVE", "primaryRegistryAlias": true, "defaultRegistryAlias": true});
    assert_eq!(registry["aliases"][0]["name"], alias["name"]);
    let data = &door.ok("GetAuthorizationToken", json!({}))["authorizationData"];
    let token = data["authorizationToken"].as_str().expect("a token");
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, token).expect("base64");
    assert!(decoded.starts_with(b"AWS:") && decoded.iter().filter(|byte| **byte == b':').count() == 1);
    let expires = data["expiresAt"].as_i64().expect("whole seconds");
    assert!(expires > jiff::Timestamp::now().as_second() + 12 * 3600 - 60);
}

#[test]
fn no_operation_answers_without_a_signature_of_an_active_key() {
    let mut door = Door::open();
    for operation in Operation::ALL {
        let body = valid_body().to_string();
        let (status, answer) = door.send_with(&unsigned(operation.name()), &body);
        assert_eq!((status, &answer["__type"]), (400, &json!("MissingAuthenticationTokenException")), "{}", operation.name());
    }
    door.key.secret = "wrong".into();
    assert_eq!(door.refused("DescribeRegistries", json!({})).0, "InvalidSignatureException");
    door.key.id = "AKIAUNKNOWN".into();
    let unknown = ("UnrecognizedClientException".to_owned(), "The security token included in the request is invalid.".to_owned());
    assert_eq!(door.refused("DescribeRegistries", json!({})), unknown);
}

#[test]
fn an_inactive_key_is_an_unknown_key() {
    let mut door = Door::open();
    door.key = Credentials::of(&door.server.command(&["access-key", "create"]));
    door.ok("DescribeRegistries", json!({}));
    door.server.command(&["access-key", "disable", &door.key.id]);
    assert_eq!(door.refused("DescribeRegistries", json!({})).0, "UnrecognizedClientException");
}

#[test]
fn no_operation_answers_a_user_without_permission() {
    let mut door = Door::open();
    door.server.command(&["user", "create", "stranger"]);
    door.key = Credentials::of(&door.server.command(&["access-key", "create", "--user", "stranger"]));
    for operation in Operation::ALL {
        let (exception, message) = door.refused(operation.name(), valid_body());
        assert_eq!(exception, "AccessDeniedException", "{}", operation.name());
        let expected =
            format!("User: arn:aws:iam::123456789012:user/stranger is not authorized to perform: {} on resource: ", operation.actions()[0]);
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn unknown_targets_and_malformed_bodies_get_awss_errors() {
    let door = Door::open();
    for target in ["Nothing", "BatchGetImage", ""] {
        assert_eq!(door.send(target, "{}"), (400, json!({"__type": "UnknownOperationException"})));
    }
    assert_eq!(door.send_with(&Headers::new(), "").1["__type"], "UnknownOperationException");
    for body in ["[]", "{", "x"] {
        assert_eq!(door.send("DescribeRegistries", body), (400, json!({"__type": "SerializationException"})), "{body}");
    }
    let twice = r#"{"repositoryName":"a1","repositoryName":"a1"}"#;
    assert_eq!(door.send("CreateRepository", twice).1["__type"], "SerializationException");
    assert_eq!(door.send("DescribeRegistries", "").0, 200);
    let invalid = door.refused("CreateRepository", json!({"repositoryName": "a"}));
    let message = "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must have length greater than or equal to 2'";
    assert_eq!(invalid, ("InvalidParameterException".to_owned(), message.to_owned()));
}

#[test]
fn a_body_beyond_the_operations_limit_is_refused_with_413() {
    let door = Door::open();
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(1024 * 1024));
    assert_eq!(door.send("DescribeRegistries", &body).0, 413);
}

#[test]
fn regions_are_any_unless_they_are_listed() {
    let mut door = Door::open();
    door.region = "eu-west-2";
    door.ok("GetAuthorizationToken", json!({}));
    let mut door = Door::with(&["--aws-regions", "us-east-1,us-west-2"]);
    door.region = "eu-west-2";
    let message = "GetAuthorizationToken command is only supported in us-east-1.";
    let refused = door.refused("GetAuthorizationToken", json!({}));
    assert_eq!(refused, ("UnsupportedCommandException".to_owned(), message.to_owned()));
    door.region = "us-west-2";
    door.ok("GetAuthorizationToken", json!({}));
}
