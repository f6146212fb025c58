//! Row ids, which grow with time, so that rows are stored in the order of their creation.

use roadstead_model::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// The last id that this process has drawn.
static LAST: AtomicI64 = AtomicI64::new(0);

/// Draws a row id: milliseconds since the epoch, then 20 bits that start at random and count up, so that several processes hardly ever
/// draw the same one. It must be drawn within the work of a transaction, so that a retry after such a collision has another.
pub(super) fn next(now: Timestamp) -> i64 {
    // Without random numbers, the counter still keeps the ids of this process apart.
    let random = getrandom::u32().unwrap_or(0);
    let fresh = (now.millis() << 20) | i64::from(random >> 13);
    let next = |last: i64| fresh.max(last + 1);
    let step = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last)));
    step.map_or(fresh, next)
}
