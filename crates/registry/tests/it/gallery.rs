//! What the pages of the gallery show.

mod image;
mod texts;
