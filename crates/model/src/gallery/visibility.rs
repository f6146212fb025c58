//! Which tags are listed.

use super::attachment::AttachedTag;
use super::kind::ArtifactKind;
use super::owner_settings::HiddenTags;

/// Where the gallery shows a tag. Pulls and the APIs of OCI and AWS do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Visibility {
    Listed,
    /// It belongs to another image, or is text about the repository.
    Attached,
    /// The owner hides it: see [`HiddenTags`].
    Hidden,
}

/// The tag of a README (see the documentation of the gallery).
pub const README_TAG: &str = "readme";

/// The tag of a repository's metadata (Artifact Hub, "Repositories guide").
pub const ARTIFACT_HUB_TAG: &str = "artifacthub.io";

impl Visibility {
    /// The visibility of a tag that points at a manifest of a kind, which has a subject if it `is_referrer`.
    pub fn of(tag: &str, is_referrer: bool, kind: ArtifactKind, hidden: &HiddenTags) -> Self {
        let is_text = tag == ARTIFACT_HUB_TAG || (tag == README_TAG && kind == ArtifactKind::Readme);
        if is_referrer || is_text || AttachedTag::parse(tag).is_some() {
            Self::Attached
        } else if hidden.hides(tag) {
            Self::Hidden
        } else {
            Self::Listed
        }
    }

    /// The number in the database.
    pub fn code(self) -> i64 {
        match self {
            Self::Listed => 0,
            Self::Attached => 1,
            Self::Hidden => 2,
        }
    }

    /// The visibility with this number in the database.
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Listed, Self::Attached, Self::Hidden].into_iter().find(|visibility| visibility.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attached_tags_are_never_listed_and_hidden_ones_are_the_owner_s() {
        let hidden = HiddenTags::parse("nightly- -dev");
        let signature = format!("sha256-{}.sig", "0".repeat(64));
        for (expected, tag, is_referrer, kind) in [
            (Visibility::Listed, "1.0", false, ArtifactKind::Image),
            (Visibility::Listed, "readme", false, ArtifactKind::Image),
            (Visibility::Attached, "readme", false, ArtifactKind::Readme),
            (Visibility::Attached, "artifacthub.io", false, ArtifactKind::PackageMetadata),
            (Visibility::Attached, signature.as_str(), false, ArtifactKind::Signature),
            (Visibility::Attached, "nightly-sbom", true, ArtifactKind::Sbom),
            (Visibility::Hidden, "nightly-1", false, ArtifactKind::Image),
            (Visibility::Hidden, "1.0-dev", false, ArtifactKind::Image),
        ] {
            assert_eq!(Visibility::of(tag, is_referrer, kind, &hidden), expected, "{tag}");
            assert_eq!(Visibility::from_code(expected.code()), Some(expected));
        }
    }
}
