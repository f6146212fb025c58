//! The gallery: its pages and documents at the wire.

mod aws_api;
mod door;
mod hostile;
mod image;
mod repository;
mod search;
mod tags;
