//! Log lines on their way to where they are kept. Nobody waits for that: a line goes into a queue with a bound, and a thread
//! takes what has gathered and writes it. When nobody reads the log, its disk is full or its pipe is closed, lines are
//! dropped and counted, and nothing else happens; once they flow again, a line says how many were lost.
//!
//! Lines that requests cause wait for others, since one call of the system for each would cost more than the rest of the line.

use super::event::{self, Event, Level, Value};
use crate::config::LogFormat;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line that a request causes waits for others.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many bytes wait at most before they are written.
const MANY: usize = 64 * 1024;
/// How many bytes a queue holds, with those that are being written: room for about 3,000 lines.
const MOST: usize = 1024 * 1024;
/// How long the thread rests when a pipe that must not block is full.
const REST: Duration = Duration::from_millis(20);
/// How long the last lines of a process get to be written.
const LEAVING: Duration = Duration::from_secs(1);
/// What a queue says of itself is known to filters by this name.
const TARGET: &str = "roadstead::log";

/// The queue of the log itself. One for the process, as the subscriber of `tracing` is.
static LOG: OnceLock<Lines> = OnceLock::new();
/// What was dropped by this process.
static DROPPED: LazyLock<Family<KindLabel, Counter>> = LazyLock::new(Family::default);

/// What a line tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request.
    Access,
    /// Anything that `tracing` is told.
    Event,
    /// A write, or an attempt that was refused.
    Audit,
}

const KINDS: [Kind; 3] = [Kind::Access, Kind::Event, Kind::Audit];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabel {
    kind: &'static str,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Event => "event",
            Self::Audit => "audit",
        }
    }

    /// How far its lines may fill a queue: lines that any stranger can cause leave room for those that are rare and matter.
    fn room(self) -> usize {
        match self {
            Self::Access => MOST / 2,
            Self::Event => MOST / 4 * 3,
            Self::Audit => MOST,
        }
    }
}

/// What was dropped, by kind.
pub(super) fn dropped() -> Family<KindLabel, Counter> {
    for kind in KINDS {
        drop(DROPPED.get_or_create(&KindLabel { kind: kind.name() }));
    }
    DROPPED.clone()
}

/// Where log lines go. Clones are the same place.
#[derive(Debug, Clone)]
pub(crate) struct Lines(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    format: LogFormat,
    waiting: Mutex<Waiting>,
    wake: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Batch,
    /// The bytes of the batch that is being written.
    in_hand: usize,
    /// How many lines of each kind were lost and not spoken of.
    lost: [u64; KINDS.len()],
    is_urgent: bool,
    reopen: bool,
    /// Whether the last attempt to write failed.
    is_broken: bool,
}

/// Lines one behind the other.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<(usize, Kind)>,
}

impl Waiting {
    fn lose(&mut self, kind: Kind) {
        self.lost[kind as usize] += 1;
        DROPPED.get_or_create(&KindLabel { kind: kind.name() }).inc();
    }

    fn has_work(&self) -> bool {
        !self.lines.bytes.is_empty() || self.reopen || (self.has_losses() && !self.is_broken)
    }

    fn has_losses(&self) -> bool {
        self.lost.iter().any(|lost| *lost > 0)
    }
}

impl Lines {
    /// The queue to stderr.
    pub(super) fn to_stderr(format: LogFormat) -> io::Result<Self> {
        Self::to(Outlet { out: Box::new(io::stderr()), file: None, is_torn: false }, format)
    }

    /// The queue to a file, which is made for its owner only if it is not there.
    pub(crate) fn to_file(path: &Path, format: LogFormat) -> io::Result<Self> {
        Self::to(Outlet { out: Box::new(open(path)?), file: Some(path.to_owned()), is_torn: false }, format)
    }

