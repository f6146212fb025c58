//! The kinds of log lines: how much of a queue each may fill, and how many of each were lost.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::sync::LazyLock;

/// Bytes that a queue holds, including those that are being written: room for about 3,000 lines.
pub(super) const CAPACITY: usize = 1024 * 1024;

/// Lines of this process that were dropped.
static DROPPED: LazyLock<Family<KindLabel, Counter>> = LazyLock::new(Family::default);

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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabel {
    kind: &'static str,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Event => "event",
            Self::Audit => "audit",
        }
    }

    /// How far lines of this kind may fill a queue. Those that any client can cause leave room for those that are rare and matter.
    pub(super) fn capacity(self) -> usize {
        match self {
            Self::Access => CAPACITY / 2,
            Self::Event => CAPACITY / 4 * 3,
            Self::Audit => CAPACITY,
        }
    }

    pub(super) fn count_dropped(self) {
        DROPPED.get_or_create(&KindLabel { kind: self.name() }).inc();
    }
}

/// The counters of dropped lines.
pub(super) fn dropped() -> Family<KindLabel, Counter> {
    for kind in KINDS {
        drop(DROPPED.get_or_create(&KindLabel { kind: kind.name() }));
    }
    DROPPED.clone()
}
