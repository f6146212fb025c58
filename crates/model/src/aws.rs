//! The Amazon ECR Public API (`ecr-public` 2020-10-30, awsJson1.1): operations, requests, responses and exceptions.
//!
//! [`operations`] is the table of all 23 operations; their structures stand in one file per topic. [`Request::read`] parses and
//! validates a request in one pass, so that violations have AWS's wording. `tests/it/service_model.rs` compares all of this with
//! botocore's copy of AWS's service model.
//!
//! An absent `registryId` means the caller's own registry. A page without `maxResults` has at most 100 entries.

pub mod authorization;
mod blob;
pub mod catalog_data;
mod exception;
pub mod gallery;
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

/// The prefix of the operation's name in `X-Amz-Target`, as in `SpencerFrontendService.CreateRepository`.
pub const TARGET_PREFIX: &str = "SpencerFrontendService.";
/// The service in the credential scope of a signature.
pub const SIGNING_NAME: &str = "ecr-public";
/// The media type of every request and response.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
