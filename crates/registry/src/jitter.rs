//! Random pauses, so that those who failed together do not try again together.

use std::time::Duration;

/// A random time of one to `longest` milliseconds.
pub(crate) fn up_to(longest: u32) -> Duration {
    let random = getrandom::u32().unwrap_or(longest / 2);
    Duration::from_millis(u64::from(1 + random % longest))
}
