//! Upload sessions: a writer that works in the background, one batch at a time.

use super::layout::Layout;
use super::writer::Writer;
use crate::blobs::object::{ResumedUpload, Settled};
use crate::disk::{blocking, spawn_blocking};
use crate::error::{Error, Result};
use bytes::Bytes;
use tokio::task::JoinHandle;

pub(crate) struct Session {
    /// `None` while a batch is being written, and after a failure.
    writer: Option<Box<Writer>>,
    writing: Option<JoinHandle<Result<Box<Writer>>>>,
}

impl Session {
    pub(super) fn new(layout: Layout, upload: ResumedUpload) -> Self {
        Self { writer: Some(Box::new(Writer::new(layout, upload))), writing: None }
    }

    pub(in crate::blobs) async fn ready(&mut self) -> Result<()> {
        let synced = self.writer().await?.sync_ahead().await;
        if synced.is_err() {
            self.writer = None;
        }
        synced
    }

    pub(in crate::blobs) fn append(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let mut writer = self.writer.take().ok_or_else(not_ready)?;
        self.writing = Some(spawn_blocking(move || writer.append(&batch).map(|()| writer)));
        Ok(())
    }

    pub(in crate::blobs) async fn settle(self, last: Vec<Bytes>) -> Result<Settled> {
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

    /// Returns the writer after it has written the pending batch.
    async fn writer(&mut self) -> Result<&mut Box<Writer>> {
        if let Some(writing) = &mut self.writing {
            let written = writing.await;
            self.writing = None;
            self.writer = Some(written.map_err(|error| Error::Internal(error.to_string()))??);
        }
        self.writer.as_mut().ok_or_else(not_ready)
    }

    /// Returns the writer after it has written the pending batch and its background sync is done.
    async fn into_writer(mut self) -> Result<Box<Writer>> {
        self.writer().await?.synced_ahead().await?;
        self.writer.ok_or_else(not_ready)
    }
}

fn not_ready() -> Error {
    Error::Internal("an upload was used while it was being written, or after a failure".to_owned())
}