    fn to(outlet: Outlet, format: LogFormat) -> io::Result<Self> {
        let queue = Arc::new(Queue { format, waiting: Mutex::default(), wake: Condvar::new(), written: Condvar::new() });
        let emptied = queue.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || emptied.empty_into(outlet))?;
        Ok(Self(queue))
    }

    /// Makes this the queue of the log. A second attempt in one process changes nothing.
    pub(super) fn become_log(&self) {
        let _ = LOG.set(self.clone());
    }

    /// The queue of the log, if there is one.
    pub(super) fn of_log() -> Option<&'static Self> {
        LOG.get()
    }

    /// How its lines are to be composed.
    pub(super) fn format(&self) -> LogFormat {
        self.0.format
    }

    /// Takes a line, or drops it when there is no room for it. That never waits.
    pub(super) fn put(&self, kind: Kind, line: &[u8]) {
        let mut waiting = self.0.lock();
        let filled = waiting.lines.bytes.len() + waiting.in_hand;
        if filled + line.len() > kind.room() {
            waiting.lose(kind);
            return;
        }
        let is_first = waiting.lines.bytes.is_empty();
        waiting.lines.bytes.extend_from_slice(line);
        let end = waiting.lines.bytes.len();
        waiting.lines.ends.push((end, kind));
        let becomes_urgent = !waiting.is_urgent && (kind == Kind::Event || end > MANY);
        waiting.is_urgent |= becomes_urgent;
        if is_first || becomes_urgent {
            self.0.wake.notify_one();
        }
    }

    /// Opens the file anew, because its name may be that of another one now.
    pub(crate) fn reopen(&self) {
        self.0.lock().reopen = true;
        self.0.wake.notify_one();
    }

    /// Waits until everything is written, but not for long.
    pub(crate) fn finish(&self) {
        let mut waiting = self.0.lock();
        waiting.is_urgent = true;
        self.0.wake.notify_one();
        drop(self.0.written.wait_timeout_while(waiting, LEAVING, |waiting| waiting.in_hand > 0 || waiting.has_work()));
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what comes, for ever.
    fn empty_into(&self, mut outlet: Outlet) {
        let (mut batch, mut was_broken) = (Batch::default(), false);
        loop {
            let lost = self.take(&mut batch, &mut outlet);
            let (length, failure) = outlet.write(&batch.bytes);
            let told = failure.is_none() && (lost == [0; KINDS.len()] || outlet.write(self.notice(lost).as_bytes()).1.is_none());
            self.settle(&batch, length, (!told).then_some(lost));
            if let (Some(error), Some(path), false) = (&failure, &outlet.file, was_broken) {
                tracing::error!(%error, path = %path.display(), "lines of the audit log are lost: it cannot be written");
            }
            was_broken = failure.is_some();
        }
    }

    /// Waits for lines, lets others come if there is time, and takes them with the count of those that were lost.
    fn take(&self, batch: &mut Batch, outlet: &mut Outlet) -> [u64; KINDS.len()] {
        batch.bytes.clear();
        batch.ends.clear();
        // A time with many lines is over some day.
        batch.bytes.shrink_to(2 * MANY);
        let waiting = self.wake.wait_while(self.lock(), |waiting| !waiting.has_work()).unwrap_or_else(PoisonError::into_inner);
        let gathered = self.wake.wait_timeout_while(waiting, PATIENCE, |waiting| !waiting.is_urgent && !waiting.reopen);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut waiting.reopen) {
            drop(waiting);
            outlet.reopen();
            waiting = self.lock();
        }
        waiting.is_urgent = false;
        std::mem::swap(&mut waiting.lines, batch);
        waiting.in_hand = batch.bytes.len();
        std::mem::take(&mut waiting.lost)
    }

    /// Notes that a batch is done with, of which so many bytes were written, and what is still to be said.
    fn settle(&self, batch: &Batch, length: usize, untold: Option<[u64; KINDS.len()]>) {
        let mut waiting = self.lock();
        waiting.in_hand = 0;
        waiting.is_broken = untold.is_some();
        for (lost, untold) in waiting.lost.iter_mut().zip(untold.unwrap_or_default()) {
            *lost += untold;
        }
        let cut = batch.ends.partition_point(|(end, _)| *end <= length);
        batch.ends[cut..].iter().for_each(|(_, kind)| waiting.lose(*kind));
        self.written.notify_all();
    }

    fn notice(&self, lost: [u64; KINDS.len()]) -> String {
        let fields = KINDS.map(|kind| (kind.name(), Some(lost[kind as usize]).filter(|lost| *lost > 0).map(Value::Number)));
        let message = "lines of the log were dropped, because it could not be written fast enough or not at all";
        let mut line = String::new();
        Event { level: Level::Warn, target: TARGET, message, fields: &fields }.compose(&mut line, event::now(), self.format);
        line
    }
}

