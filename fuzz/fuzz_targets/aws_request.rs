#![no_main]

use roadstead_model::aws::authorization::*;
use roadstead_model::aws::catalog_data::*;
use roadstead_model::aws::images::*;
use roadstead_model::aws::layers::*;
use roadstead_model::aws::policies::*;
use roadstead_model::aws::registries::*;
use roadstead_model::aws::repositories::*;
use roadstead_model::aws::resource_tags::*;
use roadstead_model::aws::tags::*;
use roadstead_model::aws::uploads::*;
use roadstead_model::aws::{Operation, validation};
use serde::de::DeserializeOwned;

/// Decodes a request of an operation, which it has to be.
fn decode(operation: &str, text: &str) {
    let decode = match operation {
        "BatchCheckLayerAvailability" => to::<BatchCheckLayerAvailabilityRequest>,
        "BatchDeleteImage" => to::<BatchDeleteImageRequest>,
        "CompleteLayerUpload" => to::<CompleteLayerUploadRequest>,
        "CreateRepository" => to::<CreateRepositoryRequest>,
        "DeleteRepository" => to::<DeleteRepositoryRequest>,
        "DeleteRepositoryPolicy" => to::<DeleteRepositoryPolicyRequest>,
        "DescribeImages" => to::<DescribeImagesRequest>,
        "DescribeImageTags" => to::<DescribeImageTagsRequest>,
        "DescribeRegistries" => to::<DescribeRegistriesRequest>,
        "DescribeRepositories" => to::<DescribeRepositoriesRequest>,
        "GetAuthorizationToken" => to::<GetAuthorizationTokenRequest>,
        "GetRegistryCatalogData" => to::<GetRegistryCatalogDataRequest>,
        "GetRepositoryCatalogData" => to::<GetRepositoryCatalogDataRequest>,
        "GetRepositoryPolicy" => to::<GetRepositoryPolicyRequest>,
        "InitiateLayerUpload" => to::<InitiateLayerUploadRequest>,
        "ListTagsForResource" => to::<ListTagsForResourceRequest>,
        "PutImage" => to::<PutImageRequest>,
        "PutRegistryCatalogData" => to::<PutRegistryCatalogDataRequest>,
        "PutRepositoryCatalogData" => to::<PutRepositoryCatalogDataRequest>,
        "SetRepositoryPolicy" => to::<SetRepositoryPolicyRequest>,
        "TagResource" => to::<TagResourceRequest>,
        "UntagResource" => to::<UntagResourceRequest>,
        "UploadLayerPart" => to::<UploadLayerPartRequest>,
        other => panic!("{other} has no request here"),
    };
    if let Err(error) = decode(text) {
        panic!("{operation} validates {text} and does not decode it: {error}");
    }
}

fn to<T: DeserializeOwned>(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<T>(text).map(drop)
}

// The name of an operation, a blank and a body. What passes a shape can be decoded; a member that is there twice is the
// exception, so each is kept once.
libfuzzer_sys::fuzz_target!(|input: &str| {
    let Some((name, body)) = input.split_once(' ') else { return };
    let Some(operation) = Operation::find(name) else { return };
    let verdict = validation::validate(operation.input, body);
    let Ok(value) = serde_json::from_str::<serde_json::Value>(body) else { return };
    let text = value.to_string();
    match validation::validate(operation.input, &text) {
        Ok(()) => decode(operation.name, &text),
        Err(invalid) => {
            assert!(value.is_object() || matches!(invalid, validation::Invalid::NotAnObject));
            assert!(verdict.is_err() || has_large_numbers(&value), "{name} takes {body} but not {text}");
        }
    }
});

/// Whether a number may have been rewritten: what no `u64` holds becomes a fraction.
fn has_large_numbers(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number.is_f64(),
        serde_json::Value::Array(items) => items.iter().any(has_large_numbers),
        serde_json::Value::Object(members) => members.values().any(has_large_numbers),
        _ => false,
    }
}
