//! Operations on a real data folder.

mod accounts;
mod deleting;
mod gc;
mod images;
mod migrating;
mod opening;
mod pages;
mod support;
mod tags;
mod uploads;
