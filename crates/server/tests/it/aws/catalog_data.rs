//! Catalog data, resource tags and repository policies.

use super::door::{Door, OWN};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The header and the end of a PNG of these dimensions.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 6, 0, 0, 0]);
    let chunk = |body: &[u8]| [&(body.len() as u32 - 4).to_be_bytes(), body, &crc32(body).to_be_bytes()].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(&header), chunk(b"IEND")].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[test]
fn catalog_data_are_replaced_and_the_logo_stays_until_another_is_put() {
    let door = Door::open();
    let data = json!({"description": "d", "architectures": ["ARM 64", "whatever"], "operatingSystems": ["Linux"], "aboutText": "# about",
        "usageText": "", "logoImageBlob": STANDARD.encode(png(60, 2048))});
    let created = door.ok("CreateRepository", json!({"repositoryName": "team/app", "catalogData": data}));
    let mut shown = data.clone();
    let url = created["catalogData"]["logoUrl"].as_str().expect("a URL").to_owned();
    assert!(url.starts_with("http://localhost:5000/logo/") && url.ends_with(".png"), "{url}");
    shown.as_object_mut().expect("an object").remove("logoImageBlob");
    shown["logoUrl"] = json!(url);
    assert_eq!(created["catalogData"], shown);
    let get = || door.ok("GetRepositoryCatalogData", json!({"repositoryName": "team/app"}))["catalogData"].clone();
    assert_eq!(get(), shown);
    let put = |data: Value| json!({"repositoryName": "team/app", "catalogData": data});
    let replaced = door.ok("PutRepositoryCatalogData", put(json!({"description": "other"})));
    assert_eq!(replaced["catalogData"], json!({"description": "other", "logoUrl": url}));
    // Version 1 of the AWS CLI encodes base64 once more.
    let twice = STANDARD.encode(STANDARD.encode(png(100, 100)));
    let renewed = door.ok("PutRepositoryCatalogData", put(json!({"logoImageBlob": twice})));
    assert_ne!(renewed["catalogData"]["logoUrl"], json!(url));
    assert_eq!(get(), renewed["catalogData"]);
}

#[test]
fn an_invalid_logo_is_refused_and_no_repository_is_created() {
    let door = Door::open();
    for (bytes, constraint) in [
        (b"GIF89a".to_vec(), "must be a PNG image"),
        (png(59, 60), "must be between 60 and 2048 pixels wide and high, but is 59 by 60"),
        (png(60, 2049), "must be between 60 and 2048 pixels wide and high, but is 60 by 2049"),
    ] {
        let data = json!({"logoImageBlob": STANDARD.encode(bytes)});
        let refused = door.refused("CreateRepository", json!({"repositoryName": "team/app", "catalogData": data}));
        let message = format!("Invalid parameter at 'logoImageBlob' failed to satisfy constraint: '{constraint}'");
        assert_eq!(refused, ("InvalidParameterException".to_owned(), message));
    }
    assert_eq!(door.ok("DescribeRepositories", json!({})), json!({"repositories": []}));
}

#[test]
fn a_repository_without_catalog_data_has_empty_ones_and_a_registry_a_display_name() {
    let door = Door::with_repository();
    assert_eq!(door.ok("GetRepositoryCatalogData", json!({"repositoryName": "team/app"})), json!({"catalogData": {}}));
    assert_eq!(door.ok("GetRegistryCatalogData", json!({})), json!({"registryCatalogData": {}}));
    let named = json!({"registryCatalogData": {"displayName": "The Team"}});
    assert_eq!(door.ok("PutRegistryCatalogData", json!({"displayName": "The Team"})), named);
    assert_eq!(door.ok("GetRegistryCatalogData", json!({})), named);
    let absent = door.refused("GetRepositoryCatalogData", json!({"repositoryName": "absent"}));
    assert_eq!(absent.0, "RepositoryNotFoundException");
}

fn numbered_tags(count: u32) -> Vec<Value> {
    (0..count).map(|number| json!({"Key": format!("k{number}"), "Value": "v"})).collect()
}

