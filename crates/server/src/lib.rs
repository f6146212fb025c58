//! Roadstead: a public container registry that speaks Amazon ECR Public and the OCI distribution protocol.
//!
//! This crate holds the doors. A request goes through three rooms: a door here, an operation in `roadstead-registry`, and its
//! metadata or blobs. [`router`] picks the door. Imports point down only; `tests/imports.py` lists the floors and holds the
//! modules to them.

mod admission;
pub mod audit;
pub mod auth;
pub mod aws;
mod background;
pub mod cli;
pub mod config;
mod connection;
mod descriptors;
mod gallery;
pub mod http;
pub mod oci;
mod principal;
mod probes;
mod quick_start;
pub mod rates;
mod router;
pub mod server;
#[cfg(test)]
#[path = "../tests/it/support/signing.rs"]
mod signing;
pub mod telemetry;
pub mod tls;
