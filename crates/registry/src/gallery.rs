//! What the pages and documents of the gallery show.

pub(crate) mod image;
pub(crate) mod newest;
pub(crate) mod readmes;
pub(crate) mod repository;
pub(crate) mod sitemap;
pub(crate) mod texts;
