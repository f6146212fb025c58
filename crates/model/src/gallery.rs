//! Rules of the gallery: what its pages and feeds say about repositories and images.

pub mod card;
pub mod pull_command;
