//! Request ids.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Returns a UUID that is unique but not secret, without a system call: a seed distinguishes processes, and a counter requests. An
/// odd factor spreads the counter over all digits.
pub(super) fn new() -> String {
    static SEED: LazyLock<u128> = LazyLock::new(|| uuid::Uuid::new_v4().as_u128());
    static COUNT: AtomicU64 = AtomicU64::new(1);
    const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let spread = u128::from(COUNT.fetch_add(1, Ordering::Relaxed)).wrapping_mul(FACTOR);
    uuid::Builder::from_random_bytes((*SEED ^ spread).to_be_bytes()).into_uuid().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_unique() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| new()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 4)));
    }
}
