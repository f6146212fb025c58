//! What the engines and stores that keep local files need of the operating system.

pub(crate) mod blocking;
pub(crate) mod durability;
pub(crate) mod mapping;
pub(crate) mod permissions;
