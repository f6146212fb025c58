//! Limits on requests, off unless the operator sets them.
//!
//! All counters are in memory, so that a pull writes nothing. With a shared database, replicas tell each other what they admit
//! ([`sharing`]), and the monthly volume is stored ([`saving`]). A restart resets the rest.

mod actions;
mod bounded_map;
mod caller;
mod failures;
mod limiters;
mod pages;
mod pending;
mod pulls;
mod saving;
mod sharing;
mod throttle;
mod volume;

pub(crate) use bounded_map::BoundedMap;
pub(crate) use limiters::Limiters;
pub(crate) use pulls::{Charge, Pulled, Refusal};
pub(crate) use throttle::TooFast;
