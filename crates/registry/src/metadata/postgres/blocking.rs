//! Running the work of a transaction to its end on the caller's thread.
//!
//! The future of an `AsyncFn` cannot be required to be `Send`, so a task could not hold it while it waits. The thread waits instead; the
//! connections are driven by the engine's own runtime. There are never more waiting threads than connections.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Runs a future to its end. The other tasks of a runtime with several threads continue on another thread meanwhile.
pub(super) fn finish<T>(work: impl Future<Output = T>) -> T {
    let has_threads = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if has_threads { tokio::task::block_in_place(|| park_until_done(work)) } else { park_until_done(work) }
}

fn park_until_done<T>(work: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let (mut context, mut work) = (Context::from_waker(&waker), pin!(work));
    loop {
        if let Poll::Ready(result) = work.as_mut().poll(&mut context) {
            return result;
        }
        thread::park();
    }
}

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
