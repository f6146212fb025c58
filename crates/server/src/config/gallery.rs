//! The settings of the gallery.

use super::rate::Rate;
use std::time::Duration;

/// What the operator decides about the gallery.
#[derive(Debug, Clone, Default)]
pub struct GalleryConfig {
    /// Whether there are pages at all.
    pub enabled: bool,
    /// The name of the gallery, or `None` for its host.
    pub name: Option<String>,
    /// A line on top of every page.
    pub notice: Option<String>,
    /// The address of the imprint.
    pub imprint: Option<String>,
    /// The address to write to.
    pub contact: Option<String>,
    /// How long browsers and caches may show a page without asking again. They always ask if `None`.
    pub max_age: Option<Duration>,
    /// The rate of pages per address.
    pub rate: Option<Rate>,
}
