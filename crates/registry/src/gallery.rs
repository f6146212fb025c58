//! What the pages of the gallery show.

pub(crate) mod image;
pub(crate) mod readmes;
pub(crate) mod repository;
pub(crate) mod texts;
