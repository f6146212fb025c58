//! Servers, commands, clients, signatures, certificates and images for the tests.

#[path = "../../../registry/tests/servers/buckets.rs"]
mod buckets;
mod client;
mod credentials;
mod harbour;
mod identity;
mod place;
mod postgres;
mod process;
mod pusher;
mod server;
mod signing;

pub(crate) use buckets::{Buckets, endpoint};
pub(crate) use client::{Answer, Connection, connect_http2};
pub(crate) use credentials::{Credentials, sign};
pub(crate) use harbour::{Harbour, IMAGE, INDEX, sha256};
pub(crate) use identity::Identity;
pub(crate) use place::on_files;
pub(crate) use postgres::{postgres, refused, standby_of};
pub(crate) use process::{Ended, command, run, wait_until};
pub(crate) use pusher::{Image, Pusher};
pub(crate) use server::Server;
