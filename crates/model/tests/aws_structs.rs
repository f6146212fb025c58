//! The structs of the AWS API and the shapes that stand beside them say the same.

use roadstead_model::Timestamp;
use roadstead_model::aws::shape::Member;
use roadstead_model::aws::validation::validate;
use roadstead_model::aws::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// A value of `shape` in which every member is present.
fn sample(shape: &Shape) -> Value {
    match shape {
        Shape::String { values: [first, ..], .. } => json!(first),
        // One of these satisfies each pattern of the service model.
        Shape::String { pattern, .. } => ["123456789012", "team/app", "sha256:ab", "01234567-89ab-cdef-0123-456789abcdef"]
            .into_iter()
            .find(|text| pattern.is_none_or(|pattern| pattern.matches(text)))
            .expect("a sample for every pattern")
            .into(),
        Shape::Integer { .. } | Shape::Long { .. } | Shape::Timestamp => json!(7),
        Shape::Boolean => json!(true),
        Shape::Blob { .. } => json!("aGk="),
        Shape::List { item, .. } => json!([sample(item)]),
        Shape::Structure(members) => members.iter().map(|member| (member.name.to_owned(), sample(member.shape))).collect(),
    }
}

/// The request struct of `operation` reads every member of the shape and writes it again.
fn request<T: Serialize + DeserializeOwned>(operation: &str) {
    let shape = Operation::find(operation).expect("an operation").input;
    let sample = sample(shape);
    assert_eq!(validate(shape, &sample.to_string()), Ok(()), "{operation}");
    let decoded: T = serde_json::from_value(sample.clone()).expect(operation);
    assert_eq!(serde_json::to_value(decoded).expect(operation), sample, "{operation}");
}

#[test]
fn every_request_struct_has_the_members_of_its_shape() {
    request::<authorization::GetAuthorizationTokenRequest>("GetAuthorizationToken");
    request::<repositories::CreateRepositoryRequest>("CreateRepository");
    request::<repositories::DescribeRepositoriesRequest>("DescribeRepositories");
    request::<repositories::DeleteRepositoryRequest>("DeleteRepository");
    request::<tags::DescribeImageTagsRequest>("DescribeImageTags");
    request::<images::DescribeImagesRequest>("DescribeImages");
    request::<images::PutImageRequest>("PutImage");
    request::<images::BatchDeleteImageRequest>("BatchDeleteImage");
    request::<layers::BatchCheckLayerAvailabilityRequest>("BatchCheckLayerAvailability");
    request::<uploads::InitiateLayerUploadRequest>("InitiateLayerUpload");
    request::<uploads::UploadLayerPartRequest>("UploadLayerPart");
    request::<uploads::CompleteLayerUploadRequest>("CompleteLayerUpload");
    request::<registries::DescribeRegistriesRequest>("DescribeRegistries");
    request::<catalog_data::GetRepositoryCatalogDataRequest>("GetRepositoryCatalogData");
    request::<catalog_data::PutRepositoryCatalogDataRequest>("PutRepositoryCatalogData");
    request::<catalog_data::GetRegistryCatalogDataRequest>("GetRegistryCatalogData");
    request::<catalog_data::PutRegistryCatalogDataRequest>("PutRegistryCatalogData");
    request::<policies::SetRepositoryPolicyRequest>("SetRepositoryPolicy");
    request::<policies::GetRepositoryPolicyRequest>("GetRepositoryPolicy");
    request::<policies::DeleteRepositoryPolicyRequest>("DeleteRepositoryPolicy");
    request::<resource_tags::TagResourceRequest>("TagResource");
    request::<resource_tags::UntagResourceRequest>("UntagResource");
    request::<resource_tags::ListTagsForResourceRequest>("ListTagsForResource");
}

/// `value` has exactly the members that `shape` lists, at every depth.
fn same_members(shape: &Shape, value: &Value, path: &str) {
    match shape {
        Shape::Structure(members) => {
            let object = value.as_object().expect(path);
            let mut written: Vec<&str> = object.keys().map(String::as_str).collect();
            let mut modelled: Vec<&str> = members.iter().map(|member| member.name).collect();
            written.sort_unstable();
            modelled.sort_unstable();
            assert_eq!(written, modelled, "{path}");
            for Member { name, shape, .. } in *members {
                same_members(shape, &object[*name], &format!("{path}.{name}"));
            }
        }
        Shape::List { item, .. } => {
            let items = value.as_array().expect(path);
            assert!(!items.is_empty(), "{path} has no entry to look at");
            items.iter().for_each(|value| same_members(item, value, path));
        }
        _ => {}
    }
}

/// `value`, in which every optional member is present, is what `operation` may answer.
fn answer(operation: &str, value: &impl Serialize) {
    let shape = Operation::find(operation).expect("an operation").output;
    let value = serde_json::to_value(value).expect(operation);
    same_members(shape, &value, operation);
    assert_eq!(validate(shape, &value.to_string()), Ok(()), "{operation}");
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
    let repository = Repository {
        repository_arn: text("arn:aws:ecr-public::123456789012:repository/team/app"),
        registry_id: registry(),
        repository_name: text("team/app"),
        repository_uri: text("localhost/alias/team/app"),
        created_at: NOW,
    };
    let catalog_data = catalog_data::RepositoryCatalogData {
        description: Some(text("d")),
        architectures: Some(vec![text("ARM 64")]),
        operating_systems: Some(vec![text("Linux")]),
        logo_url: Some(text("https://localhost/logo/x")),
        about_text: Some(text("a")),
        usage_text: Some(text("u")),
        marketplace_certified: Some(false),
    };
    let put = catalog_data::PutRepositoryCatalogDataResponse { catalog_data: catalog_data.clone() };
    answer("PutRepositoryCatalogData", &put);
    let get = catalog_data::GetRepositoryCatalogDataResponse { catalog_data: catalog_data.clone() };
    answer("GetRepositoryCatalogData", &get);
    answer("CreateRepository", &CreateRepositoryResponse { repository: repository.clone(), catalog_data });
    answer("DeleteRepository", &DeleteRepositoryResponse { repository: repository.clone() });
    let page = DescribeRepositoriesResponse { repositories: vec![repository], next_token: Some(text("t")) };
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
    let failure = ImageFailure { image_id: image_id(), failure_code: "ImageNotFound", failure_reason: text("r") };
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
    let failure = layers::LayerFailure { layer_digest: text("sha256:cd"), failure_code: "MissingLayerDigest", failure_reason: text("r") };
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
    let get = catalog_data::GetRegistryCatalogDataResponse { registry_catalog_data: registry_catalog_data.clone() };
    answer("GetRegistryCatalogData", &get);
    answer("PutRegistryCatalogData", &catalog_data::PutRegistryCatalogDataResponse { registry_catalog_data });
    let data = authorization::AuthorizationData { authorization_token: text("QVdTOg=="), expires_at: NOW };
    answer("GetAuthorizationToken", &authorization::GetAuthorizationTokenResponse { authorization_data: data });
}
