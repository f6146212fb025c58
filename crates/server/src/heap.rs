//! The heap of the process, as far as glibc's defaults cost too much memory. Other C libraries keep little of what is freed.
#![allow(unsafe_code)]

use std::time::Duration;

/// The maximum number of arenas, each of which keeps what was freed in it. glibc's own is eight for each core. Threads that wait for the
/// database leave their other tasks to new threads, so uploads would spread over all of them.
const ARENAS: usize = 4;
/// How long freed memory may stay with the process.
const BETWEEN_TRIMS: Duration = Duration::from_secs(60);

/// Bounds the number of arenas: one for each core, and no more than [`ARENAS`]. Threads that allocate at the same time share them.
/// To be called before the process has a second thread.
pub(crate) fn bound() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    set_arenas(cores.min(ARENAS));
}

/// Gives freed memory back to the system, every minute. Never returns.
pub(crate) async fn trim_every_minute() {
    loop {
        tokio::time::sleep(BETWEEN_TRIMS).await;
        // Nobody waits for it.
        drop(tokio::task::spawn_blocking(trim).await);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set_arenas(count: usize) {
    // SAFETY: mallopt(3) takes two integers, and refuses what it does not know. It is safe before the process has a second thread (MT-Unsafe
    // init), which `bound` asks of its caller.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, count as libc::c_int) };
}

/// Returns free pages to the system, those between pages in use as well.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    // SAFETY: malloc_trim(3) takes an integer, and locks each arena while it works on it.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn set_arenas(_: usize) {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// The anonymous memory of this process in KiB.
    fn anonymous() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("proc(5)");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a line of Linux 4.5");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    #[test]
    fn memory_that_was_freed_between_blocks_in_use_goes_back_to_the_system() {
        // Smaller than what has a mapping of its own, larger than a page.
        let blocks: Vec<Vec<u8>> = (0..4096).map(|_| vec![1; 64 << 10]).collect();
        let kept: Vec<Vec<u8>> = blocks.into_iter().enumerate().filter_map(|(at, block)| (at % 16 == 0).then_some(block)).collect();
        let before = anonymous();
        trim();
        assert!(anonymous() + (128 << 10) < before, "{before} KiB before, {} KiB after", anonymous());
        assert!(kept.iter().flatten().all(|byte| *byte == 1));
    }
}
