//! What each operation may answer, as the service model has it.

use Answer::{List, OneOf, Structure, Time, Value};
use roadstead_model::aws::scalars::{
    ARN, BOOLEAN, IMAGE_TAG, LAYER_DIGEST, PART_SIZE, REGISTRY_ID, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, TEXT, UPLOAD_ID,
};
use roadstead_model::aws::shape::Pattern;
use roadstead_model::aws::{Exception, Operation, Shape};
use roadstead_model::name::REGISTRY_ALIAS_PATTERN;

/// A value of an answer.
pub(crate) enum Answer {
    Value(&'static Shape),
    Time,
    OneOf(&'static [&'static str]),
    /// From so many items, up to so many.
    List(Option<u64>, Option<u64>, &'static Answer),
    Structure(&'static [Member]),
}

pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) answer: &'static Answer,
}

const fn required(name: &'static str, answer: &'static Answer) -> Member {
    Member { name, required: true, answer }
}

const fn optional(name: &'static str, answer: &'static Answer) -> Member {
    Member { name, required: false, answer }
}

/// The answer of an operation.
pub(crate) fn of(operation: Operation) -> &'static Answer {
    match operation {
        Operation::BatchCheckLayerAvailability => &LAYERS,
        Operation::BatchDeleteImage => &DELETED_IMAGES,
        Operation::CompleteLayerUpload => &COMPLETED_UPLOAD,
        Operation::CreateRepository => &CREATED_REPOSITORY,
        Operation::DeleteRepository => &DELETED_REPOSITORY,
        Operation::DescribeImageTags => &IMAGE_TAGS,
        Operation::DescribeImages => &IMAGES,
        Operation::DescribeRegistries => &REGISTRIES,
        Operation::DescribeRepositories => &REPOSITORIES,
        Operation::GetAuthorizationToken => &AUTHORIZATION,
        Operation::GetRegistryCatalogData | Operation::PutRegistryCatalogData => &REGISTRY_CATALOG_DATA,
        Operation::GetRepositoryCatalogData | Operation::PutRepositoryCatalogData => &REPOSITORY_CATALOG_DATA,
        Operation::DeleteRepositoryPolicy | Operation::GetRepositoryPolicy | Operation::SetRepositoryPolicy => &POLICY,
        Operation::InitiateLayerUpload => &STARTED_UPLOAD,
        Operation::ListTagsForResource => &RESOURCE_TAGS,
        Operation::PutImage => &PUT_IMAGE,
        Operation::TagResource | Operation::UntagResource => &NOTHING,
        Operation::UploadLayerPart => &PART,
    }
}

static ANY_TEXT: Answer = Value(&TEXT);
static BOOL: Answer = Value(&BOOLEAN);
static SIZE: Answer = Value(&Shape::Long { min: None, max: None });
static ID: Answer = Value(&REGISTRY_ID);
static ID_OR_ALIAS: Answer = Value(&REGISTRY_ID_OR_ALIAS);
static NAME: Answer = Value(&REPOSITORY_NAME);
static TAG: Answer = Value(&IMAGE_TAG);
static RESOURCE_ARN: Answer = Value(&ARN);
static UPLOAD: Answer = Value(&UPLOAD_ID);
static POSITION: Answer = Value(&PART_SIZE);

static NOTHING: Answer = Structure(&[]);

static BASE64: Pattern = Pattern::new(r"^\S+$");
static AUTHORIZATION: Answer = Structure(&[optional("authorizationData", &AUTHORIZATION_DATA)]);
static AUTHORIZATION_DATA: Answer =
    Structure(&[optional("authorizationToken", &Value(&Shape::matching(&BASE64))), optional("expiresAt", &Time)]);

