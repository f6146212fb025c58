//! The AWS door, from a signed request to the JSON of its response.

mod catalog_data;
mod door;
mod images;
mod permissions;
mod pushing;
mod repositories;
mod requests;
mod sts;
