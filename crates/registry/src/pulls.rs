//! What requests of manifests count as.

/// The meaning of a request for the bytes of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// The pull of an image, of one platform or several.
    Image,
    /// The continued pull of an image of several platforms, whose index was requested before.
    Child,
    /// The pull of something attached to an image, such as a signature, which is not counted as a pull.
    Attached,
}

impl Pull {
    /// Classifies a request. A manifest requested by tag is an image. A manifest requested by digest is a child if an index of the
    /// repository lists it, else an image: docker and containerd resolve a tag to its digest and then request everything by digest.
    pub(crate) const fn of(by_tag: bool, in_index: bool, is_attached: bool) -> Self {
        match (by_tag, in_index, is_attached) {
            (_, _, true) => Self::Attached,
            (false, true, false) => Self::Child,
            _ => Self::Image,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_listed_by_an_index_and_requested_by_digest() {
        for (by_tag, in_index, expected) in
            [(false, true, Pull::Child), (false, false, Pull::Image), (true, true, Pull::Image), (true, false, Pull::Image)]
        {
            assert_eq!(Pull::of(by_tag, in_index, false), expected);
            assert_eq!(Pull::of(by_tag, in_index, true), Pull::Attached);
        }
    }
}
