//! Gauges and histograms of the engines, for metrics. Measuring is a few additions, without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many are somewhere now. Clones share the number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gauge(Arc<AtomicU64>);

/// Counts one in a [`Gauge`] until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered(Gauge);

impl Gauge {
    pub(crate) fn enter(&self) -> Entered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Entered(self.clone())
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How often there were values of which size.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for greater values.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The greatest value of each bucket, in ascending order.
    pub bounds: &'static [u64],
    /// The values in each bucket, and the values that are greater than all bounds.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Histogram {
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub(crate) fn observe(&self, value: u64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Observes a time in microseconds.
    pub(crate) fn observe_time(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn read(&self) -> Measured {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Measured { bounds: self.bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let histogram = Histogram::new(&[1, 10]);
        [0, 1, 2, 10, 11, 1_000].into_iter().for_each(|value| histogram.observe(value));
        assert_eq!(histogram.read(), Measured { bounds: &[1, 10], counts: vec![2, 2, 2], sum: 1_024 });
    }

    #[test]
    fn a_gauge_counts_what_has_entered_and_is_not_dropped() {
        let gauge = Gauge::default();
        let (first, second) = (gauge.enter(), gauge.clone().enter());
        assert_eq!(gauge.read(), 2);
        drop((first, second));
        assert_eq!(gauge.read(), 0);
    }
}
