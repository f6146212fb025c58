//! What the gallery shows: operations for its pages, and the facts that pushes record for them.

pub(crate) mod attachments;
pub(crate) mod featured;
pub(crate) mod hidden_tags;
pub(crate) mod image;
pub(crate) mod newest;
pub(crate) mod publisher;
pub(crate) mod readmes;
pub(crate) mod repository;
pub(crate) mod sitemap;
pub(crate) mod summary;
pub(crate) mod tag_rows;
pub(crate) mod tags;
pub(crate) mod texts;
pub(crate) mod upkeep;
