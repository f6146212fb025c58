//! The simple shapes that several operations share, with their names in the service model.

use super::shape::{Pattern, Shape};
use crate::name::{REGISTRY_ID_PATTERN, REPOSITORY_NAME_PATTERN};

static REPOSITORY_NAME_FORM: Pattern = Pattern::new(REPOSITORY_NAME_PATTERN);
static REGISTRY_ID_FORM: Pattern = Pattern::new(REGISTRY_ID_PATTERN);
/// Of all digests. The service model omits the pattern for digests of images, but the service checks it.
pub static LAYER_DIGEST_FORM: Pattern = Pattern::new("[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+");
static UPLOAD_ID_FORM: Pattern = Pattern::new("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}");

/// A text without constraints.
pub static TEXT: Shape = Shape::String { min: None, max: None, pattern: None };
pub static BOOLEAN: Shape = Shape::Boolean;
pub static ARN: Shape = Shape::text(Some(1), 2048);
pub static REPOSITORY_NAME: Shape = Shape::String { min: Some(2), max: Some(205), pattern: Some(&REPOSITORY_NAME_FORM) };
pub static REGISTRY_ID: Shape = Shape::matching(&REGISTRY_ID_FORM);
pub static REGISTRY_ID_OR_ALIAS: Shape = Shape::text(Some(2), 50);
pub static MAX_RESULTS: Shape = Shape::Integer { min: Some(1), max: Some(1000) };
pub static LAYER_DIGEST: Shape = Shape::matching(&LAYER_DIGEST_FORM);
pub static UPLOAD_ID: Shape = Shape::matching(&UPLOAD_ID_FORM);
pub static PART_SIZE: Shape = Shape::Long { min: Some(0), max: None };
pub static IMAGE_TAG: Shape = Shape::text(Some(1), 300);
