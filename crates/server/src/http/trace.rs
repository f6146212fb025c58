//! What is known of a request beside what it asks for.

use super::activity::Activity;
use crate::principal::KnownPrincipal;
use roadstead_model::measure::beginning;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Text that a client chose is logged up to this many bytes.
pub(crate) const LONGEST_TEXT: usize = 512;
/// What is written to is named up to this many bytes: a hundred digests.
const LONGEST_LIST: usize = 8 * 1024;

/// Where doors note who calls and what is done.
#[derive(Debug)]
pub struct Trace {
    is_audited: bool,
    client: IpAddr,
    request_id: String,
    caller: OnceLock<KnownPrincipal>,
    connection: Option<Arc<Activity>>,
    act: Mutex<Option<Box<Act>>>,
}

/// A write, or an attempt that was refused.
#[derive(Debug, Default)]
pub(crate) struct Act {
    pub(crate) action: &'static str,
    pub(crate) resource: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) claimed_key_id: Option<String>,
    pub(crate) is_refused: bool,
    pub(crate) reason: Option<String>,
    pub(crate) is_held_back: bool,
}

impl Trace {
    /// Of a request with this id from this address, over a connection. Without `is_audited` nothing is noted of what is done.
    pub(crate) fn new(client: IpAddr, request_id: String, connection: Option<Arc<Activity>>, is_audited: bool) -> Self {
        Self { is_audited, client, request_id, caller: OnceLock::new(), connection, act: Mutex::new(None) }
    }

    /// The client's address.
    pub(crate) fn client(&self) -> IpAddr {
        self.client
    }

    /// The id of the request.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Who calls, once that is proved.
    pub(crate) fn caller(&self) -> Option<&KnownPrincipal> {
        self.caller.get()
    }

    /// Notes who calls. The first word counts.
    pub(crate) fn is_called_by(&self, principal: &KnownPrincipal) {
        if let Some(connection) = &self.connection {
            connection.authenticated();
        }
        let _ = self.caller.set(principal.clone());
    }

    /// Notes a write, that is to be done to `object` (tags, digests, …) of `resource`.
    pub(crate) fn writes(&self, action: &'static str, resource: impl Into<String>, object: Option<String>) {
        if self.is_audited {
            let (resource, object) = (Some(cut(resource.into(), LONGEST_LIST)), object.map(|object| cut(object, LONGEST_LIST)));
            self.note(|act| (act.action, act.resource, act.object) = (action, resource, object));
        }
    }

    /// Notes what somebody attempts who is refused, with the resource and the object if they are known. A write that was
    /// noted before stays.
    pub(crate) fn attempts(&self, action: &'static str, what: impl FnOnce() -> (Option<String>, Option<String>)) {
        if self.is_audited {
            self.note(|act| {
                if act.action.is_empty() {
                    let (resource, object) = what();
                    let short = |text| cut(text, LONGEST_TEXT);
                    (act.action, act.resource, act.object) = (action, resource.map(short), object.map(short));
                }
            });
        }
    }

    /// Notes which key was claimed by somebody who could not prove it.
    pub(crate) fn claims(&self, key_id: &str) {
        if self.is_audited {
            self.note(|act| act.claimed_key_id = Some(key_id.to_owned()));
        }
    }

    /// Notes that it was refused, and why.
    pub(crate) fn is_refused(&self, reason: impl Into<String>) {
        if self.is_audited {
            self.note(|act| (act.is_refused, act.reason) = (true, Some(cut(reason.into(), LONGEST_TEXT))));
        }
    }

    /// Notes that he who was refused was not told why, because he failed too often.
    pub(crate) fn is_held_back(&self) {
        if self.is_audited {
            self.note(|act| act.is_held_back = true);
        }
    }

    /// Notes why a write failed.
    pub(crate) fn fails(&self, reason: &str) {
        if let Some(act) = self.act.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            act.reason = Some(cut(reason.to_owned(), LONGEST_TEXT));
        }
    }

    /// What was noted to be done; nothing is noted of it any more.
    pub(crate) fn take_act(&self) -> Option<Box<Act>> {
        self.act.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, change: impl FnOnce(&mut Act)) {
        change(self.act.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
    }
}

fn cut(mut text: String, length: usize) -> String {
    text.truncate(beginning(&text, length).len());
    text
}

#[cfg(test)]
impl Default for Trace {
    /// Of a request that nobody sent.
    fn default() -> Self {
        Self::new(IpAddr::from([0, 0, 0, 0]), String::new(), None, false)
    }
}
