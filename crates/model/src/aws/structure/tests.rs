use super::*;
use crate::aws::{Operation, Request};
use proptest::prelude::*;

/// The message for `body` as a request of `operation`, or `None` if it is valid.
fn verdict(operation: &str, body: &str) -> Option<String> {
    let operation = Operation::find(operation).expect("an operation");
    Request::read(operation, body).err().map(|invalid| invalid.to_string())
}

fn violation(member: &str, constraint: &str) -> Option<String> {
    Some(format!("Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"))
}

const NAME: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";

#[test]
fn violations_of_a_name_have_awss_wording() {
    let verdict = |name: &str| verdict("CreateRepository", &format!(r#"{{"repositoryName":"{name}"}}"#));
    assert_eq!(verdict("team/app"), None);
    assert_eq!(verdict("team/app\\u0031"), None);
    assert_eq!(verdict("a"), violation("repositoryName", "must have length greater than or equal to 2"));
    assert_eq!(verdict(&"a".repeat(206)), violation("repositoryName", "must have length less than or equal to 205"));
    assert_eq!(verdict("Team"), violation("repositoryName", &format!("must satisfy regular expression '{NAME}'")));
}

#[test]
fn a_required_member_may_be_neither_absent_nor_null() {
    let null = violation("repositoryName", "must not be null");
    for body in ["", "{}", " { } ", r#"{"repositoryName":null}"#, r#"{"repositoryname":"app"}"#] {
        assert_eq!(verdict("DescribeImageTags", body), null, "{body}");
    }
    assert_eq!(verdict("DescribeImageTags", r#"{"repositoryName":"app","maxResults":null,"registryId":null}"#), None);
}

#[test]
fn a_number_of_any_magnitude_is_checked_against_its_range() {
    let verdict = |n: &str| verdict("DescribeRepositories", &format!(r#"{{"maxResults":{n}}}"#));
    let low = violation("maxResults", "Member must have value greater than or equal to 1");
    let high = violation("maxResults", "Member must have value less than or equal to 1000");
    for good in ["1", "1000"] {
        assert_eq!(verdict(good), None);
    }
    for small in ["0", "-0", "-1", &format!("-{}", "9".repeat(1000))] {
        assert_eq!(verdict(small), low, "{small}");
    }
    for large in ["1001", "9223372036854775808", &"9".repeat(1000)] {
        assert_eq!(verdict(large), high, "{large}");
    }
    for other in ["1.5", "1e2", "\"5\"", "true", "[]", "{}"] {
        assert_eq!(verdict(other), violation("maxResults", "must be of type integer"), "{other}");
    }
}

#[test]
fn a_long_has_a_range_even_where_the_service_model_gives_none() {
    let body = |n: &str| {
        let id = "01234567-89ab-cdef-0123-456789abcdef";
        format!(r#"{{"repositoryName":"app","uploadId":"{id}","partFirstByte":{n},"partLastByte":1,"layerPartBlob":""}}"#)
    };
    assert_eq!(verdict("UploadLayerPart", &body("9223372036854775807")), None);
    assert_eq!(
        verdict("UploadLayerPart", &body("9223372036854775808")),
        violation("partFirstByte", "Member must have value less than or equal to 9223372036854775807")
    );
    assert_eq!(verdict("UploadLayerPart", &body("-1")), violation("partFirstByte", "Member must have value greater than or equal to 0"));
}

#[test]
fn the_length_and_the_entries_of_a_list_are_checked() {
    let verdict = |names: &str| verdict("DescribeRepositories", &format!(r#"{{"repositoryNames":[{names}]}}"#));
    let inner = format!(
        "Member must satisfy constraint: [Member must have length less than or equal to 205, \
         Member must have length greater than or equal to 2, Member must satisfy regular expression pattern: {NAME}]"
    );
    assert_eq!(verdict(r#""app","team/app""#), None);
    assert_eq!(verdict(""), violation("repositoryNames", "Member must have length greater than or equal to 1"));
    let many = vec!["\"app\""; 101].join(",");
    assert_eq!(verdict(&many), violation("repositoryNames", "Member must have length less than or equal to 100"));
    assert_eq!(verdict(r#""app","App""#), violation("repositoryNames", &inner));
    let null = violation("repositoryNames", "Member must satisfy constraint: [Member must not be null]");
    assert_eq!(verdict("null"), null);
    let number = violation("repositoryNames", "Member must satisfy constraint: [Member must be of type string]");
    assert_eq!(verdict("5"), number);
}

#[test]
fn a_pattern_alone_has_the_private_services_wording() {
    let digests = r#"{"repositoryName":"app","uploadId":"01234567-89ab-cdef-0123-456789abcdef","layerDigests":["x"]}"#;
    let constraint = "Member must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+]";
    assert_eq!(verdict("CompleteLayerUpload", digests), violation("layerDigests", constraint));
}

#[test]
fn a_violation_within_a_structure_is_reported_at_the_outermost_member() {
    let catalog = |data: &str| verdict("PutRepositoryCatalogData", &format!(r#"{{"repositoryName":"app","catalogData":{data}}}"#));
    assert_eq!(catalog("{}"), None);
    assert_eq!(catalog("[]"), violation("catalogData", "must be of type structure"));
    let long = format!(r#"{{"description":"{}"}}"#, "ä".repeat(1025));
    assert_eq!(catalog(&long), violation("catalogData", "Member 'description' must have length less than or equal to 1024"));
    assert_eq!(catalog(&long.replacen('ä', "", 1)), None, "lengths count code points");
    let images = r#"{"repositoryName":"app","imageIds":[{"imageTag":""}]}"#;
    let constraint = "Member must satisfy constraint: [Member 'imageTag' must have length greater than or equal to 1]";
    assert_eq!(verdict("BatchDeleteImage", images), violation("imageIds", constraint));
    let architectures = catalog(r#"{"architectures":[""]}"#);
    let constraint = "Member 'architectures' must satisfy constraint: [Member must have length less than or equal to 50, \
                      Member must have length greater than or equal to 1]";
    assert_eq!(architectures, violation("catalogData", constraint));
}

#[test]
fn a_blob_is_measured_by_its_bytes() {
    let logo = |text: &str| {
        let body = format!(r#"{{"repositoryName":"app","catalogData":{{"logoImageBlob":"{text}"}}}}"#);
        verdict("PutRepositoryCatalogData", &body)
    };
    assert_eq!(logo("a\\/8="), None);
    assert_eq!(logo("*"), violation("catalogData", "Member 'logoImageBlob' must be base64"));
    let long = violation("catalogData", "Member 'logoImageBlob' must have length less than or equal to 512000");
    assert_eq!(logo(&"AAAA".repeat(512_001 / 3 + 1)), long);
}

#[test]
fn a_value_of_another_json_type_is_refused_with_the_expected_type() {
    for (operation, body, member, kind) in [
        ("CreateRepository", r#"{"repositoryName":5}"#, "repositoryName", "string"),
        ("CreateRepository", r#"{"repositoryName":"\ud800"}"#, "repositoryName", "string"),
        ("DeleteRepository", r#"{"repositoryName":"app","force":"true"}"#, "force", "boolean"),
        ("DescribeRepositories", r#"{"repositoryNames":"app"}"#, "repositoryNames", "list"),
    ] {
        assert_eq!(verdict(operation, body), violation(member, &format!("must be of type {kind}")), "{body}");
    }
}

#[test]
fn only_an_object_is_a_request() {
    for body in ["[]", "5", "null", "{", "{}{}", "{\"a\"}", "\u{feff}{}", " "] {
        assert_eq!(Request::read(Operation::GetAuthorizationToken, body), Err(Invalid::Malformed), "{body}");
    }
}

#[test]
fn a_repeated_member_at_any_depth_makes_a_request_malformed() {
    for body in [r#"{"repositoryName":"app","repositoryName":"app"}"#, r#"{"repositoryName":"app","tags":[{"Key":"k","Key":"k"}]}"#] {
        assert_eq!(Request::read(Operation::CreateRepository, body), Err(Invalid::Malformed), "{body}");
    }
    assert_eq!(verdict("CreateRepository", r#"{"repositoryName":"app","x":1,"x":2}"#), None, "unknown members are not read");
}

#[test]
fn unknown_members_are_ignored_at_any_depth() {
    let deep = format!(r#"{{"surprise":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(verdict("GetAuthorizationToken", &deep), None);
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(body in "\\PC{0,60}", which in 0usize..23) {
        let _ = Request::read(Operation::ALL[which], &body);
    }

    #[test]
    fn integers_are_compared_like_big_integers(n in any::<i128>()) {
        let found = verdict("DescribeRepositories", &format!(r#"{{"maxResults":{n}}}"#));
        prop_assert_eq!(found.is_none(), (1..=1000).contains(&n));
    }
}
