//! Pages of a listing (keyset pagination). [`crate::sealed`] seals the token for the next page.

/// The maximum number of entries of a page, 1 to 1000 (service model, `MaxResults`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// AWS's default.
    pub const DEFAULT: Self = Self(100);
    pub const MAXIMUM: Self = Self(1000);

    /// Clamps `size` to the range 1 to 1000.
    pub fn clamped(size: u64) -> Self {
        Self(u32::try_from(size.clamp(1, 1000)).unwrap_or(1000))
    }

    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// The LIMIT of a page's query. The additional row shows whether another page follows.
    pub const fn with_one_more(self) -> i64 {
        self.0 as i64 + 1
    }
}

/// The maximum size of a page in bytes: 4 MiB, the limit of clients (oras-go, for a list of referrers).
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The approximate size in bytes of an entry without its strings: member names, numbers and times.
const FRAME: usize = 128;

/// The overhead in bytes of a bare string: quotes and a comma.
const TEXT_FRAME: usize = 3;

/// Builds a page. It is full when it reaches its limit of entries or of bytes. The first entry always fits, so that every page
/// makes progress.
#[derive(Debug)]
pub struct Filling<T> {
    items: Vec<T>,
    most: usize,
    /// The size in bytes of an entry without its strings.
    frame: usize,
    bytes_left: usize,
    more: bool,
}

impl<T> Filling<T> {
    /// A page of at most `size` entries.
    pub fn new(size: PageSize) -> Self {
        Self::of(size.get(), FRAME)
    }

    /// A page limited by its size in bytes only.
    pub fn of_any_number() -> Self {
        Self::of(usize::MAX, FRAME)
    }

    /// A page of bare strings, limited by its size in bytes only.
    pub fn of_texts() -> Self {
        Self::of(usize::MAX, TEXT_FRAME)
    }

    fn of(most: usize, frame: usize) -> Self {
        Self { items: Vec::new(), most, frame, bytes_left: PAGE_BYTES, more: false }
    }

    /// Adds the next entry, whose strings have `bytes` bytes. Returns `false` if it does not fit; another page then follows, and no
    /// further entry may be added.
    pub fn take(&mut self, item: T, bytes: usize) -> bool {
        let left = self.bytes_left.checked_sub(bytes + self.frame);
        if self.items.len() >= self.most || (left.is_none() && !self.items.is_empty()) {
            self.more = true;
            return false;
        }
        self.bytes_left = left.unwrap_or(0);
        self.items.push(item);
        true
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an entry has not fit.
    pub fn is_full(&self) -> bool {
        self.more
    }

    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// Returns the page. If an entry has not fit, the next page starts after the `position` of the last entry.
    pub fn finish<Position>(self, position: impl Fn(&T) -> Position) -> Page<T, Position> {
        let next = if self.more { self.items.last().map(position) } else { None };
        Page { items: self.items, next }
    }
}

/// A part of a listing, and the position of the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Position = String> {
    pub items: Vec<T>,
    /// The position of the last entry if another page follows.
    pub next: Option<Position>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page_of(sizes: &[usize], most: u64) -> Page<usize> {
        let mut page = Filling::new(PageSize::clamped(most));
        let _ = sizes.iter().all(|size| page.take(*size, *size));
        page.finish(usize::to_string)
    }

    #[test]
    fn a_page_has_a_position_only_when_more_follows() {
        assert_eq!(page_of(&[1, 2, 3], 2), Page { items: vec![1, 2], next: Some("2".into()) });
        assert_eq!(page_of(&[1, 2], 2), Page { items: vec![1, 2], next: None });
        assert_eq!(page_of(&[], 2), Page { items: vec![], next: None });
    }

    #[test]
    fn a_page_ends_when_its_bytes_are_spent_but_has_one_entry() {
        let half = PAGE_BYTES / 2 - FRAME;
        assert_eq!(page_of(&[half, half], 9), Page { items: vec![half, half], next: None });
        assert_eq!(page_of(&[half, half + 1], 9), Page { items: vec![half], next: Some(half.to_string()) });
        let huge = 10 * PAGE_BYTES;
        assert_eq!(page_of(&[huge, 1], 9), Page { items: vec![huge], next: Some(huge.to_string()) });
        assert_eq!(page_of(&[huge], 9), Page { items: vec![huge], next: None });
    }

    proptest! {
        #[test]
        fn the_pages_of_a_listing_have_each_entry_once(sizes in prop::collection::vec(0..PAGE_BYTES, 0..40), most in 1u64..9) {
            let (mut seen, mut pages) = (Vec::new(), 0);
            while seen.len() < sizes.len() {
                let page = page_of(&sizes[seen.len()..], most);
                prop_assert!(page.items.iter().sum::<usize>() <= PAGE_BYTES || page.items.len() == 1);
                prop_assert_eq!(page.next.is_some(), seen.len() + page.items.len() < sizes.len());
                seen.extend(page.items);
                pages += 1;
                prop_assert!(pages <= sizes.len());
            }
            prop_assert_eq!(seen, sizes);
        }
    }
}