static REPOSITORY: Answer = Structure(&[
    optional("repositoryArn", &RESOURCE_ARN),
    optional("registryId", &ID),
    optional("repositoryName", &NAME),
    optional("repositoryUri", &ANY_TEXT),
    optional("createdAt", &Time),
]);
static CREATED_REPOSITORY: Answer = Structure(&[optional("repository", &REPOSITORY), optional("catalogData", &CATALOG_DATA)]);
static DELETED_REPOSITORY: Answer = Structure(&[optional("repository", &REPOSITORY)]);
static REPOSITORIES: Answer = Structure(&[optional("repositories", &List(None, None, &REPOSITORY)), optional("nextToken", &ANY_TEXT)]);

static CATALOG_TEXT: Answer = Value(&Shape::text(None, 25_600));
static CATALOG_NAMES: Answer = List(None, Some(50), &Value(&Shape::text(Some(1), 50)));
static CATALOG_DATA: Answer = Structure(&[
    optional("description", &Value(&Shape::text(None, 1024))),
    optional("architectures", &CATALOG_NAMES),
    optional("operatingSystems", &CATALOG_NAMES),
    optional("logoUrl", &Value(&Shape::text(None, 2048))),
    optional("aboutText", &CATALOG_TEXT),
    optional("usageText", &CATALOG_TEXT),
    optional("marketplaceCertified", &BOOL),
]);
static REPOSITORY_CATALOG_DATA: Answer = Structure(&[optional("catalogData", &CATALOG_DATA)]);
static DISPLAY_NAME: Answer = Structure(&[optional("displayName", &Value(&Shape::text(Some(0), 100)))]);
static REGISTRY_CATALOG_DATA: Answer = Structure(&[required("registryCatalogData", &DISPLAY_NAME)]);

static REGISTRY_ALIAS: Pattern = Pattern::new(REGISTRY_ALIAS_PATTERN);
static ALIAS: Answer = Structure(&[
    required("name", &Value(&Shape::String { min: Some(2), max: Some(50), pattern: Some(&REGISTRY_ALIAS) })),
    required("status", &OneOf(&["ACTIVE", "PENDING", "REJECTED"])),
    required("primaryRegistryAlias", &BOOL),
    required("defaultRegistryAlias", &BOOL),
]);
static REGISTRY: Answer = Structure(&[
    required("registryId", &ID),
    required("registryArn", &RESOURCE_ARN),
    required("registryUri", &ANY_TEXT),
    required("verified", &BOOL),
    required("aliases", &List(None, None, &ALIAS)),
]);
static REGISTRIES: Answer = Structure(&[required("registries", &List(None, None, &REGISTRY)), optional("nextToken", &ANY_TEXT)]);

static POLICY: Answer = Structure(&[
    optional("registryId", &ID),
    optional("repositoryName", &NAME),
    optional("policyText", &Value(&Shape::text(Some(0), 10_240))),
]);

static RESOURCE_TAG: Answer =
    Structure(&[optional("Key", &Value(&Shape::text(Some(1), 128))), optional("Value", &Value(&Shape::text(Some(0), 256)))]);
static RESOURCE_TAGS: Answer = Structure(&[optional("tags", &List(Some(0), Some(200), &RESOURCE_TAG))]);

static IMAGE_DETAIL: Answer = Structure(&[
    optional("registryId", &ID),
    optional("repositoryName", &NAME),
    optional("imageDigest", &ANY_TEXT),
    optional("imageTags", &List(None, None, &TAG)),
    optional("imageSizeInBytes", &SIZE),
    optional("imagePushedAt", &Time),
    optional("imageManifestMediaType", &ANY_TEXT),
    optional("artifactMediaType", &ANY_TEXT),
]);
static IMAGES: Answer = Structure(&[optional("imageDetails", &List(None, None, &IMAGE_DETAIL)), optional("nextToken", &ANY_TEXT)]);
static REFERENCED_IMAGE_DETAIL: Answer = Structure(&[
    optional("imageDigest", &ANY_TEXT),
    optional("imageSizeInBytes", &SIZE),
    optional("imagePushedAt", &Time),
    optional("imageManifestMediaType", &ANY_TEXT),
    optional("artifactMediaType", &ANY_TEXT),
]);
static IMAGE_TAG_DETAIL: Answer =
    Structure(&[optional("imageTag", &TAG), optional("createdAt", &Time), optional("imageDetail", &REFERENCED_IMAGE_DETAIL)]);
