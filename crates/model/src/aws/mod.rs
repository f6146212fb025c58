//! The shapes of the Amazon ECR Public API (`ecr-public` 2020-10-30, awsJson1.1), shared by the server, the
//! command line and the tests.
//!
//! Two descriptions stand side by side, one topic a file: what each request may hold ([`shape::Shape`], checked by
//! [`validation`] before anything is decoded, so that a violation is worded as AWS words it) and the structs that
//! requests are decoded into. [`operations::OPERATIONS`] lists all 23 operations. `tests/service_model.rs` holds both
//! against AWS's own service model as botocore ships it.

pub mod authorization;
pub mod blob;
pub mod catalog_data;
pub mod exception;
pub mod images;
pub mod layers;
pub mod operations;
pub mod policies;
pub mod registries;
pub mod repositories;
pub mod resource_tags;
pub mod scalars;
pub mod shape;
pub mod tags;
pub mod uploads;
pub mod validation;

pub use blob::Blob;
pub use exception::Exception;
pub use operations::{OPERATIONS, Operation};
pub use shape::Shape;

/// What stands before the operation's name in `X-Amz-Target`: `SpencerFrontendService.CreateRepository`.
pub const TARGET_PREFIX: &str = "SpencerFrontendService.";
/// The service's name in the credential scope of a signature.
pub const SIGNING_NAME: &str = "ecr-public";
/// The media type of every request and answer.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
