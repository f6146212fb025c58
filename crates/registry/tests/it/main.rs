//! Operations on a real data folder.

mod deleting;
mod gc;
mod images;
mod migrating;
mod opening;
mod pages;
mod principals;
mod support;
mod tags;
mod uploads;