#[test]
fn resource_tags_are_set_overwritten_listed_and_removed() {
    let door = Door::open();
    let tags = json!([{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": ""}]);
    door.ok("CreateRepository", json!({"repositoryName": "team/app", "tags": tags}));
    let arn = "arn:aws:ecr-public::123456789012:repository/team/app";
    let list = || door.ok("ListTagsForResource", json!({"resourceArn": arn}))["tags"].clone();
    assert_eq!(list(), json!([{"Key": "Team", "Value": ""}, {"Key": "team", "Value": "a"}]));
    assert_eq!(door.ok("TagResource", json!({"resourceArn": arn, "tags": [{"Key": "team", "Value": "b"}]})), json!({}));
    assert_eq!(door.ok("UntagResource", json!({"resourceArn": arn, "tagKeys": ["Team", "absent"]})), json!({}));
    assert_eq!(list(), json!([{"Key": "team", "Value": "b"}]));
    let many = json!({"resourceArn": arn, "tags": numbered_tags(50)});
    assert_eq!(door.refused("TagResource", many).0, "TooManyTagsException");
    assert_eq!(list().as_array().map(Vec::len), Some(1), "all or none");
    for bad in [json!({"Key": "aws:x", "Value": "v"}), json!({"Key": "x", "Value": "AWS:v"}), json!({"Value": "v"})] {
        assert_eq!(door.refused("TagResource", json!({"resourceArn": arn, "tags": [bad]})).0, "InvalidTagParameterException", "{bad}");
    }
    let untag = json!({"resourceArn": arn, "tagKeys": ["team", "Aws:x"]});
    assert_eq!(door.refused("UntagResource", untag).0, "InvalidTagParameterException");
    assert_eq!(list().as_array().map(Vec::len), Some(1), "all or none");
    let message = "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'".to_owned();
    let refused = door.refused("ListTagsForResource", json!({"resourceArn": "arn:aws:s3:::bucket"}));
    assert_eq!(refused, ("InvalidParameterException".to_owned(), message));
    let absent = "arn:aws:ecr-public::123456789012:repository/absent";
    assert_eq!(door.refused("ListTagsForResource", json!({"resourceArn": absent})).0, "RepositoryNotFoundException");
}

#[test]
fn a_repository_with_an_invalid_tag_is_not_created() {
    let door = Door::open();
    for (tags, exception) in [(vec![json!({"Key": "aws:x"})], "InvalidTagParameterException"), (numbered_tags(51), "TooManyTagsException")]
    {
        assert_eq!(door.refused("CreateRepository", json!({"repositoryName": "team/app", "tags": tags})).0, exception);
    }
    assert_eq!(door.ok("DescribeRepositories", json!({})), json!({"repositories": []}));
}

#[test]
fn a_repository_policy_is_set_got_in_awss_form_and_deleted() {
    let door = Door::with_repository();
    let name = json!({"repositoryName": "team/app"});
    let none = format!("Repository policy does not exist for the repository with name 'team/app' in the registry with id '{OWN}'");
    for operation in ["GetRepositoryPolicy", "DeleteRepositoryPolicy"] {
        assert_eq!(door.refused(operation, name.clone()), ("RepositoryPolicyNotFoundException".to_owned(), none.clone()));
    }
    let text = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["ecr-public:ListImages"]}]}"#;
    let set = |text: &str| json!({"repositoryName": "team/app", "policyText": text});
    let answer = door.ok("SetRepositoryPolicy", set(text));
    let printed = "{\n  \"Version\" : \"2008-10-17\",\n  \"Statement\" : [ {\n    \"Effect\" : \"Allow\",\n    \"Principal\" : \"*\",\n    \"Action\" : [ \"ecr-public:ListImages\" ]\n  } ]\n}";
    assert_eq!(answer, json!({"registryId": OWN, "repositoryName": "team/app", "policyText": printed}));
    assert_eq!(door.ok("GetRepositoryPolicy", name.clone()), answer);
    let principal = |arn: &str| text.replace(r#""*""#, &format!(r#"{{"AWS":"{arn}"}}"#));
    let invalid = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'".to_owned();
    let unknown_user = principal("arn:aws:iam::123456789012:user/nobody");
    let with_resource = text.replace(r#""Principal""#, r#""Resource":"*","Principal""#);
    let for_nobody = text.replace(r#""*""#, r#"{"AWS":[]}"#);
    let no_statement = r#"{"Statement":[{"Effect":"Allow","Action":"ecr-public:PutImage"}]}"#;
    for bad in ["", "{}", no_statement, &unknown_user, &with_resource, &for_nobody] {
        let refused = door.refused("SetRepositoryPolicy", set(bad));
        assert_eq!(refused, ("InvalidParameterException".to_owned(), invalid.clone()), "{bad}");
    }
    for role in
        ["arn:aws:iam::999999999999:role/pusher", "arn:aws:iam::123456789012:role/ci", "arn:aws:sts::123456789012:assumed-role/ci/me"]
    {
        let answer = door.ok("SetRepositoryPolicy", set(&principal(role)));
        let shown = answer["policyText"].as_str().expect("text");
        assert!(shown.contains(&format!(r#""AWS" : "{role}""#)), "{shown}");
    }
    let lockout = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr-public:SetRepositoryPolicy"}]}"#;
    assert_eq!(door.refused("SetRepositoryPolicy", set(lockout)).0, "InvalidParameterException");
    let mut forced = set(lockout);
    forced["force"] = json!(true);
    door.ok("SetRepositoryPolicy", forced);
    assert_eq!(door.refused("SetRepositoryPolicy", set(text)).0, "AccessDeniedException");
    assert!(door.ok("DeleteRepositoryPolicy", name.clone())["policyText"].as_str().is_some_and(|text| text.contains("Deny")));
    assert_eq!(door.refused("GetRepositoryPolicy", name).0, "RepositoryPolicyNotFoundException");
}
