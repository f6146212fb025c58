//! The kinds of log lines: their shares of a queue, and counters of dropped lines.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::LazyLock;

/// The capacity of a queue in bytes, including the batch being written: room for about 3,000 lines.
pub(super) const CAPACITY: usize = 1024 * 1024;

/// The number of dropped lines, by kind.
static DROPPED: LazyLock<Family<Label, Counter>> = LazyLock::new(Family::default);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A line of the access log.
    Access,
    /// An event of `tracing`.
    Event,
    /// A line of the audit log.
    Audit,
}

pub(super) const KINDS: [Kind; 3] = [Kind::Access, Kind::Event, Kind::Audit];

/// A label of a metric: its name and its value.
pub(super) type Label = [(&'static str, &'static str); 1];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Event => "event",
            Self::Audit => "audit",
        }
    }

    /// The number of bytes up to which lines of this kind may fill a queue. Lines that any client can cause leave room for rare,
    /// important ones.
    pub(super) fn capacity(self) -> usize {
        match self {
            Self::Access => CAPACITY / 2,
            Self::Event => CAPACITY / 4 * 3,
            Self::Audit => CAPACITY,
        }
    }

    pub(super) fn count_dropped(self) {
        DROPPED.get_or_create(&[("kind", self.name())]).inc();
    }
}

/// The counters of dropped lines.
pub(super) fn dropped() -> Family<Label, Counter> {
    for kind in KINDS {
        drop(DROPPED.get_or_create(&[("kind", kind.name())]));
    }
    DROPPED.clone()
}
