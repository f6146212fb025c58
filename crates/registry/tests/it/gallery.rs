//! What the pages of the gallery show.

mod image;
mod tags;
mod tags_scale;
mod texts;
