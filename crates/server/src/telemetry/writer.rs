//! The writer of a log: a bounded queue, and a thread that drains it. Logging never blocks. If the pipe is full or closed, or the disk
//! is full, lines are dropped and counted, and once writing succeeds again, a line reports how many were lost.
//!
//! Lines caused by requests are written in batches, because a system call per line would cost more than the rest of its work.

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

/// How long a line caused by a request waits for others.
const BATCH_DELAY: Duration = Duration::from_millis(100);
/// The size in bytes from which a batch is written immediately.
const BATCH_SIZE: usize = 64 * 1024;
/// How long [`LogWriter::flush`] waits at most.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// The target of reports of lost lines.
const TARGET: &str = "roadstead::log";

/// The writer to stderr. Like the subscriber of `tracing`, there is one per process.
static STDERR: OnceLock<LogWriter> = OnceLock::new();

/// Numbers of lines, by kind.
type Counts = [u64; KINDS.len()];

/// A handle to a log. Clones share one queue.
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
    /// The length in bytes of the batch being written.
    in_hand: usize,
    /// Lost lines that are not reported yet.
    lost: Counts,
    is_urgent: bool,
    reopen: bool,
    /// Whether the last attempt to write failed.
    is_broken: bool,
}

/// Whole lines, and the end of each.
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
    /// Creates the writer to stderr. The first one in a process is the one that [`Self::stderr`] returns.
    pub(super) fn to_stderr(format: LogFormat) -> io::Result<Self> {
        let writer = Self::to(Sink::new(io::stderr()), format)?;
        let _ = STDERR.set(writer.clone());
        Ok(writer)
    }

    /// Creates a writer that appends to a file. A new file can be read by its owner only.
    pub(crate) fn to_file(path: &Path, format: LogFormat) -> io::Result<Self> {
        Self::to(Sink::file(path)?, format)
    }

    fn to(sink: Sink, format: LogFormat) -> io::Result<Self> {
        let queue = Arc::new(Queue { format, state: Mutex::default(), wake: Condvar::new(), written: Condvar::new() });
        let drained = queue.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || drained.drain_into(sink))?;
        Ok(Self(queue))
    }

    /// The writer to stderr, or `None` before logging has started.
    pub(super) fn stderr() -> Option<&'static Self> {
        STDERR.get()
    }

    /// Writes a line of the access log or the audit log.
    pub(super) fn write(&self, kind: Kind, target: &str, fields: &Fields<'_>) {
        self.put(kind, format::line(target, fields, self.0.format).as_bytes());
    }

    /// Queues a line, or drops it if the queue is full.
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

    /// Reopens the file, which may have been rotated.
    pub(crate) fn reopen(&self) {
        self.0.state.lock().reopen = true;
        self.0.wake.notify_one();
    }

    /// Waits until all lines are written, for at most a second.
    pub(crate) fn flush(&self) {
        let mut state = self.0.state.lock();
        state.is_urgent = true;
        self.0.wake.notify_one();
        self.0.written.wait_while_for(&mut state, |state| state.in_hand > 0 || state.has_work(), FLUSH_TIMEOUT);
    }
}

impl Queue {
    /// Writes lines as they are queued. Never returns.
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

    /// Waits for lines, and up to [`BATCH_DELAY`] for more. Takes all of them into `batch`, and returns the counts of lost lines.
    fn take(&self, batch: &mut Batch, sink: &mut Sink) -> Counts {
        batch.bytes.clear();
        batch.ends.clear();
        // Release the memory of a burst.
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

    /// Records that `length` bytes of a batch were written, and the losses that are still to be reported.
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
        let message = "log lines were dropped, because the log could not be written, or not fast enough";
        let [access, event, audit] = KINDS.map(|kind| (kind.name(), Some(lost[kind as usize]).filter(|lost| *lost > 0).map(Value::Number)));
        let fields = [("level", Some(Value::Text("WARN"))), ("message", Some(Value::Text(message))), access, event, audit];
        format::line(TARGET, &fields, self.format)
    }
}

/// Queues one event of `tracing`, which `tracing` writes in one call.
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
    fn a_pipe_that_is_not_read_blocks_no_caller_and_dropped_lines_are_reported_once_it_is_read() {
        let (reader, log) = piped();
        let (access, audit) = (format!("{:0>1023}\n", 1), format!("{:0>1023}\n", 2));
        let most = CAPACITY / access.len();
        (0..most).for_each(|_| log.put(Kind::Access, access.as_bytes()));
        (0..10).for_each(|_| log.put(Kind::Audit, audit.as_bytes()));
        log.flush();
        // The report follows the batch taken after the first loss, so the audit lines may come before or after the report.
        let (mut counts, mut notices) = ([0, 0], Vec::<serde_json::Value>::new());
        for line in BufReader::new(reader).lines().map(Result::unwrap).take_while(|line| line != "end") {
            if line.starts_with('{') {
                notices.push(serde_json::from_str(&line).unwrap());
                log.put(Kind::Event, b"end\n");
            } else {
                counts[usize::from(line.ends_with('2'))] += 1;
            }
        }
        assert_eq!(counts[1], 10, "the access log leaves room for the audit log");
        let dropped: u64 = notices.iter().filter_map(|notice| notice["access"].as_u64()).sum();
        assert_eq!(dropped as usize + counts[0], most);
        for notice in notices {
            assert_eq!((notice["level"].as_str(), notice["target"].as_str()), (Some("WARN"), Some(TARGET)));
            assert!(notice.get("audit").is_none());
        }
    }

    #[test]
    fn lines_are_written_whole_and_in_order_and_a_flush_writes_the_last_ones() {
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
    fn a_file_can_be_read_by_its_owner_only_and_is_reopened_after_it_was_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let (path, old) = (directory.path().join("audit"), directory.path().join("audit.1"));
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

    /// A disk that writes a part of a line, is full, and has room again.
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
