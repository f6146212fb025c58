//! The room that a document has for texts of a publisher, of which manifests and configs may hold megabytes.

use std::collections::BTreeMap;

/// The size of all texts in bytes: that of some hundred usual images.
const BYTES: usize = 512 * 1024;

/// The room that is left. What does not fit is left out, whole.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    has_everything: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: BYTES, has_everything: true }
    }
}

impl Room {
    /// Whether nothing was left out.
    pub(super) fn has_everything(&self) -> bool {
        self.has_everything
    }

    fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.has_everything &= left.is_some();
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    pub(super) fn text(&mut self, text: Option<&str>) -> Option<String> {
        text.filter(|text| self.take(text.len())).map(str::to_owned)
    }

    pub(super) fn texts(&mut self, texts: &[String]) -> Vec<String> {
        texts.iter().filter(|text| self.take(text.len())).cloned().collect()
    }

    pub(super) fn map(&mut self, map: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let entries = map.iter().filter(|(name, value)| self.take(name.len() + value.len()));
        entries.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The first `most` items of a list whose items have bounded texts.
    pub(super) fn items<T, U>(&mut self, items: impl ExactSizeIterator<Item = T>, most: usize, document: impl FnMut(T) -> U) -> Vec<U> {
        self.has_everything &= items.len() <= most;
        items.take(most).map(document).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let (large, small) = ("x".repeat(BYTES), "x".to_owned());
        let mut room = Room::default();
        assert_eq!(room.texts(&[small.clone(), large.clone(), small.clone()]), [small.clone(), small.clone()]);
        assert!(!room.has_everything());
        let mut room = Room::default();
        assert_eq!(room.text(Some(&large)), Some(large));
        assert!(room.has_everything());
        assert_eq!(room.map(&BTreeMap::from([(small.clone(), small)])), BTreeMap::new());
        assert!(!room.has_everything());
        let mut room = Room::default();
        assert_eq!((room.items([1, 2, 3].iter(), 2, |item| *item), room.has_everything()), (vec![1, 2], false));
    }
}
