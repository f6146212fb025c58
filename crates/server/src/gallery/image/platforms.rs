//! The entries of an index: images by platform.

use super::super::route::Place;
use super::super::urls;
use roadstead_model::gallery::visible_text::visible;
use roadstead_model::{Digest, Reference, Timestamp};
use roadstead_registry::{ImageView, IndexEntry};

/// An image of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PlatformRow {
    /// The platform, otherwise the type of the artifact.
    pub(super) name: String,
    /// The version of the operating system, which tells images for Windows apart.
    pub(super) os_version: String,
    pub(super) href: String,
    pub(super) is_chosen: bool,
    pub(super) size: Option<u64>,
    pub(super) layers: Option<usize>,
    pub(super) layers_differ: bool,
    pub(super) created: Option<Timestamp>,
    pub(super) created_differs: bool,
    pub(super) digest: Digest,
}

pub(super) fn rows(view: &ImageView, place: &Place) -> Vec<PlatformRow> {
    let own = Reference::Digest(view.digest.clone());
    let first = view.entries.first();
    // Builds of one image take some time; another day is another build.
    let day = |entry: &IndexEntry| entry.created.map(|time| time.seconds().div_euclid(86_400));
    let row = |entry: &IndexEntry| {
        let platform = entry.platform.as_ref();
        let name = platform.map_or_else(|| entry.artifact_type.as_ref().unwrap_or(&entry.media_type).clone(), ToString::to_string);
        let of_entry = urls::pinned(place, entry.digest.as_str());
        PlatformRow {
            href: if platform.is_some() { urls::with_query(urls::image(place, &own), &[("platform", &name)]) } else { of_entry },
            name: visible(&name).into_owned(),
            os_version: platform
                .and_then(|platform| platform.os_version.as_deref())
                .map(|text| visible(text).into_owned())
                .unwrap_or_default(),
            is_chosen: view.chosen.as_ref().is_some_and(|chosen| chosen.digest == entry.digest),
            size: entry.size,
            layers: entry.layers,
            layers_differ: first.is_some_and(|first| first.layers != entry.layers),
            created: entry.created,
            created_differs: first.is_some_and(|first| day(first) != day(entry)),
            digest: entry.digest.clone(),
        }
    };
    view.entries.iter().map(row).collect()
}
