//! What was counted and has yet to be told or stored.

use super::bounded_map::MAX_CALLERS;
use super::caller::Caller;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Instant;

/// An amount, and when the first of it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) amount: u64,
    pub(super) first: Instant,
}

/// The counts of callers. It has as many entries as a map of callers at most: what exceeds them is dropped.
#[derive(Debug, Default)]
pub(super) struct Pending(HashMap<Caller, Count>);

impl Pending {
    pub(super) fn add(&mut self, caller: Caller, count: Count) {
        if let Some(pending) = self.0.get_mut(&caller) {
            pending.amount = pending.amount.saturating_add(count.amount);
            pending.first = pending.first.min(count.first);
        } else if self.0.len() < MAX_CALLERS {
            self.0.insert(caller, count);
        }
    }

    pub(super) fn amount(&self, caller: Caller) -> u64 {
        self.0.get(&caller).map_or(0, |count| count.amount)
    }

    /// Takes the largest counts, at most `most`. The others remain and grow.
    pub(super) fn take_largest(&mut self, most: usize) -> Vec<(Caller, Count)> {
        if self.0.len() <= most {
            return self.0.drain().collect();
        }
        let mut taken: Vec<_> = self.0.iter().map(|(caller, count)| (*caller, *count)).collect();
        taken.select_nth_unstable_by_key(most, |(_, count)| Reverse(count.amount));
        taken.truncate(most);
        for (caller, _) in &taken {
            self.0.remove(caller);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_largest_counts_are_taken_first_and_once() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        for number in 0..10_u64 {
            pending.add(Caller(number as i64), Count { amount: number, first: now });
        }
        let callers = |taken: Vec<(Caller, Count)>| {
            let mut callers: Vec<_> = taken.into_iter().map(|(Caller(number), _)| number).collect();
            callers.sort_unstable();
            callers
        };
        assert_eq!(callers(pending.take_largest(3)), [7, 8, 9]);
        pending.add(Caller(0), Count { amount: 100, first: now });
        assert_eq!(callers(pending.take_largest(1)), [0]);
        assert_eq!(callers(pending.take_largest(100)), [1, 2, 3, 4, 5, 6]);
        assert_eq!(pending.take_largest(100), []);
    }

    #[test]
    fn counts_of_one_caller_add_up_from_the_first_on() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        pending.add(Caller(1), Count { amount: 2, first: now + Duration::from_secs(1) });
        pending.add(Caller(1), Count { amount: u64::MAX, first: now });
        assert_eq!(pending.take_largest(9), [(Caller(1), Count { amount: u64::MAX, first: now })]);
    }

    #[test]
    fn any_number_of_callers_takes_bounded_memory() {
        let (mut pending, now) = (Pending::default(), Instant::now());
        for number in 0..2 * MAX_CALLERS as i64 {
            pending.add(Caller(number), Count { amount: 1, first: now });
        }
        assert_eq!(pending.take_largest(usize::MAX).len(), MAX_CALLERS);
    }
}
