//! Operations on a real data directory.

mod accounts;
mod acme;
mod backups;
mod checking;
mod deleting;
mod gallery;
mod gc;
mod images;
mod inventory;
mod limits;
mod migrating;
mod opening;
mod pages;
mod pull_statistics;
mod replicas;
mod search;
mod servers;
mod support;
mod tags;
mod transferring;
mod uploads;
