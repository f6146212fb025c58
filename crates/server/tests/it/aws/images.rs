//! Describing and deleting images.

use super::door::Door;
use serde_json::json;

#[test]
fn images_are_described_by_tag_by_digest_and_page_by_page() {
    let door = Door::with_repository();
    let (one, two) = (door.push("team/app", "one", "1"), door.push("team/app", "two", "2"));
    let tags = door.ok("DescribeImageTags", json!({"repositoryName": "team/app"}));
    let tags = tags["imageTagDetails"].as_array().expect("tags").clone();
    assert_eq!(tags.iter().map(|tag| &tag["imageTag"]).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(tags[0]["imageDetail"]["imageDigest"], json!(one));
    let by_id = json!({"repositoryName": "team/app", "imageIds": [{"imageTag": "two"}, {"imageDigest": one}]});
    let images = door.ok("DescribeImages", by_id);
    assert_eq!(images["imageDetails"][0]["imageDigest"], json!(two));
    assert_eq!(images["imageDetails"][1]["imageTags"], json!(["one"]));
    let page = door.ok("DescribeImages", json!({"repositoryName": "team/app", "maxResults": 1}));
    let rest = door.ok("DescribeImages", json!({"repositoryName": "team/app", "nextToken": page["nextToken"]}));
    assert_eq!(rest["imageDetails"].as_array().map(Vec::len), Some(1));
    let absent = door.refused("DescribeImages", json!({"repositoryName": "team/app", "imageIds": [{"imageTag": "no"}]}));
    assert_eq!(absent.0, "ImageNotFoundException");
    assert!(absent.1.starts_with("The image with imageId {imageDigest:'null', imageTag:'no'} does not exist within"), "{}", absent.1);
    let nowhere = door.refused("DescribeImages", json!({"repositoryName": "nowhere", "imageIds": [{"imageTag": "-no-tag"}]}));
    assert_eq!(nowhere.0, "RepositoryNotFoundException");
    let both = json!({"repositoryName": "team/app", "imageIds": [{"imageTag": "one"}], "maxResults": 5});
    assert_eq!(door.refused("DescribeImages", both).0, "InvalidParameterException");
}

#[test]
fn images_are_deleted_one_by_one_and_failures_are_listed() {
    let door = Door::with_repository();
    let one = door.push("team/app", "one", "1");
    let ids = json!([{"imageTag": "one"}, {"imageTag": "no"}, {"imageDigest": "x"}, {}]);
    let body = json!({"repositoryName": "team/app", "registryId": "alias", "imageIds": ids});
    let answer = door.ok("BatchDeleteImage", body);
    assert_eq!(answer["imageIds"], json!([{"imageTag": "one", "imageDigest": one}]));
    let codes: Vec<_> = answer["failures"].as_array().expect("failures").iter().map(|failure| &failure["failureCode"]).collect();
    assert_eq!(codes, ["ImageNotFound", "InvalidImageDigest", "MissingDigestAndTag"]);
    assert_eq!(door.ok("DescribeImages", json!({"repositoryName": "team/app"})), json!({"imageDetails": []}));
}