static IMAGE_TAGS: Answer =
    Structure(&[optional("imageTagDetails", &List(None, None, &IMAGE_TAG_DETAIL)), optional("nextToken", &ANY_TEXT)]);

static IMAGE_ID: Answer = Structure(&[optional("imageDigest", &ANY_TEXT), optional("imageTag", &TAG)]);
static IMAGE: Answer = Structure(&[
    optional("registryId", &ID_OR_ALIAS),
    optional("repositoryName", &NAME),
    optional("imageId", &IMAGE_ID),
    optional("imageManifest", &Value(&Shape::text(Some(1), 4_194_304))),
    optional("imageManifestMediaType", &ANY_TEXT),
]);
static PUT_IMAGE: Answer = Structure(&[optional("image", &IMAGE)]);
pub(crate) static IMAGE_FAILURE_CODES: &[&str] = &[
    "InvalidImageDigest",
    "InvalidImageTag",
    "ImageTagDoesNotMatchDigest",
    "ImageNotFound",
    "MissingDigestAndTag",
    "ImageReferencedByManifestList",
    "KmsError",
];
static IMAGE_FAILURE: Answer = Structure(&[
    optional("imageId", &IMAGE_ID),
    optional("failureCode", &OneOf(IMAGE_FAILURE_CODES)),
    optional("failureReason", &ANY_TEXT),
]);
static DELETED_IMAGES: Answer =
    Structure(&[optional("imageIds", &List(Some(1), Some(100), &IMAGE_ID)), optional("failures", &List(None, None, &IMAGE_FAILURE))]);

static DIGEST: Answer = Value(&LAYER_DIGEST);
static LAYER: Answer = Structure(&[
    optional("layerDigest", &DIGEST),
    optional("layerAvailability", &OneOf(&["AVAILABLE", "UNAVAILABLE"])),
    optional("layerSize", &SIZE),
    optional("mediaType", &ANY_TEXT),
]);
pub(crate) static LAYER_FAILURE_CODES: &[&str] = &["InvalidLayerDigest", "MissingLayerDigest"];
static LAYER_FAILURE: Answer = Structure(&[
    optional("layerDigest", &Value(&Shape::text(Some(0), 1000))),
    optional("failureCode", &OneOf(LAYER_FAILURE_CODES)),
    optional("failureReason", &ANY_TEXT),
]);
static LAYERS: Answer =
    Structure(&[optional("layers", &List(None, None, &LAYER)), optional("failures", &List(None, None, &LAYER_FAILURE))]);

static STARTED_UPLOAD: Answer = Structure(&[optional("uploadId", &UPLOAD), optional("partSize", &POSITION)]);
static PART: Answer = Structure(&[
    optional("registryId", &ID),
    optional("repositoryName", &NAME),
    optional("uploadId", &UPLOAD),
    optional("lastByteReceived", &POSITION),
]);
static COMPLETED_UPLOAD: Answer = Structure(&[
    optional("registryId", &ID),
    optional("repositoryName", &NAME),
    optional("uploadId", &UPLOAD),
    optional("layerDigest", &DIGEST),
]);

static MESSAGE: &[Member] = &[optional("message", &ANY_TEXT)];
static LAYER_PART: &[Member] = &[
    optional("registryId", &ID),
    optional("repositoryName", &NAME),
    optional("uploadId", &UPLOAD),
    optional("lastValidByteReceived", &POSITION),
    optional("message", &ANY_TEXT),
];

/// The members of an exception.
pub(crate) fn of_exception(exception: Exception) -> &'static [Member] {
    if exception == Exception::InvalidLayerPart { LAYER_PART } else { MESSAGE }
}
