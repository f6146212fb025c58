//! What clients and scripts rely on, tried on the real binary over loopback. No network and no service is needed.

// A test that panics has said what it had to say; the lint knows only functions that are tests themselves.
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
