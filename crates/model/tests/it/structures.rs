//! Requests are read with all their members, and responses have all members of the service model.

use super::answers::{self, Answer};
use roadstead_model::Timestamp;
use roadstead_model::aws::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A value of `shape` in which every member is present.
fn sample(shape: &Shape) -> Value {
    match shape {
        // Each pattern of the service model matches one of these.
        Shape::String { pattern, .. } => ["123456789012", "team/app", "sha256:ab", "01234567-89ab-cdef-0123-456789abcdef"]
            .into_iter()
            .find(|text| pattern.is_none_or(|pattern| pattern.matches(text)))
            .expect("a sample for every pattern")
            .into(),
        Shape::Integer { .. } | Shape::Long { .. } => json!(7),
        Shape::Boolean => json!(true),
        Shape::Blob { .. } => json!("aGk="),
        Shape::List { item, .. } => json!([sample(item)]),
        Shape::Structure(members) => structure(members, |_| true),
    }
}

/// A structure with the members selected by `has`.
fn structure(members: &[shape::Member], has: impl Fn(&shape::Member) -> bool) -> Value {
    members.iter().filter(|member| has(member)).map(|member| (member.name.to_owned(), sample(member.shape))).collect()
}

#[test]
fn every_request_is_read_with_the_members_of_its_shape() {
    for operation in Operation::ALL.iter().copied() {
        let members = operation.members();
        let read = |body: Value| Request::read(operation, &body.to_string());
        let whole = read(structure(members, |_| true)).expect("a request with every member");
        assert_eq!(whole.operation(), operation);
        assert!(!format!("{whole:?}").contains("None"), "every member is read: {whole:?}");
        assert!(read(structure(members, |member| member.required)).is_ok(), "{operation:?}");
        for missing in members.iter().filter(|member| member.required) {
            let violation = Violation::new(missing.name, "must not be null");
            assert_eq!(read(structure(members, |member| member.name != missing.name)), Err(violation.into()), "{operation:?}");
        }
    }
}

/// Asserts that `value` has exactly the members of `answer`, at every depth, with valid values.
fn check(answer: &Answer, value: &Value, path: &str) {
    match answer {
        Answer::Value(shape) => assert!(is_of(shape, value), "{path}: {value}"),
        Answer::Time => assert!(value.is_number(), "{path}: {value}"),
        Answer::OneOf(values) => assert!(values.contains(&value.as_str().expect(path)), "{path}: {value}"),
        Answer::List(min, max, item) => {
            let items = value.as_array().expect(path);
            assert!(!items.is_empty(), "{path} has no entry to check");
            assert!(is_within(items.len() as u64, *min, *max), "{path}");
            items.iter().for_each(|value| check(item, value, path));
        }
        Answer::Structure(members) => {
            let object = value.as_object().expect(path);
            let modelled: BTreeSet<&str> = members.iter().map(|member| member.name).collect();
            assert_eq!(object.keys().map(String::as_str).collect::<BTreeSet<_>>(), modelled, "{path}");
            for member in *members {
                check(member.answer, &object[member.name], &format!("{path}.{}", member.name));
            }
        }
    }
}

/// Whether a simple value satisfies its shape.
fn is_of(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::String { min, max, pattern } => value
            .as_str()
            .is_some_and(|text| is_within(text.chars().count() as u64, *min, *max) && pattern.is_none_or(|pattern| pattern.matches(text))),
        Shape::Integer { min, max } | Shape::Long { min, max } => value.as_i64().is_some_and(|number| is_within(number, *min, *max)),
        Shape::Boolean => value.is_boolean(),
        Shape::Blob { .. } | Shape::List { .. } | Shape::Structure(_) => false,
    }
}

fn is_within<T: PartialOrd>(value: T, min: Option<T>, max: Option<T>) -> bool {
    min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
}

/// Asserts that `value`, which has every optional member, is a valid response of `operation`.
fn answer(operation: &str, value: &impl Serialize) {
    let operation = Operation::find(operation).expect("an operation");
    check(answers::of(operation), &serde_json::to_value(value).expect("JSON"), operation.name());
}

#[test]
fn the_codes_of_failures_are_those_of_the_service_model() {
    use images::ImageFailureCode::*;
    use layers::LayerFailureCode::*;
    let images = [
        InvalidImageDigest,
        InvalidImageTag,
        ImageTagDoesNotMatchDigest,
        ImageNotFound,
        MissingDigestAndTag,
        ImageReferencedByManifestList,
        KmsError,
    ];
    assert_eq!(json!(images), json!(answers::IMAGE_FAILURE_CODES));
    assert_eq!(json!([InvalidLayerDigest, MissingLayerDigest]), json!(answers::LAYER_FAILURE_CODES));
}

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn text<T: for<'a> From<&'a str>>(text: &str) -> T {
    T::from(text)
}

fn registry() -> String {
    text("123456789012")
}

fn image_id() -> images::ImageIdentifier {
    images::ImageIdentifier { image_digest: Some(text("sha256:ab")), image_tag: Some(text("latest")) }
}

