//! The gallery over the wire.

mod aws_api;
