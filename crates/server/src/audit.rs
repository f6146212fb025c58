//! Who did what: one event for each write, and for each attempt that was refused.
//!
//! A door notes on the request's [`Trace`] who calls and what is done, and why it was refused; the event is written when the
//! request is answered, with its outcome. It holds names and ids and never a secret, and nobody waits for it
//! (`telemetry/lines.rs`).

mod refusals;

use crate::auth::KnownPrincipal;
use crate::config::LogFormat;
use crate::connection::Standing;
use crate::telemetry::audit::{self, Value};
use crate::telemetry::{LONGEST_TEXT, Lines};
use refusals::{Refusals, Report};
use roadstead_model::measure::beginning;
use roadstead_registry::Clock;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Refusals are summed up this often.
const MINUTE: Duration = Duration::from_secs(60);
/// What is written to is named up to this many bytes: a hundred digests.
const LONGEST_LIST: usize = 8 * 1024;

/// Where events go. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Audit(Arc<Log>);

#[derive(Debug, Default)]
struct Log {
    /// `--audit-log`; else events go where all lines go.
    file: Option<Lines>,
    refusals: Refusals,
}

impl Audit {
    /// An audit log in a file of its own, or else among the other lines.
    pub(crate) fn open(path: Option<&Path>, format: LogFormat) -> io::Result<Self> {
        let file = path.map(|path| Lines::to_file(path, format)).transpose()?;
        Ok(Self(Arc::new(Log { file, refusals: Refusals::default() })))
    }

    /// Opens the file anew.
    pub(crate) fn reopen(&self) {
        if let Some(file) = &self.0.file {
            file.reopen();
        }
    }

    /// Sums up, every minute, the refusals that had no line of their own.
    pub(crate) async fn sum_up_every_minute(&self) {
        loop {
            tokio::time::sleep(MINUTE).await;
            self.sum_up();
        }
    }

    /// Sums up the last refusals, and lets the last lines be written, for a second at most.
    pub(crate) fn finish(&self) {
        self.sum_up();
        if let Some(file) = &self.0.file {
            file.finish();
        }
    }

    fn is_on(&self) -> bool {
        self.0.file.is_some() || audit::is_on()
    }

    fn sum_up(&self) {
        let (strangers, known) = self.0.refusals.sum_up();
        for report in strangers {
            let network = report.of.map(refusals::shown);
            self.write_sum(&report, [("network", network.as_deref().map(Value::Text)), ("networks", report.among.map(Value::Number))]);
        }
        for report in known {
            let key = report.of.as_deref().map(Value::Text);
            self.write_sum(&report, [("access_key_id", key), ("access_keys", report.among.map(Value::Number))]);
        }
    }

    fn write_sum<K>(&self, report: &Report<K>, [whose, among]: [(&'static str, Option<Value<'_>>); 2]) {
        let (first, last) = (report.first.to_rfc3339(), report.last.to_rfc3339());
        let fields = [
            ("outcome", Some(Value::Text("refused"))),
            whose,
            among,
            ("count", Some(Value::Number(report.count))),
            ("first", Some(Value::Text(&first))),
            ("last", Some(Value::Text(&last))),
        ];
        audit::write(self.0.file.as_ref(), "further attempts were refused", &fields);
    }

    fn write(&self, trace: &Trace, act: &Act, outcome: &str, status: Option<u16>) {
        let caller = trace.caller();
        let fields = [
            ("outcome", Some(Value::Text(outcome))),
            ("action", Some(Value::Text(act.action))),
            ("resource", act.resource.as_deref().map(Value::Text)),
            ("object", act.object.as_deref().map(Value::Text)),
            ("account", caller.map(|known| Value::Text(known.identity.registry.as_str()))),
            ("user", caller.and_then(|known| known.identity.user.as_deref()).map(Value::Text)),
            ("access_key_id", caller.map(|known| Value::Text(&known.access_key_id))),
            ("claimed_key_id", act.claimed_key_id.as_deref().map(Value::Text)),
            ("client", Some(Value::Address(trace.client))),
            ("request_id", Some(Value::Text(&trace.request_id))),
            ("status", status.map(|status| Value::Number(status.into()))),
            ("reason", act.reason.as_deref().map(Value::Text)),
            ("held_back", act.is_held_back.then_some(Value::True)),
        ];
        let message = if act.is_refused { "an attempt was refused" } else { "a write" };
        audit::write(self.0.file.as_ref(), message, &fields);
    }
}

