//! Bit sets over the positions in a text: the states of the wildcard matcher.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    /// The empty set, with room for 64 positions in each of `words` words.
    pub(super) fn none(words: usize) -> Self {
        Self(vec![0; words])
    }

    pub(super) fn add(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    pub(super) fn remove(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Advances every position by one. With `only`, positions outside of it are dropped first.
    pub(super) fn advance(&mut self, only: Option<&Self>) {
        count(self.0.len());
        let mut carry = 0;
        for (index, word) in self.0.iter_mut().enumerate() {
            let kept = *word & only.map_or(u64::MAX, |only| only.0.get(index).copied().unwrap_or(0));
            *word = kept << 1 | carry;
            carry = kept >> 63;
        }
    }

    /// Fills the set from its first position through `last`.
    pub(super) fn spread(&mut self, last: usize) {
        count(self.0.len());
        let mut begun = false;
        for (index, word) in self.0.iter_mut().enumerate() {
            let from = if begun { u64::MAX } else { u64::MAX.checked_shl(word.trailing_zeros()).unwrap_or(0) };
            begun |= *word != 0;
            *word = from & up_to(last, index);
        }
    }
}

/// The bits of word `index` for the positions up to and including `last`.
fn up_to(last: usize, index: usize) -> u64 {
    match last.checked_sub(index * 64) {
        None => 0,
        Some(last) if last >= 63 => u64::MAX,
        Some(last) => (1 << (last + 1)) - 1,
    }
}

/// Counts elementary steps, so that tests can bound the cost of an evaluation without a clock.
#[cfg(not(test))]
pub(super) fn count(_steps: usize) {}

#[cfg(test)]
pub(super) use counting::{count, counted};

#[cfg(test)]
mod counting {
    use std::cell::Cell;

    thread_local! {
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(in super::super) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// Runs `work` and returns its result and the number of steps.
    pub(in super::super) fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
        let before = STEPS.get();
        let given = work();
        (given, STEPS.get() - before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(places: &[usize]) -> Bits {
        let mut bits = Bits::none(3);
        places.iter().for_each(|at| bits.add(*at));
        bits
    }

    fn places(bits: &Bits) -> Vec<usize> {
        (0..192).filter(|at| bits.has(*at)).collect()
    }

    #[test]
    fn places_move_on_across_words_and_those_past_the_end_go() {
        let mut bits = set(&[0, 63, 127, 191]);
        bits.advance(None);
        assert_eq!(places(&bits), [1, 64, 128]);
        bits.advance(Some(&set(&[64, 100])));
        assert_eq!(places(&bits), [65]);
        bits.remove(65);
        assert!(bits.is_empty());
    }

    #[test]
    fn places_spread_from_the_first_to_the_last() {
        for (first, last) in [(0, 0), (3, 10), (62, 64), (63, 63), (5, 191), (64, 127), (130, 130)] {
            let mut bits = set(&[first, last]);
            bits.spread(last);
            assert_eq!(places(&bits), (first..=last).collect::<Vec<_>>(), "{first} {last}");
        }
        let mut none = Bits::none(3);
        none.spread(100);
        assert!(none.is_empty());
    }
}
