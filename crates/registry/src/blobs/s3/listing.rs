//! Listing what is in the bucket, one page of a response at a time: first the objects, then the multipart uploads.
//!
//! Times are those of the server. A time by this machine's clock is corrected by how far the server's clock was ahead in its last
//! response.

use super::layout;
use super::multiparts::{Marker, Unfinished};
use super::objects::Objects;
use super::state::{Multipart, State};
use crate::blobs::object::StoredObject;
use crate::error::Result;
use object_store::ObjectMeta;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use roadstead_model::Timestamp;
use std::sync::Arc;

pub(crate) struct Listing {
    objects: Arc<Objects>,
    older_than: Timestamp,
    next: Next,
}

/// The next page.
enum Next {
    Objects(Option<String>),
    Multiparts(Option<Marker>),
    End,
}

impl Listing {
    pub(super) const fn begin(objects: Arc<Objects>, older_than: Timestamp) -> Self {
        Self { objects, older_than, next: Next::Objects(None) }
    }

    pub(in crate::blobs) async fn next_page(&mut self) -> Result<Option<Vec<StoredObject>>> {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Objects(token) => {
                let (page, token) = self.objects.page(layout::BLOBS, token).await?;
                self.next = match token {
                    Some(token) => Next::Objects(Some(token)),
                    None if self.objects.lists_unfinished => Next::Multiparts(None),
                    None => Next::End,
                };
                let old = page.iter().filter(|object| modified(object) < self.objects.time(self.older_than));
                Ok(Some(old.filter_map(|object| self.objects.stored(object)).collect()))
            }
            Next::Multiparts(after) => {
                let page = self.objects.bucket.unfinished(layout::BLOBS, after.as_ref()).await?;
                self.next = page.next().map_or(Next::End, |marker| Next::Multiparts(Some(marker)));
                let mut old = Vec::new();
                for unfinished in &page.uploads {
                    old.extend(self.if_old(unfinished).await?);
                }
                Ok(Some(old))
            }
            Next::End => Ok(None),
        }
    }

    async fn if_old(&self, unfinished: &Unfinished) -> Result<Option<StoredObject>> {
        let Some((_, upload)) = self.objects.bucket.relative(&unfinished.key).and_then(layout::parse) else { return Ok(None) };
        let time = self.objects.time(self.older_than);
        if unfinished.initiated >= time {
            return Ok(None);
        }
        let Some((size, last_written)) = self.objects.written(unfinished).await? else { return Ok(None) };
        Ok((last_written < time).then(|| StoredObject { upload: upload.to_owned(), key: None, size }))
    }
}

impl Objects {
    /// Whether an object or part of an upload was written at or after `time`.
    pub(super) async fn written_since(&self, upload: &str, known: &State, time: Timestamp) -> Result<bool> {
        let (prefix, mut token) = (layout::of_upload(upload), None);
        loop {
            let (page, next) = self.page(&prefix, token).await?;
            if page.iter().any(|object| modified(object) >= self.time(time)) {
                return Ok(true);
            }
            token = next;
            if token.is_none() {
                break;
            }
        }
        if let Some(multipart) = &known.multipart
            && self.has_part_since(multipart, time).await?
        {
            return Ok(true);
        }
        if !self.lists_unfinished {
            return Ok(false);
        }
        let mut after = None;
        loop {
            let page = self.bucket.unfinished(&prefix, after.as_ref()).await?;
            for unfinished in &page.uploads {
                if self.written(unfinished).await?.is_some_and(|(_, last_written)| last_written >= self.time(time)) {
                    return Ok(true);
                }
            }
            after = page.next();
            if after.is_none() {
                return Ok(false);
            }
        }
    }

    async fn has_part_since(&self, multipart: &Multipart, time: Timestamp) -> Result<bool> {
        match self.bucket.parts(&layout::name(&multipart.key), &multipart.id).await {
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
            Ok(parts) => Ok(parts.iter().any(|part| part.last_modified >= self.time(time))),
        }
    }

    /// Returns the size of a multipart upload and when it was last written to. `None` if it no longer exists.
    async fn written(&self, unfinished: &Unfinished) -> Result<Option<(u64, Timestamp)>> {
        let Some(name) = self.bucket.relative(&unfinished.key) else { return Ok(None) };
        match self.bucket.parts(name, &unfinished.upload_id).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
            Ok(parts) => {
                let last_written = parts.iter().map(|part| part.last_modified).fold(unfinished.initiated, Ord::max);
                Ok(Some((parts.iter().map(|part| part.size).sum(), last_written)))
            }
        }
    }

    /// Returns a page of the objects whose names begin with `prefix`, and the token of the next one.
    pub(super) async fn page(&self, prefix: &str, token: Option<String>) -> Result<(Vec<ObjectMeta>, Option<String>)> {
        let options = PaginatedListOptions { page_token: token, ..PaginatedListOptions::default() };
        let listed = self.bucket.client.list_paginated(Some(&self.bucket.raw(prefix)), options).await?;
        Ok((listed.result.objects, listed.page_token))
    }

    fn stored(&self, object: &ObjectMeta) -> Option<StoredObject> {
        let (key, upload) = self.bucket.relative(object.location.as_ref()).and_then(layout::parse)?;
        Some(StoredObject { upload: upload.to_owned(), key: Some(key.to_owned()), size: object.size })
    }

    /// A time of this machine's clock by that of the server.
    fn time(&self, time: Timestamp) -> Timestamp {
        Timestamp::from_micros(time.micros().saturating_add(self.bucket.traffic.ahead()))
    }
}

fn modified(object: &ObjectMeta) -> Timestamp {
    Timestamp::from_micros(object.last_modified.timestamp_micros())
}
