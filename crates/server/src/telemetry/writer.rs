//! The log's writer: a bounded queue, and a thread that writes what has gathered in it. Whoever logs never waits: when nobody reads
//! the log, its disk is full or its pipe is closed, lines are dropped and counted, and once they can be written again, a line
//! reports how many were lost.
//!
//! Lines that requests cause are written in batches, since a system call for each would cost more than the rest of the line.

use super::format::{self, Fields, Value};
use super::kind::{KINDS, Kind};
use super::sink::Sink;
use crate::config::LogFormat;
use parking_lot::{Condvar, Mutex};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line that a request causes waits for others.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// A batch of this many bytes is written at once.
const BATCH_SIZE: usize = 64 * 1024;
/// How long [`LogWriter::flush`] waits.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// The name by which filters know the reports of lost lines.
const TARGET: &str = "roadstead::log";

/// The writer to stderr. One for the process, as the subscriber of `tracing` is.
static STDERR: OnceLock<LogWriter> = OnceLock::new();

/// Numbers of lines, by kind.
type Counts = [u64; KINDS.len()];

/// Takes lines for a log. Clones share one queue.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    format: LogFormat,
    state: Mutex<State>,
    wake: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Batch,
    /// The length of the batch that is being written.
    in_hand: usize,
    /// Lines that were lost and not reported yet.
    lost: Counts,
    is_urgent: bool,
    reopen: bool,
    /// Whether the last attempt to write failed.
    is_broken: bool,
}

/// Whole lines, and where each of them ends.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<(usize, Kind)>,
}

impl State {
    fn lose(&mut self, kind: Kind) {
        self.lost[kind as usize] += 1;
        kind.count_dropped();
    }

    fn has_work(&self) -> bool {
        !self.waiting.bytes.is_empty() || self.reopen || (self.has_losses() && !self.is_broken)
    }

    fn has_losses(&self) -> bool {
        self.lost.iter().any(|lost| *lost > 0)
    }
}

impl LogWriter {
    pub(super) fn to_stderr(format: LogFormat) -> io::Result<Self> {
        Self::to(Sink::new(io::stderr()), format)
    }

    /// A writer that appends to a file, which is created for its owner only if it is not there.
    pub(crate) fn to_file(path: &Path, format: LogFormat) -> io::Result<Self> {
        Self::to(Sink::file(path)?, format)
    }

    fn to(sink: Sink, format: LogFormat) -> io::Result<Self> {
        let queue = Arc::new(Queue { format, state: Mutex::default(), wake: Condvar::new(), written: Condvar::new() });
        let drained = queue.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || drained.drain_into(sink))?;
        Ok(Self(queue))
    }

    /// Makes this the one that [`Self::stderr`] returns. A second attempt in one process changes nothing.
    pub(super) fn become_stderr(&self) {
        let _ = STDERR.set(self.clone());
    }

    /// The writer to stderr, once logging has started.
    pub(super) fn stderr() -> Option<&'static Self> {
        STDERR.get()
    }

    /// Writes a line of the access log or the audit log.
    pub(super) fn write(&self, kind: Kind, target: &str, fields: &Fields<'_>) {
        self.put(kind, format::line(target, fields, self.0.format).as_bytes());
    }

    /// Queues a line, or drops it when there is no room for it.
    fn put(&self, kind: Kind, line: &[u8]) {
        let mut state = self.0.state.lock();
        let filled = state.waiting.bytes.len() + state.in_hand;
        if filled + line.len() > kind.capacity() {
            state.lose(kind);
            return;
        }
        let is_first = state.waiting.bytes.is_empty();
        state.waiting.bytes.extend_from_slice(line);
        let end = state.waiting.bytes.len();
        state.waiting.ends.push((end, kind));
        let becomes_urgent = !state.is_urgent && (kind == Kind::Event || end > BATCH_SIZE);
        state.is_urgent |= becomes_urgent;
        if is_first || becomes_urgent {
            self.0.wake.notify_one();
        }
    }

    /// Reopens the file, because its name may stand for another one now.
    pub(crate) fn reopen(&self) {
        self.0.state.lock().reopen = true;
        self.0.wake.notify_one();
    }

    /// Waits until everything is written, for a second at most.
    pub(crate) fn flush(&self) {
        let mut state = self.0.state.lock();
        state.is_urgent = true;
        self.0.wake.notify_one();
        self.0.written.wait_while_for(&mut state, |state| state.in_hand > 0 || state.has_work(), FLUSH_TIMEOUT);
    }
}

impl Queue {
    /// Writes what comes, for ever.
    fn drain_into(&self, mut sink: Sink) {
        let (mut batch, mut was_broken) = (Batch::default(), false);
        loop {
            let lost = self.take(&mut batch, &mut sink);
            let (length, failure) = sink.write(&batch.bytes);
            let reported = failure.is_none() && (lost == Counts::default() || sink.write(self.report(lost).as_bytes()).1.is_none());
            self.settle(&batch, length, (!reported).then_some(lost));
            if let (Some(error), Some(path), false) = (&failure, sink.path(), was_broken) {
                tracing::error!(%error, path = %path.display(), "the audit log cannot be written: lines are lost");
            }
            was_broken = failure.is_some();
        }
    }

