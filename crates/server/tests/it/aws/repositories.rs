//! Repositories, and the pages of their listing.

use super::door::{Door, OWN};
use serde_json::json;

#[test]
fn a_repository_is_created_described_and_deleted() {
    let door = Door::open();
    let created = door.ok("CreateRepository", json!({"repositoryName": "team/app", "catalogData": {}, "tags": []}));
    let repository = &created["repository"];
    assert_eq!(created["catalogData"], json!({}));
    assert_eq!(repository["repositoryArn"], "arn:aws:ecr-public::123456789012:repository/team/app");
    assert_eq!(repository["repositoryUri"], "localhost:5000/alias/team/app");
    assert_eq!((&repository["registryId"], &repository["repositoryName"]), (&json!(OWN), &json!("team/app")));
    assert!(repository["createdAt"].is_number());
    let again = door.refused("CreateRepository", json!({"repositoryName": "team/app"}));
    assert_eq!(again.0, "RepositoryAlreadyExistsException");
    let described = door.ok("DescribeRepositories", json!({"repositoryNames": ["team/app"], "registryId": OWN}));
    assert_eq!(described, json!({"repositories": [repository]}));
    let deleted = door.ok("DeleteRepository", json!({"repositoryName": "team/app"}));
    assert_eq!(&deleted["repository"], repository);
    let message = "The repository with name 'team/app' does not exist in the registry with id '123456789012'";
    let gone = ("RepositoryNotFoundException".to_owned(), message.to_owned());
    assert_eq!(door.refused("DescribeRepositories", json!({"repositoryNames": ["team/app"]})), gone);
    assert_eq!(door.refused("DeleteRepository", json!({"repositoryName": "team/app"})), gone);
}

#[test]
fn a_listing_is_paged_by_tokens_that_fit_no_other_listing() {
    let door = Door::open();
    for name in ["app-a", "app-b", "app-c"] {
        door.ok("CreateRepository", json!({"repositoryName": name}));
    }
    let first = door.ok("DescribeRepositories", json!({"maxResults": 2}));
    assert_eq!(first["repositories"].as_array().map(Vec::len), Some(2));
    let token = &first["nextToken"];
    let second = door.ok("DescribeRepositories", json!({"maxResults": 2, "nextToken": token}));
    assert_eq!(second["repositories"][0]["repositoryName"], "app-c");
    assert_eq!(second.get("nextToken"), None);
    let foreign = (
        "InvalidParameterException".to_owned(),
        "Invalid parameter at 'nextToken' failed to satisfy constraint: 'must be a token of this listing'".to_owned(),
    );
    assert_eq!(door.refused("DescribeImageTags", json!({"repositoryName": "app-a", "nextToken": token})), foreign);
    assert_eq!(door.refused("DescribeRepositories", json!({"nextToken": "x"})), foreign);
    assert_eq!(door.refused("DescribeRegistries", json!({"nextToken": token})), foreign);
    for body in [json!({"repositoryNames": ["app-a"], "maxResults": 5}), json!({"repositoryNames": ["app-a"], "nextToken": token})] {
        assert_eq!(door.refused("DescribeRepositories", body).0, "InvalidParameterException");
    }
}
