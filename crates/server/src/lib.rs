//! Roadstead: a public container registry that speaks Amazon ECR Public and the OCI distribution protocol.
//!
//! This crate holds the doors. A request goes through three rooms: a door here, an operation in `roadstead-registry`, and its
//! metadata or blobs. [`router`] picks the door. Imports point down only; `tests/imports.py` lists the floors and holds the
//! modules to them.

mod admission;
mod audit;
pub mod auth;
mod aws;
mod background;
pub mod cli;
mod config;
mod connection;
mod descriptors;
mod gallery;
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
