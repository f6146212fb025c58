//! The whole AWS door, from a signed request to the JSON of its answer.

mod catalog_data;
mod door;
mod images;
mod permissions;
mod pushing;
mod repositories;
mod requests;
mod sts;
