//! Facts about a request for metrics, logs and the budget: client, id, operation, caller, and writes or refusals.

use super::activity::Activity;
use super::operation_class::OperationClass;
use crate::principal::KnownPrincipal;
use parking_lot::Mutex;
use roadstead_model::measure::beginning;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

/// The maximum length in bytes of logged text that a client chose.
pub(crate) const LONGEST_TEXT: usize = 512;
/// The maximum length in bytes of the logged resources or objects of a write: a hundred digests.
const LONGEST_LIST: usize = 8 * 1024;

/// The client of a request, and what doors record for metrics and logs: the class of the operation, the caller, and what was written or
/// refused.
#[derive(Debug)]
pub struct Trace {
    is_audited: bool,
    client: IpAddr,
    request_id: String,
    class: AtomicU8,
    caller: OnceLock<KnownPrincipal>,
    connection: Option<Arc<Activity>>,
    act: Mutex<Option<Box<Act>>>,
}

/// A write, or a refused attempt.
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
    /// Unless `is_audited`, acts are not recorded.
    pub(crate) fn new(client: IpAddr, request_id: String, connection: Option<Arc<Activity>>, is_audited: bool) -> Self {
        let class = AtomicU8::new(OperationClass::None as u8);
        Self { is_audited, client, request_id, class, caller: OnceLock::new(), connection, act: Mutex::new(None) }
    }

    /// The class of the operation, as far as it is known.
    pub(crate) fn class(&self) -> OperationClass {
        OperationClass::ALL[usize::from(self.class.load(Ordering::Relaxed))]
    }

    /// Records the class of the operation.
    pub(crate) fn is_for(&self, class: OperationClass) {
        self.class.store(class as u8, Ordering::Relaxed);
    }

    pub(crate) fn client(&self) -> IpAddr {
        self.client
    }

    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The authenticated caller.
    pub(crate) fn caller(&self) -> Option<&KnownPrincipal> {
        self.caller.get()
    }

    /// Records the caller. Only the first call counts.
    pub(crate) fn authenticated_as(&self, principal: &KnownPrincipal) {
        if let Some(connection) = &self.connection {
            connection.authenticated();
        }
        let _ = self.caller.set(principal.clone());
    }

    /// Records a write to `object` (tags, digests, …) of `resource`, before it is done.
    pub(crate) fn note_write(&self, action: &'static str, resource: impl Into<String>, object: Option<String>) {
        self.note(|act| {
            let long = |text| cut(text, LONGEST_LIST);
            (act.action, act.resource, act.object) = (action, Some(long(resource.into())), object.map(long));
        });
    }

    /// Records a refused action, and its resource and object if known. A write recorded before is kept.
    pub(crate) fn note_attempt(&self, action: &'static str, target: impl FnOnce() -> (Option<String>, Option<String>)) {
        self.note(|act| {
            if act.action.is_empty() {
                let (resource, object) = target();
                let short = |text| cut(text, LONGEST_TEXT);
                (act.action, act.resource, act.object) = (action, resource.map(short), object.map(short));
            }
        });
    }

    /// Records the key id that a caller claimed and could not prove.
    pub(crate) fn note_claimed_key(&self, key_id: &str) {
        self.note(|act| act.claimed_key_id = Some(key_id.to_owned()));
    }

    /// Records that the request is refused, and why.
    pub(crate) fn note_refusal(&self, reason: impl Into<String>) {
        self.note(|act| (act.is_refused, act.reason) = (true, Some(cut(reason.into(), LONGEST_TEXT))));
    }

    /// Records that the reason is withheld from the caller, because too many of its logins failed.
    pub(crate) fn note_held_back(&self) {
        self.note(|act| act.is_held_back = true);
    }

    /// Records why a write failed.
    pub(crate) fn note_failure(&self, reason: &str) {
        if let Some(act) = self.act.lock().as_mut() {
            act.reason = Some(cut(reason.to_owned(), LONGEST_TEXT));
        }
    }

    /// Takes the recorded act, so that it is logged once.
    pub(crate) fn take_act(&self) -> Option<Box<Act>> {
        self.act.lock().take()
    }

    fn note(&self, change: impl FnOnce(&mut Act)) {
        if self.is_audited {
            change(self.act.lock().get_or_insert_default());
        }
    }
}

fn cut(mut text: String, length: usize) -> String {
    text.truncate(beginning(&text, length).len());
    text
}

#[cfg(test)]
impl Default for Trace {
    /// For tests without a request.
    fn default() -> Self {
        Self::new(IpAddr::from([0, 0, 0, 0]), String::new(), None, false)
    }
}
