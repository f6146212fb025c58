//! What the tests share: servers, commands, clients, signatures, images.

mod client;
mod credentials;
mod harbour;
mod process;
mod pusher;
mod server;
mod signing;

pub(crate) use client::{Answer, Connection};
pub(crate) use credentials::{Credentials, sign};
pub(crate) use harbour::{Harbour, IMAGE, INDEX, sha256};
pub(crate) use process::{Ended, command, run};
pub(crate) use pusher::{Image, Pusher};
pub(crate) use server::Server;
