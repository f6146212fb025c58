//! The simple shapes that several operations share, under the names that the service model gives them.

use super::shape::{Pattern, Shape};
use crate::name::{REGISTRY_ALIAS_PATTERN, REGISTRY_ID_PATTERN, REPOSITORY_NAME_PATTERN};

static REPOSITORY_NAME_FORM: Pattern = Pattern::new(REPOSITORY_NAME_PATTERN);
static REGISTRY_ID_FORM: Pattern = Pattern::new(REGISTRY_ID_PATTERN);
static REGISTRY_ALIAS_FORM: Pattern = Pattern::new(REGISTRY_ALIAS_PATTERN);
/// What the service model, and the service, hold a digest against.
pub static LAYER_DIGEST_FORM: Pattern = Pattern::new("[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+");
static UPLOAD_ID_FORM: Pattern = Pattern::new("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");
static BASE64_FORM: Pattern = Pattern::new(r"^\S+$");

/// A text without constraints.
pub static TEXT: Shape = Shape::TEXT;
/// `true` or `false`.
pub static BOOLEAN: Shape = Shape::Boolean;
/// Seconds since the Unix epoch.
pub static TIMESTAMP: Shape = Shape::Timestamp;
/// `Arn`
pub static ARN: Shape = Shape::text(Some(1), 2048);
/// `Base64`
pub static BASE64: Shape = Shape::matching(&BASE64_FORM);
/// `RepositoryName`
pub static REPOSITORY_NAME: Shape = Shape::String { min: Some(2), max: Some(205), pattern: Some(&REPOSITORY_NAME_FORM), values: &[] };
/// `RegistryId`
pub static REGISTRY_ID: Shape = Shape::matching(&REGISTRY_ID_FORM);
/// `RegistryIdOrAlias`
pub static REGISTRY_ID_OR_ALIAS: Shape = Shape::text(Some(2), 50);
/// `RegistryAliasName`
pub static REGISTRY_ALIAS_NAME: Shape = Shape::String { min: Some(2), max: Some(50), pattern: Some(&REGISTRY_ALIAS_FORM), values: &[] };
/// `MaxResults`
pub static MAX_RESULTS: Shape = Shape::Integer { min: Some(1), max: Some(1000) };
/// `LayerDigest`
pub static LAYER_DIGEST: Shape = Shape::matching(&LAYER_DIGEST_FORM);
/// `UploadId`
pub static UPLOAD_ID: Shape = Shape::matching(&UPLOAD_ID_FORM);
/// `PartSize`
pub static PART_SIZE: Shape = Shape::Long { min: Some(0), max: None };
/// `ImageSizeInBytes`, `LayerSizeInBytes`
pub static SIZE_IN_BYTES: Shape = Shape::Long { min: None, max: None };
/// `ImageTag`
pub static IMAGE_TAG: Shape = Shape::text(Some(1), 300);
