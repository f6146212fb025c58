//! Upload sessions: a task that owns the writer, so that an upload reaches a sound state even if its request is dropped.

use super::objects::Objects;
use super::writer::Writer;
use crate::blobs::object::{ResumedUpload, Settled};
use crate::error::{Error, Result};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What a session asks of its writer, with the sender of the result.
enum Request {
    Append(Vec<Bytes>, oneshot::Sender<Result<()>>),
    Settle(Vec<Bytes>, oneshot::Sender<Result<Settled>>),
    Finish(Vec<Bytes>, oneshot::Sender<Result<String>>),
    Abandon(oneshot::Sender<Result<()>>),
}

pub(crate) struct Session {
    requests: mpsc::Sender<Request>,
    /// The result of the last batch, until it is known.
    appending: Option<oneshot::Receiver<Result<()>>>,
}

impl Session {
    pub(super) fn new(objects: Arc<Objects>, upload: ResumedUpload) -> Self {
        let (requests, received) = mpsc::channel(1);
        tokio::spawn(write(objects, upload, received));
        Self { requests, appending: None }
    }

    pub(in crate::blobs) async fn ready(&mut self) -> Result<()> {
        let Some(appending) = &mut self.appending else { return Ok(()) };
        let appended = appending.await;
        self.appending = None;
        appended.unwrap_or_else(|_| Err(failed()))
    }

    pub(in crate::blobs) fn append(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let (done, appending) = oneshot::channel();
        self.requests.try_send(Request::Append(batch, done)).map_err(|_| failed())?;
        self.appending = Some(appending);
        Ok(())
    }

    pub(in crate::blobs) async fn settle(self, last: Vec<Bytes>) -> Result<Settled> {
        self.end(|done| Request::Settle(last, done)).await
    }

    pub(in crate::blobs) async fn abandon(self) -> Result<()> {
        self.end(Request::Abandon).await
    }

    pub(in crate::blobs) async fn finish(self, last: Vec<Bytes>) -> Result<String> {
        self.end(|done| Request::Finish(last, done)).await
    }

    async fn end<T>(mut self, request: impl FnOnce(oneshot::Sender<Result<T>>) -> Request) -> Result<T> {
        self.ready().await?;
        let (done, ended) = oneshot::channel();
        self.requests.send(request(done)).await.map_err(|_| failed())?;
        ended.await.unwrap_or_else(|_| Err(failed()))
    }
}

fn failed() -> Error {
    Error::Internal("an upload was used while it was being written, or after a failure".to_owned())
}

/// Serves a session until it ends, fails or is dropped. Holds the lease as long as anything is being sent.
async fn write(objects: Arc<Objects>, upload: ResumedUpload, mut requests: mpsc::Receiver<Request>) {
    let mut writer = match Writer::new(objects, upload) {
        Ok(writer) => writer,
        Err(error) => return refuse(requests.recv().await, error),
    };
    while let Some(request) = requests.recv().await {
        match request {
            Request::Append(batch, done) => {
                let appended = writer.append(batch).await;
                let is_broken = appended.is_err();
                answer(done, appended);
                if is_broken {
                    break;
                }
            }
            Request::Settle(last, done) => {
                let settled = writer.settle(last).await;
                writer.give_up().await;
                return answer(done, settled);
            }
            Request::Finish(last, done) => {
                let finished = writer.finish(last).await;
                writer.give_up().await;
                return answer(done, finished);
            }
            Request::Abandon(done) => {
                writer.give_up().await;
                return answer(done, Ok(()));
            }
        }
    }
    writer.give_up().await;
}

fn refuse(request: Option<Request>, error: Error) {
    match request {
        Some(Request::Append(_, done) | Request::Abandon(done)) => answer(done, Err(error)),
        Some(Request::Settle(_, done)) => answer(done, Err(error)),
        Some(Request::Finish(_, done)) => answer(done, Err(error)),
        None => {}
    }
}

/// The session may have been dropped meanwhile.
fn answer<T>(done: oneshot::Sender<Result<T>>, result: Result<T>) {
    drop(done.send(result));
}
