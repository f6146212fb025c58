//! An upload session: a writer that works in the background, one batch at a time.

use super::layout::Layout;
use super::writer::Writer;
use crate::blobs::object::ResumedUpload;
use crate::disk::blocking::blocking;
use crate::error::{Error, Result};
use bytes::Bytes;
use tokio::task::JoinHandle;

pub(crate) struct Session(State);

enum State {
    Idle(Box<Writer>),
    Writing(JoinHandle<Result<Box<Writer>>>),
    Failed,
}

impl Session {
    pub(super) fn new(layout: Layout, upload: ResumedUpload) -> Self {
        Self(State::Idle(Box::new(Writer::new(layout, upload))))
    }

    pub(in crate::blobs) async fn ready(&mut self) -> Result<()> {
        let synced = self.writer().await?.sync_ahead().await;
        if synced.is_err() {
            self.0 = State::Failed;
        }
        synced
    }

    pub(in crate::blobs) fn append(&mut self, batch: Vec<Bytes>) -> Result<()> {
        match std::mem::replace(&mut self.0, State::Failed) {
            State::Idle(mut writer) => {
                self.0 = State::Writing(tokio::task::spawn_blocking(move || writer.append(&batch).map(|()| writer)));
                Ok(())
            }
            State::Writing(_) | State::Failed => Err(failed()),
        }
    }

    pub(in crate::blobs) async fn settle(self, last: Vec<Bytes>) -> Result<Vec<u8>> {
        let writer = self.into_writer().await?;
        blocking(move || writer.settle(&last)).await
    }

    pub(in crate::blobs) async fn abandon(self) -> Result<()> {
        let writer = self.into_writer().await?;
        blocking(move || writer.abandon()).await
    }

    pub(in crate::blobs) async fn finish(self, last: Vec<Bytes>) -> Result<String> {
        let writer = self.into_writer().await?;
        blocking(move || writer.finish(&last)).await
    }

    /// The writer, once it has written what it was given.
    async fn writer(&mut self) -> Result<&mut Writer> {
        if let State::Writing(writing) = &mut self.0 {
            let written = writing.await;
            self.0 = State::Failed;
            self.0 = State::Idle(written.map_err(|error| Error::Internal(error.to_string()))??);
        }
        match &mut self.0 {
            State::Idle(writer) => Ok(writer),
            State::Writing(_) | State::Failed => Err(failed()),
        }
    }

    /// The same, once everything that the disk was set to work on is durable.
    async fn into_writer(mut self) -> Result<Box<Writer>> {
        self.writer().await?.synced_ahead().await?;
        match self.0 {
            State::Idle(writer) => Ok(writer),
            State::Writing(_) | State::Failed => Err(failed()),
        }
    }
}

fn failed() -> Error {
    Error::Internal("an upload was used after it had failed".to_owned())
}
