//! Configured quotas and request rates.

use crate::support::{Answer, Server};
use serde_json::{Value, json};

fn refusal(answer: &Answer) -> (u16, Value, Value) {
    let json = answer.json();
    (answer.status, json["__type"].clone(), json["message"].clone())
}

#[test]
fn a_quota_that_is_set_is_the_one_in_force() {
    let server = Server::start(&["--limit-repositories", "1", "--limit-resource-tags", "1"]);
    let create = |name: &str| server.aws("CreateRepository", &json!({"repositoryName": name}));
    assert_eq!(create("app").status, 200);
    let message = "The registry with id '000000000000' already has the maximum allowed number of repositories which is '1'";
    assert_eq!(refusal(&create("other")), (400, json!("LimitExceededException"), json!(message)));
    let tags = json!({"resourceArn": "arn:aws:ecr-public::000000000000:repository/app", "tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": ""}]});
    assert_eq!(refusal(&server.aws("TagResource", &tags)).1, "TooManyTagsException");
}

#[test]
fn a_layer_may_be_as_large_as_the_limit_and_no_larger() {
    let server = Server::start(&["--limit-layer-size", "1KiB", "--create-on-push"]);
    let login = server.login(&server.credentials());
    let push = |length: usize| {
        let session = server.send("POST", &format!("/v2/{}/app/blobs/uploads/", server.alias()), &[("authorization", &login)], b"");
        let location = session.header("location").unwrap();
        server.send("PATCH", location, &[("authorization", &login)], &vec![0; length]).status
    };
    assert_eq!((push(1024), push(1025)), (202, 413));
}

#[test]
fn an_action_with_a_rate_is_refused_to_who_asks_too_often_and_to_nobody_else() {
    let server = Server::start(&["--rates", "DescribeRegistries=0.01"]);
    let ask = |operation: &str| server.aws(operation, &json!({}));
    assert_eq!(ask("DescribeRegistries").status, 200);
    let expected = (400, json!("ThrottlingException"), json!("Rate exceeded"));
    assert_eq!(refusal(&ask("DescribeRegistries")), expected);
    assert_eq!(ask("DescribeRepositories").status, 200);
}
