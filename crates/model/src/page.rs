//! Pages of a listing. The token that leads from one to the next is sealed by [`crate::sealed`].

/// How many entries a page may hold: 1 to 1000, as the service model's `MaxResults` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// What AWS uses when the caller names no size.
    pub const DEFAULT: Self = Self(100);
    /// The largest page.
    pub const MAXIMUM: Self = Self(1000);

    /// `size` brought into the range 1 to 1000.
    pub fn clamped(size: u64) -> Self {
        Self(u32::try_from(size.clamp(1, 1000)).unwrap_or(1000))
    }

    /// The number of entries.
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// What a page's rows are asked for with: the one more only says that more follows.
    pub const fn with_one_more(self) -> i64 {
        self.0 as i64 + 1
    }
}

/// The most bytes that a page holds: 4 MiB, as much as clients read of one (oras-go reads no more of a list of referrers).
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What an entry takes beside its own texts, about: names of members, numbers and times.
const FRAME: usize = 128;

/// What a bare text takes beside itself: quotes and a comma.
const TEXT_FRAME: usize = 3;

/// A page in the making. It is full once it has as many entries as it may have, or as many bytes; its first entry always fits,
/// so that every page leads on.
#[derive(Debug)]
pub struct Filling<T> {
    items: Vec<T>,
    most: usize,
    /// What an entry takes beside its own texts.
    frame: usize,
    bytes_left: usize,
    more: bool,
}

impl<T> Filling<T> {
    /// A page of at most so many entries.
    pub fn new(size: PageSize) -> Self {
        Self::of(size.get(), FRAME)
    }

    /// As many entries as the bytes of a page hold.
    pub fn of_any_number() -> Self {
        Self::of(usize::MAX, FRAME)
    }

    /// The same for entries that are no more than a text each.
    pub fn of_texts() -> Self {
        Self::of(usize::MAX, TEXT_FRAME)
    }

    fn of(most: usize, frame: usize) -> Self {
        Self { items: Vec::new(), most, frame, bytes_left: PAGE_BYTES, more: false }
    }

    /// Offers the next entry, whose texts have so many bytes. False when the page is full: the entry then only shows that more
    /// follows, and no further one is to be offered.
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

    /// How many entries it has so far.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has none yet.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether an entry did not fit.
    pub fn is_full(&self) -> bool {
        self.more
    }

    /// The entries, however many did not fit.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// The page, which leads on from the `position` of its last entry if an entry did not fit.
    pub fn finish<Position>(self, position: impl Fn(&T) -> Position) -> Page<T, Position> {
        let next = if self.more { self.items.last().map(position) } else { None };
        Page { items: self.items, next }
    }
}

/// Some entries of a listing, and where the listing goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Position = String> {
    /// The entries, in the order of the listing.
    pub items: Vec<T>,
    /// The position after the last entry; none when nothing follows.
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
