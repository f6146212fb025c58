//! Lines on their way to stderr. Those of the access log are written many at a time, since one call of the system for each
//! would cost more than the rest of the line; all others at once, behind what is waiting.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// How long a line of the access log waits for others.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many bytes wait at most.
const MANY: usize = 64 * 1024;

/// Where log lines go. Clones are the same place. What waits is written when one of them is dropped.
#[derive(Debug, Clone)]
pub struct Lines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    waiting: Mutex<Vec<u8>>,
    begun: Condvar,
}

impl Lines {
    pub(super) fn new() -> Self {
        let shared = Arc::new(Shared { waiting: Mutex::default(), begun: Condvar::new() });
        let waited_for = shared.clone();
        let write_for_ever = move || -> () {
            loop {
                waited_for.write_the_next();
            }
        };
        // Without the thread, lines are written when there are many, or with the next of another kind.
        drop(std::thread::Builder::new().name("log".to_owned()).spawn(write_for_ever));
        Self(shared)
    }

    /// Takes a line that may wait for others.
    pub(super) fn gather(&self, line: &[u8]) {
        let mut waiting = self.0.lock();
        let is_first = waiting.is_empty();
        waiting.extend_from_slice(line);
        if waiting.len() > MANY {
            write_out(&mut waiting);
        } else if is_first {
            self.0.begun.notify_one();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        write_out(&mut self.0.lock());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a line, lets others come, and writes them.
    fn write_the_next(&self) {
        drop(self.begun.wait_while(self.lock(), |waiting| waiting.is_empty()));
        std::thread::sleep(PATIENCE);
        write_out(&mut self.lock());
    }
}

/// A log that cannot be written is lost, and that can be told to nobody.
fn write_out(waiting: &mut Vec<u8>) {
    let _ = io::stderr().write_all(waiting);
    waiting.clear();
}

/// A line that is written at once.
pub struct Line<'a>(&'a Shared);

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        waiting.extend_from_slice(bytes);
        write_out(&mut waiting);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(&self.0)
    }
}