/// The end of a queue.
struct Outlet {
    out: Box<dyn Write + Send>,
    /// What can be opened anew.
    file: Option<PathBuf>,
    /// Whether a line was written in part.
    is_torn: bool,
}

impl Outlet {
    /// Writes as much as possible, and says how much and what then happened.
    fn write(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        if self.is_torn && !bytes.is_empty() {
            match self.write_from(b"\n", 0) {
                (_, None) => self.is_torn = false,
                failed => return (0, failed.1),
            }
        }
        let (length, failure) = self.write_from(bytes, 0);
        self.is_torn |= bytes[..length].last().is_some_and(|last| *last != b'\n');
        (length, failure)
    }

    fn write_from(&mut self, bytes: &[u8], mut at: usize) -> (usize, Option<io::Error>) {
        while at < bytes.len() {
            match self.out.write(&bytes[at..]) {
                Ok(0) => return (at, Some(ErrorKind::WriteZero.into())),
                Ok(length) => at += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(REST),
                Err(error) => return (at, Some(error)),
            }
        }
        (at, None)
    }

    /// The old file goes on where the new one cannot be opened.
    fn reopen(&mut self) {
        let Some(path) = &self.file else { return };
        match open(path) {
            Ok(file) => (self.out, self.is_torn) = (Box::new(file), false),
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "the audit log cannot be opened anew: it goes on in the old file")
            }
        }
    }
}

/// Opens a file for lines to be added to it; a new one is for its owner only.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// A line of `tracing`'s.
pub(crate) struct Line<'a>(&'a Lines);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(Kind::Event, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, PipeReader, Read, pipe};

    fn queue() -> (PipeReader, Lines) {
        let (reader, writer) = pipe().unwrap();
        (reader, Lines::to(Outlet { out: Box::new(writer), file: None, is_torn: false }, LogFormat::Json).unwrap())
    }

    #[test]
    fn a_pipe_that_nobody_reads_stops_nobody_and_what_was_dropped_is_told_once_it_is_read() {
        let (reader, lines) = queue();
        let (access, audit) = (format!("{:0>1023}\n", 1), format!("{:0>1023}\n", 2));
        let most = MOST / access.len();
        (0..most).for_each(|_| lines.put(Kind::Access, access.as_bytes()));
        (0..10).for_each(|_| lines.put(Kind::Audit, audit.as_bytes()));
        lines.finish();
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
        let (mut reader, lines) = queue();
        lines.put(Kind::Access, b"one\n");
        lines.put(Kind::Event, b"two\n");
        lines.put(Kind::Access, b"three\n");
        lines.finish();
        let mut bytes = [0; 14];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"one\ntwo\nthree\n");
    }

    #[test]
    fn a_closed_pipe_loses_lines_and_nothing_else() {
        let (reader, lines) = queue();
        drop(reader);
        for _ in 0..10 {
            lines.put(Kind::Event, b"lost\n");
            lines.finish();
        }
        assert_eq!(lines.0.lock().lost, [0, 10, 0]);
    }

    #[test]
    fn a_file_is_for_its_owner_only_and_is_followed_when_it_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("audit"), folder.path().join("audit.1"));
        let lines = Lines::to_file(&path, LogFormat::Text).unwrap();
        lines.put(Kind::Audit, b"one\n");
        lines.finish();
        std::fs::rename(&path, &old).unwrap();
        lines.put(Kind::Audit, b"two\n");
        lines.finish();
        lines.reopen();
        lines.put(Kind::Audit, b"three\n");
        lines.finish();
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// Takes half of a line, fails, and is well again.
    struct Poor(Arc<Mutex<Vec<u8>>>, u32);

    impl Write for Poor {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => self.0.lock().unwrap().write(&bytes[..2]),
                2 => Err(ErrorKind::StorageFull.into()),
                _ => self.0.lock().unwrap().write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_by_a_full_disk_does_not_spoil_the_next_one() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let outlet = Outlet { out: Box::new(Poor(kept.clone(), 0)), file: None, is_torn: false };
        let lines = Lines::to(outlet, LogFormat::Text).unwrap();
        lines.put(Kind::Event, b"first\n");
        lines.finish();
        lines.put(Kind::Event, b"second\n");
        lines.finish();
        let text = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        let text: Vec<&str> = text.lines().collect();
        assert_eq!(text[..2], ["fi", "second"]);
        assert!(text[2].ends_with(" event=1"), "{text:?}");
    }
}
