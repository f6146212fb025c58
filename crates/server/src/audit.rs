//! The audit log: one line per write and per refused attempt. `docs/logs.md` describes its fields.
//!
//! A door records the caller, the write and the reason for a refusal in the request's [`Trace`]. The line is queued when the request is
//! answered. It contains names and ids, but no secrets.

mod refusals;

use crate::config::LogFormat;
use crate::http::{Act, Trace};
use crate::telemetry::LogWriter;
use crate::telemetry::audit::{self, LEVEL, Value};
use refusals::{Refusals, Report};
use roadstead_registry::Clock;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The time between reports of refusals.
const MINUTE: Duration = Duration::from_secs(60);

/// The audit log of a server. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Audit(Arc<Log>);

#[derive(Debug, Default)]
struct Log {
    /// The file of `--audit-log`, or `None` for stderr.
    file: Option<LogWriter>,
    is_on: bool,
    refusals: Refusals,
}

impl Audit {
    /// Opens an audit log in a file, or without a path on stderr, if the log filters enable it. They must be set before.
    pub(crate) fn open(path: Option<&Path>, format: LogFormat) -> io::Result<Self> {
        let file = path.map(|path| LogWriter::to_file(path, format)).transpose()?;
        let is_on = file.is_some() || audit::is_on();
        Ok(Self(Arc::new(Log { file, is_on, refusals: Refusals::default() })))
    }

    /// Reopens the file, which may have been rotated.
    pub(crate) fn reopen(&self) {
        if let Some(file) = &self.0.file {
            file.reopen();
        }
    }

    /// Reports refusals without a line of their own every minute. Never returns.
    pub(crate) async fn sum_up_every_minute(&self) {
        loop {
            tokio::time::sleep(MINUTE).await;
            self.sum_up();
        }
    }

    /// Reports the last refusals, and waits until all lines are written, for at most a second.
    pub(crate) fn finish(&self) {
        self.sum_up();
        if let Some(file) = &self.0.file {
            file.flush();
        }
    }

    /// Whether the log is written anywhere.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_on
    }

    /// Writes a line if the request was a write or refused. Without a status, the client disconnected before the answer.
    pub(crate) fn request_ended(&self, trace: &Trace, status: Option<u16>) {
        let Some(act) = trace.take_act() else { return };
        if act.is_refused {
            let access_key_id = trace.caller().map(|caller| caller.access_key_id.as_str());
            if self.0.refusals.admit(trace.client(), access_key_id, Clock::System.now()) {
                self.write(trace, &act, "refused", status);
            }
            return;
        }
        let outcome = match status {
            _ if act.resource.is_none() => return,
            None => "abandoned",
            Some(..400) => "done",
            Some(_) => "failed",
        };
        self.write(trace, &act, outcome, status);
    }

    fn sum_up(&self) {
        let (anonymous, authenticated) = self.0.refusals.sum_up();
        for report in anonymous {
            let network = report.of.map(refusals::network_text);
            self.write_sum(&report, [("network", network.as_deref().map(Value::Text)), ("networks", report.among.map(Value::Number))]);
        }
        for report in authenticated {
            let key = report.of.as_deref().map(Value::Text);
            self.write_sum(&report, [("access_key_id", key), ("access_keys", report.among.map(Value::Number))]);
        }
    }

    fn write_sum<K>(&self, report: &Report<K>, [whose, among]: [(&'static str, Option<Value<'_>>); 2]) {
        let (first, last) = (report.first.to_rfc3339(), report.last.to_rfc3339());
        let fields = [
            LEVEL,
            ("message", Some(Value::Text("further attempts were refused"))),
            ("outcome", Some(Value::Text("refused"))),
            whose,
            among,
            ("count", Some(Value::Number(report.count))),
            ("first", Some(Value::Text(&first))),
            ("last", Some(Value::Text(&last))),
        ];
        audit::write(self.0.file.as_ref(), &fields);
    }

    fn write(&self, trace: &Trace, act: &Act, outcome: &str, status: Option<u16>) {
        let caller = trace.caller();
        let message = if act.is_refused { "an attempt was refused" } else { "a write" };
        let fields = [
            LEVEL,
            ("message", Some(Value::Text(message))),
            ("outcome", Some(Value::Text(outcome))),
            ("action", Some(Value::Text(act.action))),
            ("resource", act.resource.as_deref().map(Value::Text)),
            ("object", act.object.as_deref().map(Value::Text)),
            ("account", caller.map(|caller| Value::Text(caller.identity.registry.as_str()))),
            ("user", caller.and_then(|caller| caller.identity.user.as_deref()).map(Value::Text)),
            ("access_key_id", caller.map(|caller| Value::Text(&caller.access_key_id))),
            ("claimed_key_id", act.claimed_key_id.as_deref().map(Value::Text)),
            ("client", Some(Value::Address(trace.client()))),
            ("request_id", Some(Value::Text(trace.request_id()))),
            ("status", status.map(|status| Value::Number(status.into()))),
            ("reason", act.reason.as_deref().map(Value::Text)),
            ("held_back", act.is_held_back.then_some(Value::True)),
        ];
        audit::write(self.0.file.as_ref(), &fields);
    }
}
