//! Upload sessions: how bytes come in, whichever door brings them.
//!
//! A session's row says how many bytes are durable and holds the hash over them, so that a later request, even after a restart, can
//! continue from there. Bytes beyond those that the row counts are cut off by the next append. The bytes of a small session are in its
//! row.
//!
//! What arrived of a chunk (PATCH) is kept when its connection breaks, since clients resume chunks. Completing a session (PUT) is
//! idempotent (RFC 9110, section 9.2.2): a request that breaks off leaves the session as it was, and one that is repeated because its
//! response was lost is answered like the first.

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
