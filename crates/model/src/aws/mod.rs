//! The Amazon ECR Public API (`ecr-public` 2020-10-30, awsJson1.1): its operations, their requests and answers, its exceptions.
//!
//! Each structure is declared once, one topic a file. A request is read and held against its [`Shape`] in one pass
//! ([`Request::read`]), so that a violation is worded as AWS words it. [`operations`] is the table of all 23 operations.
//! `tests/it/service_model.rs` holds all of it against AWS's own service model as botocore ships it.
//!
//! A `registryId` that is absent means the caller's own registry, and a page without `maxResults` has at most 100 entries.

pub mod authorization;
mod blob;
pub mod catalog_data;
mod exception;
pub mod images;
pub mod layers;
pub mod operations;
pub mod policies;
pub mod registries;
pub mod repositories;
pub mod resource_tags;
pub mod scalars;
pub mod shape;
mod structure;
pub mod tags;
pub mod uploads;
mod value;
mod violation;

pub use blob::Blob;
pub use exception::Exception;
pub use operations::{Operation, Request, Resource};
pub use shape::Shape;
pub use violation::{Invalid, Violation};

/// What stands before the operation's name in `X-Amz-Target`: `SpencerFrontendService.CreateRepository`.
pub const TARGET_PREFIX: &str = "SpencerFrontendService.";
/// The service's name in the credential scope of a signature.
pub const SIGNING_NAME: &str = "ecr-public";
/// The media type of every request and answer.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
