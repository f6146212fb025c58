//! CPU time and memory of a server's processes on this machine, from Linux's `/proc`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The interval at which memory is sampled while a shape runs.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(20);
/// The unit of CPU times in `/proc`: `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pids: Vec<u32>,
}

/// Anonymous memory and file pages, which the kernel can reclaim, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Memory {
    pub(crate) anonymous: u64,
    pub(crate) file: u64,
}

impl Process {
    pub(crate) const fn new(pids: Vec<u32>) -> Self {
        Self { pids }
    }

    /// Every process that listens on this TCP port.
    pub(crate) fn listening_on(port: u16) -> Option<Self> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
        let sockets: HashSet<String> = tables.iter().flat_map(|table| listening_inodes(table, port)).collect();
        let entries = fs::read_dir("/proc").ok()?.flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let pids: Vec<u32> = pids.filter(|pid| holds_one_of(*pid, &sockets)).collect();
        (!pids.is_empty()).then_some(Self { pids })
    }

    /// User and system time of all processes so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let ticks = |pid: &u32| -> Option<u64> {
            let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The process's name, which may contain anything, ends at the last parenthesis.
            let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
            Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
        };
        self.pids.iter().filter_map(ticks).sum::<u64>() as f64 / TICKS_PER_SECOND
    }

    /// The current memory of all processes.
    pub(crate) fn memory(&self) -> Memory {
        let mut total = Memory::default();
        for pid in &self.pids {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            total.anonymous += field(&status, "RssAnon:");
            total.file += field(&status, "RssFile:");
        }
        total
    }

    /// Starts sampling memory.
    pub(crate) fn sample_memory(&self) -> MemorySampler {
        let (process, done) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let stop = done.clone();
        let thread = std::thread::spawn(move || {
            let mut peak = Memory::default();
            while !stop.load(Ordering::Relaxed) {
                let now = process.memory();
                peak = Memory { anonymous: peak.anonymous.max(now.anonymous), file: peak.file.max(now.file) };
                std::thread::sleep(SAMPLE_INTERVAL);
            }
            peak
        });
        MemorySampler { done, thread }
    }
}

/// A thread that samples memory until its peak is read.
pub(crate) struct MemorySampler {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Memory>,
}

impl MemorySampler {
    /// Stops sampling and returns the peaks. Blocks for up to [`SAMPLE_INTERVAL`].
    pub(crate) fn peak(self) -> Memory {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// Parses a field of `/proc/<pid>/status` and returns it in bytes; 0 if it is absent.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The sockets in `/proc/net/tcp` that listen (state 0A) on this port.
fn listening_inodes(table: &str, port: u16) -> Vec<String> {
    let ending = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = rows.filter(|row| row.len() > 9 && row[1].ends_with(&ending) && row[3] == "0A");
    listening.map(|row| format!("socket:[{}]", row[9])).collect()
}

fn holds_one_of(pid: u32, sockets: &HashSet<String>) -> bool {
    let Ok(entries) = fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd")) else { return false };
    entries.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|link| sockets.contains(&*link.to_string_lossy())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_listens_is_found_and_has_memory() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let process = Process::listening_on(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(process, Process::new(vec![std::process::id()]));
        assert!(process.memory().anonymous > 0);
        assert!(process.sample_memory().peak().anonymous <= process.memory().anonymous * 2);
    }

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let row = |local: &str, state: &str, inode: &str| format!("   0: 0100007F:{local} 00000000:0000 {state} 0:0 0:0 0 0 0 {inode} 1");
        let table = ["head".to_owned(), row("1388", "0A", "11"), row("1388", "01", "12"), row("1389", "0A", "13")].join("\n");
        assert_eq!(listening_inodes(&table, 5000), ["socket:[11]"]);
    }
}
