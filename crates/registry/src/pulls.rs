//! Pulls of images, for callers that count or limit them.

use roadstead_model::{Reference, StoredManifest};

/// The meaning of a request for the bytes of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// The pull of an image, of one platform or several.
    Image,
    /// The continued pull of an image of several platforms, whose index was requested before.
    Child,
}

impl Pull {
    /// Classifies a request. A manifest requested by tag is an image. A manifest requested by digest is a child if an index of the
    /// repository lists it, else an image: docker and containerd resolve a tag to its digest and then request everything by digest.
    pub fn of(reference: &Reference, manifest: &StoredManifest) -> Self {
        match reference {
            Reference::Digest(_) if manifest.in_index => Self::Child,
            Reference::Digest(_) | Reference::Tag(_) => Self::Image,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::{Algorithm, Digest};

    #[test]
    fn a_child_is_listed_by_an_index_and_requested_by_digest() {
        let digest = Digest::of(Algorithm::Sha256, b"{}");
        let manifest =
            |in_index| StoredManifest { digest: digest.clone(), media_type: String::new(), size: 2, bytes: Some("{}".into()), in_index };
        let by_tag = Reference::parse("latest").expect("a tag");
        let by_digest = Reference::Digest(digest.clone());
        assert_eq!(Pull::of(&by_digest, &manifest(true)), Pull::Child);
        assert_eq!(Pull::of(&by_digest, &manifest(false)), Pull::Image);
        assert_eq!(Pull::of(&by_tag, &manifest(true)), Pull::Image);
        assert_eq!(Pull::of(&by_tag, &manifest(false)), Pull::Image);
    }
}
