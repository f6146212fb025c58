//! The clock of an installation, which tests can set.

use roadstead_model::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The source of the time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Microseconds since the epoch that a test sets.
    Manual(Arc<AtomicI64>),
    /// The system's clock and its offset in microseconds from that of a database, by which all servers of an installation agree.
    Corrected(Arc<AtomicI64>),
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_micros(system_micros()),
            Self::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::Relaxed)),
            Self::Corrected(offset) => Timestamp::from_micros(system_micros().saturating_add(offset.load(Ordering::Relaxed))),
        }
    }
}

fn system_micros() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}
