//! Tests of the binary over the loopback interface. They need neither a network nor other services.

// Clippy allows these in tests, but not in the functions that tests call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod aws;
mod browsers;
mod cli;
mod concurrent_clients;
mod connections;
mod declared_accounts;
mod failed_logins;
mod file_permissions;
mod gallery;
mod garbage_collection;
mod healthcheck;
mod limits;
mod listings;
mod logs;
mod metrics;
mod oci;
mod pull_statistics;
mod revoking;
mod serving;
mod shared_database;
mod shared_limits;
mod support;
mod tls;
mod transferring;
mod truncated_blobs;
