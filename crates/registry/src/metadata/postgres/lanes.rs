//! Lanes for writes that change the same row, such as the counts of a repository. Side by side, all but one of them would conflict. In a
//! lane, they wait for each other, and those that wait while one runs are committed together.

use super::Postgres;
use crate::error::{Error, Result};
use crate::measuring::Entered;
use crate::metadata::effect::Effect;
use crate::metadata::transaction::Tx;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::oneshot;

/// How many writes of a lane are committed together.
const TOGETHER: usize = 16;

/// A lane: its writes have one effect, because those that are committed together must be told to the caches as one.
type Lane = (Effect, String);

/// The writes that wait in each lane in which one is running.
#[derive(Default)]
pub(super) struct Lanes(Mutex<HashMap<Lane, Vec<Box<dyn Waiting>>>>);

/// A write that waits.
trait Waiting: Send + Sync {
    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

    /// Whether its request still waits for the answer. A write that has not begun for a request that was dropped never runs, and what it
    /// holds counts no longer in any budget.
    fn is_wanted(&self) -> bool;

    /// Counts it no longer as waiting.
    fn begins(&mut self);

    /// Answers the caller once the write is committed or has failed.
    fn answer(self: Box<Self>, ended: Result<()>);
}

struct Write<T, F> {
    work: F,
    /// What the last run returned.
    result: Mutex<Option<T>>,
    caller: oneshot::Sender<Result<T>>,
    /// Counts it as waiting.
    waiting: Option<Entered>,
}

impl<T, F> Waiting for Write<T, F>
where
    T: Send,
    F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + Sync,
{
    fn run<'a>(&'a self, tx: &'a mut Tx<'_>) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>> {
        Box::pin(async move {
            let result = (self.work)(tx).await?;
            *self.result.lock() = Some(result);
            Ok(())
        })
    }

    fn is_wanted(&self) -> bool {
        !self.caller.is_closed()
    }

    fn begins(&mut self) {
        self.waiting = None;
    }

    fn answer(self: Box<Self>, ended: Result<()>) {
        let result = self.result.into_inner();
        let missing = || Error::Internal("a write that was committed has not run".to_owned());
        // Nobody waits for the answer of a request that was dropped.
        let _ = self.caller.send(ended.and_then(|()| result.ok_or_else(missing)));
    }
}

impl Lanes {
    /// Adds a write to a lane. Returns whether the lane was empty, and somebody has to run what is in it.
    fn enter(&self, lane: &Lane, write: Box<dyn Waiting>) -> bool {
        let mut lanes = self.0.lock();
        let is_empty = !lanes.contains_key(lane);
        let waiting = lanes.entry(lane.clone()).or_default();
        waiting.retain(|write| write.is_wanted());
        waiting.push(write);
        is_empty
    }

    /// Takes the next writes of a lane. Without any, the lane ends.
    fn next(&self, lane: &Lane) -> Vec<Box<dyn Waiting>> {
        let mut lanes = self.0.lock();
        let mut next = Vec::new();
        if let Some(waiting) = lanes.get_mut(lane) {
            waiting.retain(|write| write.is_wanted());
            next.extend(waiting.drain(..waiting.len().min(TOGETHER)));
        }
        next.iter_mut().for_each(|write| write.begins());
        if next.is_empty() {
            lanes.remove(lane);
        }
        next
    }
}

impl Postgres {
    /// Runs `work` as [`Self::write`] does, but after the writes that are in the lane, and perhaps in one transaction with others.
    pub(in crate::metadata) async fn write_in_lane<T, F>(self: &Arc<Self>, lane: String, work: F, effect: Effect) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let (lane, waiting) = ((effect, lane), Some(self.activity.waiting.enter()));
        if self.lanes.enter(&lane, Box::new(Write { work, result: Mutex::new(None), caller, waiting })) {
            // A task of its own, because others rely on it when this request is dropped.
            tokio::spawn(self.clone().run_lane(lane));
        }
        answer.await.map_err(|_| Error::Internal("a write in a lane panicked".to_owned()))?
    }

    async fn run_lane(self: Arc<Self>, lane: Lane) {
        // A panic ends the lane too; those who wait in it get an error.
        let lanes = scopeguard::guard(&self.lanes, |lanes| drop(lanes.0.lock().remove(&lane)));
        loop {
            let writes = lanes.next(&lane);
            if writes.is_empty() {
                scopeguard::ScopeGuard::into_inner(lanes);
                return;
            }
            self.run_together(writes, lane.0).await;
        }
    }

    /// Runs writes in one transaction or, if one of them is refused, each in its own.
    async fn run_together(&self, writes: Vec<Box<dyn Waiting>>, effect: Effect) {
        let all = async |tx: &mut Tx<'_>| {
            for write in &writes {
                write.run(tx).await?;
            }
            Ok(())
        };
        let ended = self.write(all, writes.len(), true, effect).await;
        // Whatever made the database unavailable may have come after the commit, so nothing runs again.
        if writes.len() == 1 || matches!(ended, Ok(()) | Err(Error::Unavailable(_))) {
            writes.into_iter().for_each(|write| write.answer(ended.clone()));
            return;
        }
        for write in writes {
            let ended = self.write(async |tx: &mut Tx<'_>| write.run(tx).await, 1, true, effect).await;
            write.answer(ended);
        }
    }
}