/// What is known of a request beside what it asks for: doors note here who calls and what is done.
#[derive(Debug)]
pub struct Trace {
    audit: Audit,
    client: IpAddr,
    request_id: String,
    caller: OnceLock<KnownPrincipal>,
    standing: Standing,
    act: Mutex<Option<Box<Act>>>,
}

/// A write, or an attempt that was refused.
#[derive(Debug, Default)]
struct Act {
    action: &'static str,
    resource: Option<String>,
    object: Option<String>,
    claimed_key_id: Option<String>,
    is_refused: bool,
    reason: Option<String>,
    is_held_back: bool,
}

impl Trace {
    /// Of a request with this id from this address, over a connection.
    pub(crate) fn new(audit: &Audit, client: IpAddr, request_id: String, standing: Standing) -> Self {
        Self { audit: audit.clone(), client, request_id, caller: OnceLock::new(), standing, act: Mutex::new(None) }
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
        self.standing.is_known();
        let _ = self.caller.set(principal.clone());
    }

    /// Notes a write, that is to be done to `object` (tags, digests, …) of `resource`.
    pub(crate) fn writes(&self, action: &'static str, resource: impl Into<String>, object: Option<String>) {
        if self.audit.is_on() {
            let (resource, object) = (Some(cut(resource.into(), LONGEST_LIST)), object.map(|object| cut(object, LONGEST_LIST)));
            self.note(|act| (act.action, act.resource, act.object) = (action, resource, object));
        }
    }

    /// Notes what somebody attempts who is refused, with the resource and the object if they are known. A write that was
    /// noted before stays.
    pub(crate) fn attempts(&self, action: &'static str, what: impl FnOnce() -> (Option<String>, Option<String>)) {
        if self.audit.is_on() {
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
        if self.audit.is_on() {
            self.note(|act| act.claimed_key_id = Some(key_id.to_owned()));
        }
    }

    /// Notes that it was refused, and why.
    pub(crate) fn is_refused(&self, reason: impl Into<String>) {
        if self.audit.is_on() {
            self.note(|act| (act.is_refused, act.reason) = (true, Some(cut(reason.into(), LONGEST_TEXT))));
        }
    }

    /// Notes that he who was refused was not told why, because he failed too often.
    pub(crate) fn is_held_back(&self) {
        if self.audit.is_on() {
            self.note(|act| act.is_held_back = true);
        }
    }

    /// Notes why a write failed.
    pub(crate) fn fails(&self, reason: &str) {
        if let Some(act) = self.act.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            act.reason = Some(cut(reason.to_owned(), LONGEST_TEXT));
        }
    }

    /// Writes the event, if the request was a write or refused. Without a status its client did not wait for an answer.
    pub(crate) fn is_over(&self, status: Option<u16>) {
        let Some(act) = self.act.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if act.is_refused {
            let access_key_id = self.caller().map(|known| known.access_key_id.as_str());
            if self.audit.0.refusals.admit(self.client, access_key_id, Clock::System.now()) {
                self.audit.write(self, &act, "refused", status);
            }
            return;
        }
        let outcome = match status {
            _ if act.resource.is_none() => return,
            None => "abandoned",
            Some(..400) => "done",
            Some(_) => "failed",
        };
        self.audit.write(self, &act, outcome, status);
    }

    fn note(&self, change: impl FnOnce(&mut Act)) {
        change(self.act.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default());
    }
}

impl Default for Trace {
    /// Of a request that nobody sent.
    fn default() -> Self {
        Self::new(&Audit::default(), IpAddr::from([0, 0, 0, 0]), String::new(), Standing::default())
    }
}

fn cut(mut text: String, length: usize) -> String {
    text.truncate(beginning(&text, length).len());
    text
}
