//! What the pages of the gallery show.

pub(crate) mod image;
pub(crate) mod texts;
