//! Tests of the binary over the loopback interface. They need neither a network nor other services.

// Clippy allows these in tests, but not in the functions that tests call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod aws;
mod browsers;
mod cli;
mod collecting;
mod connections;
mod crowd;
mod damaged;
mod declared;
mod failing;
mod limits;
mod listings;
mod logs;
mod oci;
mod private;
mod revoking;
mod serving;
mod support;
mod tls;
