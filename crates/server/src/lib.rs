//! Roadstead: a public container registry that speaks Amazon ECR Public and the OCI distribution protocol.
//!
//! This crate contains the doors. `router` picks the door of a request. The door calls an operation of `roadstead-registry`, which
//! uses metadata and blobs. Imports point down only: `tests/imports.py` lists the floors and checks them.

mod admission;
mod audit;
pub mod auth;
mod aws;
mod aws_errors;
mod background;
pub mod cli;
mod config;
mod connection;
mod descriptors;
mod gallery;
mod heap;
mod http;
pub mod oci;
mod principal;
mod probes;
mod quick_start;
mod rates;
mod router;
mod server;
#[cfg(test)]
#[path = "../tests/it/support/signing.rs"]
mod signing;
mod telemetry;
mod tls;