#[test]
fn every_answer_about_repositories_has_the_members_of_its_shape() {
    use repositories::*;
    let repository = || Repository {
        repository_arn: text("arn:aws:ecr-public::123456789012:repository/team/app"),
        registry_id: registry(),
        repository_name: text("team/app"),
        repository_uri: text("localhost/alias/team/app"),
        created_at: NOW,
    };
    let catalog_data = || catalog_data::RepositoryCatalogData {
        description: Some(text("d")),
        architectures: Some(vec![text("ARM 64")]),
        operating_systems: Some(vec![text("Linux")]),
        logo_url: Some(text("https://localhost/logo/x")),
        about_text: Some(text("a")),
        usage_text: Some(text("u")),
        marketplace_certified: Some(false),
    };
    let shown = catalog_data::RepositoryCatalogDataResponse { catalog_data: catalog_data() };
    answer("PutRepositoryCatalogData", &shown);
    answer("GetRepositoryCatalogData", &shown);
    answer("CreateRepository", &CreateRepositoryResponse { repository: repository(), catalog_data: catalog_data() });
    answer("DeleteRepository", &DeleteRepositoryResponse { repository: repository() });
    let page = DescribeRepositoriesResponse { repositories: vec![repository()], next_token: Some(text("t")) };
    answer("DescribeRepositories", &page);
    for operation in ["SetRepositoryPolicy", "GetRepositoryPolicy", "DeleteRepositoryPolicy"] {
        let repository_name = text("team/app");
        answer(operation, &policies::RepositoryPolicyResponse { registry_id: registry(), repository_name, policy_text: text("{}") });
    }
    answer("TagResource", &resource_tags::TagResourceResponse {});
    answer("UntagResource", &resource_tags::UntagResourceResponse {});
    let tags = vec![resource_tags::ResourceTag { key: Some(text("k")), value: Some(text("v")) }];
    answer("ListTagsForResource", &resource_tags::ListTagsForResourceResponse { tags });
}

#[test]
fn every_answer_about_images_has_the_members_of_its_shape() {
    use images::*;
    let detail = ImageDetail {
        registry_id: registry(),
        repository_name: text("team/app"),
        image_digest: text("sha256:ab"),
        image_tags: Some(vec![text("latest")]),
        image_size_in_bytes: 1,
        image_pushed_at: NOW,
        image_manifest_media_type: text("m"),
        artifact_media_type: Some(text("a")),
    };
    answer("DescribeImages", &DescribeImagesResponse { image_details: vec![detail], next_token: Some(text("t")) });
    let failure = ImageFailure { image_id: image_id(), failure_code: ImageFailureCode::ImageNotFound, failure_reason: text("r") };
    answer("BatchDeleteImage", &BatchDeleteImageResponse { image_ids: vec![image_id()], failures: vec![failure] });
    let image = Image {
        registry_id: registry(),
        repository_name: text("team/app"),
        image_id: image_id(),
        image_manifest: text("{}"),
        image_manifest_media_type: text("m"),
    };
    answer("PutImage", &PutImageResponse { image });
    let image_detail = tags::ReferencedImageDetail {
        image_digest: text("sha256:ab"),
        image_size_in_bytes: 1,
        image_pushed_at: NOW,
        image_manifest_media_type: text("m"),
        artifact_media_type: Some(text("a")),
    };
    let tag = tags::ImageTagDetail { image_tag: text("latest"), created_at: NOW, image_detail };
    answer("DescribeImageTags", &tags::DescribeImageTagsResponse { image_tag_details: vec![tag], next_token: Some(text("t")) });
}

#[test]
fn every_answer_about_layers_has_the_members_of_its_shape() {
    let layer = layers::Layer {
        layer_digest: text("sha256:ab"),
        layer_availability: "AVAILABLE",
        layer_size: Some(1),
        media_type: Some(text("m")),
    };
    let failure = layers::LayerFailure {
        layer_digest: text("sha256:cd"),
        failure_code: layers::LayerFailureCode::MissingLayerDigest,
        failure_reason: text("r"),
    };
    let checked = layers::BatchCheckLayerAvailabilityResponse { layers: vec![layer], failures: vec![failure] };
    answer("BatchCheckLayerAvailability", &checked);
    let upload_id: String = text("01234567-89ab-cdef-0123-456789abcdef");
    let started = uploads::InitiateLayerUploadResponse { upload_id: upload_id.clone(), part_size: 1 };
    answer("InitiateLayerUpload", &started);
    let part = uploads::UploadLayerPartResponse {
        registry_id: registry(),
        repository_name: text("team/app"),
        upload_id: upload_id.clone(),
        last_byte_received: 1,
    };
    answer("UploadLayerPart", &part);
    let complete = uploads::CompleteLayerUploadResponse {
        registry_id: registry(),
        repository_name: text("team/app"),
        upload_id,
        layer_digest: text("sha256:ab"),
    };
    answer("CompleteLayerUpload", &complete);
}

#[test]
fn every_answer_about_registries_has_the_members_of_its_shape() {
    use registries::*;
    let alias = RegistryAlias { name: text("alias"), status: "ACTIVE", primary_registry_alias: true, default_registry_alias: true };
    let registry = Registry {
        registry_id: registry(),
        registry_arn: text("arn:aws:ecr-public::123456789012:registry/123456789012"),
        registry_uri: text("localhost/alias"),
        verified: false,
        aliases: vec![alias],
    };
    answer("DescribeRegistries", &DescribeRegistriesResponse { registries: vec![registry], next_token: Some(text("t")) });
    let registry_catalog_data = catalog_data::RegistryCatalogData { display_name: Some(text("d")) };
    let shown = catalog_data::RegistryCatalogDataResponse { registry_catalog_data };
    answer("GetRegistryCatalogData", &shown);
    answer("PutRegistryCatalogData", &shown);
    let data = authorization::AuthorizationData { authorization_token: text("QVdTOg=="), expires_at: NOW };
    answer("GetAuthorizationToken", &authorization::GetAuthorizationTokenResponse { authorization_data: data });
}
