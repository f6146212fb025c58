//! Rules of the gallery: what its pages and feeds say about repositories and images.

pub mod card;
pub mod chart;
pub mod comparison;
pub mod excerpt;
pub mod image_config;
mod json;
pub mod pull_command;
pub mod visible_text;
pub mod wasm;
