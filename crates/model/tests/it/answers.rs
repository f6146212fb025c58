//! The responses of all operations and the members of exceptions, in the service model's terms.

use Answer::{List, OneOf, Structure, Time, Value};
use roadstead_model::aws::scalars::{
    ARN, BOOLEAN, IMAGE_TAG, LAYER_DIGEST, PART_SIZE, REGISTRY_ID, REGISTRY_ID_OR_ALIAS, REPOSITORY_NAME, TEXT, UPLOAD_ID,
};
use roadstead_model::aws::shape::Pattern;
use roadstead_model::aws::{Exception, Operation, Shape};
use roadstead_model::name::REGISTRY_ALIAS_PATTERN;

/// The constraints on a value in a response.
pub(crate) enum Answer {
    Value(&'static Shape),
    Time,
    OneOf(&'static [&'static str]),
    /// The minimum and the maximum length, and the entries.
    List(Option<u64>, Option<u64>, &'static Answer),
    Structure(&'static [Member]),
}

pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) answer: &'static Answer,
}

/// Declares structures by their optional and their required members.
macro_rules! structures {
    ($(static $name:ident { $($optional:ident: $answer:expr),* $(,)? } $(required { $($required:ident: $value:expr),* $(,)? })?)*) => {
        $(static $name: Answer = Structure(&[
            $(Member { name: stringify!($optional), required: false, answer: &$answer },)*
            $($(Member { name: stringify!($required), required: true, answer: &$value },)*)?
        ]);)*
    };
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
static NAME: Answer = Value(&REPOSITORY_NAME);
static TAG: Answer = Value(&IMAGE_TAG);
static RESOURCE_ARN: Answer = Value(&ARN);
static UPLOAD: Answer = Value(&UPLOAD_ID);
static POSITION: Answer = Value(&PART_SIZE);
static DIGEST: Answer = Value(&LAYER_DIGEST);
static BASE64: Pattern = Pattern::new(r"^\S+$");
static CATALOG_TEXT: Answer = Value(&Shape::text(None, 25_600));
static CATALOG_NAMES: Answer = List(None, Some(50), &Value(&Shape::text(Some(1), 50)));
static REGISTRY_ALIAS: Pattern = Pattern::new(REGISTRY_ALIAS_PATTERN);
pub(crate) static IMAGE_FAILURE_CODES: &[&str] = &[
    "InvalidImageDigest",
    "InvalidImageTag",
    "ImageTagDoesNotMatchDigest",
    "ImageNotFound",
    "MissingDigestAndTag",
    "ImageReferencedByManifestList",
    "KmsError",
];
pub(crate) static LAYER_FAILURE_CODES: &[&str] = &["InvalidLayerDigest", "MissingLayerDigest"];

structures! {
    static NOTHING {}

    static AUTHORIZATION { authorizationData: AUTHORIZATION_DATA }
    static AUTHORIZATION_DATA { authorizationToken: Value(&Shape::matching(&BASE64)), expiresAt: Time }

    static REPOSITORY { repositoryArn: RESOURCE_ARN, registryId: ID, repositoryName: NAME, repositoryUri: ANY_TEXT, createdAt: Time }
    static CREATED_REPOSITORY { repository: REPOSITORY, catalogData: CATALOG_DATA }
    static DELETED_REPOSITORY { repository: REPOSITORY }
    static REPOSITORIES { repositories: List(None, None, &REPOSITORY), nextToken: ANY_TEXT }

    static CATALOG_DATA {
        description: Value(&Shape::text(None, 1024)), architectures: CATALOG_NAMES, operatingSystems: CATALOG_NAMES,
        logoUrl: Value(&Shape::text(None, 2048)), aboutText: CATALOG_TEXT, usageText: CATALOG_TEXT, marketplaceCertified: BOOL,
    }
    static REPOSITORY_CATALOG_DATA { catalogData: CATALOG_DATA }
    static DISPLAY_NAME { displayName: Value(&Shape::text(Some(0), 100)) }
    static REGISTRY_CATALOG_DATA {} required { registryCatalogData: DISPLAY_NAME }

    static ALIAS {} required {
        name: Value(&Shape::String { min: Some(2), max: Some(50), pattern: Some(&REGISTRY_ALIAS) }),
        status: OneOf(&["ACTIVE", "PENDING", "REJECTED"]), primaryRegistryAlias: BOOL, defaultRegistryAlias: BOOL,
    }
    static REGISTRY {} required {
        registryId: ID, registryArn: RESOURCE_ARN, registryUri: ANY_TEXT, verified: BOOL, aliases: List(None, None, &ALIAS),
    }
    static REGISTRIES { nextToken: ANY_TEXT } required { registries: List(None, None, &REGISTRY) }

    static POLICY { registryId: ID, repositoryName: NAME, policyText: Value(&Shape::text(Some(0), 10_240)) }

    static RESOURCE_TAG { Key: Value(&Shape::text(Some(1), 128)), Value: Value(&Shape::text(Some(0), 256)) }
    static RESOURCE_TAGS { tags: List(Some(0), Some(200), &RESOURCE_TAG) }

    static IMAGE_DETAIL {
        registryId: ID, repositoryName: NAME, imageDigest: ANY_TEXT, imageTags: List(None, None, &TAG), imageSizeInBytes: SIZE,
        imagePushedAt: Time, imageManifestMediaType: ANY_TEXT, artifactMediaType: ANY_TEXT,
    }
    static IMAGES { imageDetails: List(None, None, &IMAGE_DETAIL), nextToken: ANY_TEXT }
    static REFERENCED_IMAGE_DETAIL {
        imageDigest: ANY_TEXT, imageSizeInBytes: SIZE, imagePushedAt: Time, imageManifestMediaType: ANY_TEXT, artifactMediaType: ANY_TEXT,
    }
    static IMAGE_TAG_DETAIL { imageTag: TAG, createdAt: Time, imageDetail: REFERENCED_IMAGE_DETAIL }
    static IMAGE_TAGS { imageTagDetails: List(None, None, &IMAGE_TAG_DETAIL), nextToken: ANY_TEXT }

    static IMAGE_ID { imageDigest: ANY_TEXT, imageTag: TAG }
    static IMAGE {
        registryId: Value(&REGISTRY_ID_OR_ALIAS), repositoryName: NAME, imageId: IMAGE_ID,
        imageManifest: Value(&Shape::text(Some(1), 4_194_304)), imageManifestMediaType: ANY_TEXT,
    }
    static PUT_IMAGE { image: IMAGE }
    static IMAGE_FAILURE { imageId: IMAGE_ID, failureCode: OneOf(IMAGE_FAILURE_CODES), failureReason: ANY_TEXT }
    static DELETED_IMAGES { imageIds: List(Some(1), Some(100), &IMAGE_ID), failures: List(None, None, &IMAGE_FAILURE) }

    static LAYER {
        layerDigest: DIGEST, layerAvailability: OneOf(&["AVAILABLE", "UNAVAILABLE"]), layerSize: SIZE, mediaType: ANY_TEXT,
    }
    static LAYER_FAILURE {
        layerDigest: Value(&Shape::text(Some(0), 1000)), failureCode: OneOf(LAYER_FAILURE_CODES), failureReason: ANY_TEXT,
    }
    static LAYERS { layers: List(None, None, &LAYER), failures: List(None, None, &LAYER_FAILURE) }

    static STARTED_UPLOAD { uploadId: UPLOAD, partSize: POSITION }
    static PART { registryId: ID, repositoryName: NAME, uploadId: UPLOAD, lastByteReceived: POSITION }
    static COMPLETED_UPLOAD { registryId: ID, repositoryName: NAME, uploadId: UPLOAD, layerDigest: DIGEST }

    static MESSAGE { message: ANY_TEXT }
    static LAYER_PART {
        registryId: ID, repositoryName: NAME, uploadId: UPLOAD, lastValidByteReceived: POSITION, message: ANY_TEXT,
    }
}

pub(crate) fn of_exception(exception: Exception) -> &'static Answer {
    if exception == Exception::InvalidLayerPart { &LAYER_PART } else { &MESSAGE }
}
