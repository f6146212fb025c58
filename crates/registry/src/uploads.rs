//! Upload sessions, which receive the bytes of blobs from every door.
//!
//! A session's row holds the number of durable bytes and the hash state over them, so that a later request can continue from there,
//! even after a restart. The next append truncates bytes beyond that number. The bytes of a small session are in its row.
//!
//! If the connection of a chunk (PATCH) breaks, the bytes received are kept, because clients resume chunks. Completing a session (PUT)
//! is idempotent (RFC 9110, section 9.2.2): a request that breaks off leaves the session unchanged, and one that is repeated because its
//! response was lost gets the same response.

mod appending;
mod batch;
mod body;
pub(crate) mod canceling;
pub(crate) mod completing;
pub(crate) mod ingest;
mod layer_parts;
mod leasing;
pub(crate) mod session;
pub(crate) mod starting;

pub use body::{BodyError, PartBody};
pub use layer_parts::LayerPart;
pub use session::Upload;
