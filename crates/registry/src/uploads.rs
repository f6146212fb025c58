//! Upload sessions, which receive the bytes of blobs from every door.
//!
//! A session without bytes has no row: its id proves that it was started. The first bytes to be stored bring one, and a session that is
//! completed in one small request never has one. Ids of sessions that ended are remembered until they expire.
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
pub(crate) mod claim;
pub(crate) mod completing;
pub(crate) mod ending;
mod ingest;
mod layer_parts;
mod leasing;
pub(crate) mod session;
pub(crate) mod starting;
pub(crate) mod write_right;

pub use body::{BodyError, PartBody};
pub use layer_parts::LayerPart;
pub use session::{SessionName, Upload};