    /// Waits for lines, gives others [`BATCH_DELAY`] to come, and takes them all with the count of those that were lost.
    fn take(&self, batch: &mut Batch, sink: &mut Sink) -> Counts {
        batch.bytes.clear();
        batch.ends.clear();
        // A burst must not keep its memory.
        batch.bytes.shrink_to(2 * BATCH_SIZE);
        let mut state = self.state.lock();
        self.wake.wait_while(&mut state, |state| !state.has_work());
        self.wake.wait_while_for(&mut state, |state| !state.is_urgent && !state.reopen, BATCH_DELAY);
        if std::mem::take(&mut state.reopen) {
            drop(state);
            sink.reopen();
            state = self.state.lock();
        }
        state.is_urgent = false;
        std::mem::swap(&mut state.waiting, batch);
        state.in_hand = batch.bytes.len();
        std::mem::take(&mut state.lost)
    }

    /// Notes that `length` bytes of a batch were written, and which losses are still to be reported.
    fn settle(&self, batch: &Batch, length: usize, unreported: Option<Counts>) {
        let mut state = self.state.lock();
        state.in_hand = 0;
        state.is_broken = unreported.is_some();
        for (lost, unreported) in state.lost.iter_mut().zip(unreported.unwrap_or_default()) {
            *lost += unreported;
        }
        let cut = batch.ends.partition_point(|(end, _)| *end <= length);
        batch.ends[cut..].iter().for_each(|(_, kind)| state.lose(*kind));
        self.written.notify_all();
    }

    fn report(&self, lost: Counts) -> String {
        let message = "lines of the log were dropped, because it could not be written fast enough or not at all";
        let [access, event, audit] = KINDS.map(|kind| (kind.name(), Some(lost[kind as usize]).filter(|lost| *lost > 0).map(Value::Number)));
        let fields = [("level", Some(Value::Text("WARN"))), ("message", Some(Value::Text(message))), access, event, audit];
        format::line(TARGET, &fields, self.format)
    }
}

/// Takes one event of `tracing`, which it writes in one call.
pub(crate) struct EventWriter<'a>(&'a LogWriter);

impl Write for EventWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(Kind::Event, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = EventWriter<'a>;

    fn make_writer(&'a self) -> EventWriter<'a> {
        EventWriter(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::kind::CAPACITY;
    use std::io::{BufRead, BufReader, ErrorKind, PipeReader, Read, pipe};

    fn piped() -> (PipeReader, LogWriter) {
        let (reader, writer) = pipe().unwrap();
        (reader, LogWriter::to(Sink::new(writer), LogFormat::Json).unwrap())
    }

    #[test]
    fn a_pipe_that_nobody_reads_stops_nobody_and_what_was_dropped_is_told_once_it_is_read() {
        let (reader, log) = piped();
        let (access, audit) = (format!("{:0>1023}\n", 1), format!("{:0>1023}\n", 2));
        let most = CAPACITY / access.len();
        (0..most).for_each(|_| log.put(Kind::Access, access.as_bytes()));
        (0..10).for_each(|_| log.put(Kind::Audit, audit.as_bytes()));
        log.flush();
        let mut read = BufReader::new(reader).lines().map(Result::unwrap);
        let mut counts = [0, 0];
        let notice: serde_json::Value = loop {
            match read.next().unwrap() {
                line if line.starts_with('{') => break serde_json::from_str(&line).unwrap(),
                line => counts[usize::from(line.ends_with('2'))] += 1,
            }
        };
        assert_eq!(counts[1], 10, "there is room left for what matters");
        assert_eq!((notice["level"].as_str(), notice["target"].as_str()), (Some("WARN"), Some(TARGET)));
        assert_eq!(notice["access"].as_u64().map(|dropped| dropped as usize + counts[0]), Some(most));
        assert!(notice.get("audit").is_none());
    }

    #[test]
    fn lines_are_written_whole_in_their_order_and_the_last_ones_before_the_end() {
        let (mut reader, log) = piped();
        log.put(Kind::Access, b"one\n");
        log.put(Kind::Event, b"two\n");
        log.put(Kind::Access, b"three\n");
        log.flush();
        let mut bytes = [0; 14];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_closed_pipe_loses_lines_and_nothing_else() {
        let (reader, log) = piped();
        drop(reader);
        for _ in 0..10 {
            log.put(Kind::Event, b"lost\n");
            log.flush();
        }
        assert_eq!(log.0.state.lock().lost, [0, 10, 0]);
    }

    #[test]
    fn a_file_is_for_its_owner_only_and_is_followed_when_it_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("audit"), folder.path().join("audit.1"));
        let log = LogWriter::to_file(&path, LogFormat::Text).unwrap();
        log.put(Kind::Audit, b"one\n");
        log.flush();
        std::fs::rename(&path, &old).unwrap();
        log.put(Kind::Audit, b"two\n");
        log.flush();
        log.reopen();
        log.put(Kind::Audit, b"three\n");
        log.flush();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// A disk that takes a part of a line, is full, and has room again.
    struct FullOnce(Arc<Mutex<Vec<u8>>>, u32);

    impl Write for FullOnce {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => self.0.lock().write(&bytes[..2]),
                2 => Err(ErrorKind::StorageFull.into()),
                _ => self.0.lock().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_by_a_full_disk_does_not_spoil_the_next_one() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let log = LogWriter::to(Sink::new(FullOnce(kept.clone(), 0)), LogFormat::Text).unwrap();
        log.put(Kind::Event, b"first\n");
        log.flush();
        log.put(Kind::Event, b"second\n");
        log.flush();
        let text = String::from_utf8(kept.lock().clone()).unwrap();
        let text: Vec<&str> = text.lines().collect();
        assert_eq!(text[..2], ["fi", "second"]);
        assert!(text[2].ends_with(" event=1"), "{text:?}");
    }
}
