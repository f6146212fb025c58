//! Tests of what only the store in S3 does; the others are those of the contract.

mod faults;
mod sessions;

use super::S3;
use super::state::State;
use super::test_server::{self, open};
use crate::blobs::BlobAccess;
use crate::blobs::object::{ResumedUpload, Settled};
use crate::blobs::s3::Session;
use crate::error::Result;
use crate::hashing::Hash;
use crate::upload_leases::{Intent, UploadLeases};
use bytes::Bytes;
use roadstead_model::{Algorithm, Digest};
use std::net::SocketAddr;

const MIB: usize = 1 << 20;

fn prefix() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Opens an empty store, unless the server is not installed.
async fn empty() -> Option<S3> {
    Some(open(test_server::address()?, &prefix()).await)
}

/// An upload, with the values of its row.
struct Upload {
    id: String,
    received: u64,
    hash: Vec<u8>,
    stored: Option<Vec<u8>>,
    taken_over: bool,
}

impl Upload {
    fn new() -> Self {
        let (id, hash) = (uuid::Uuid::new_v4().to_string(), Hash::new(Algorithm::Sha256).save());
        Self { id, received: 0, hash, stored: None, taken_over: false }
    }

    fn resume(&self, store: &S3, target: Option<&Digest>) -> Session {
        let lease = UploadLeases::default().acquire(&self.id, Intent::Append).ok().expect("a lease");
        let (hash, stored, target) = (Hash::restore(&self.hash).expect("a state"), self.stored.clone(), target.cloned());
        let (id, received, taken_over) = (self.id.clone(), self.received, self.taken_over);
        store.resume(ResumedUpload { id, received, hash, stored, taken_over, target, _lease: lease })
    }

    async fn append(&mut self, store: &S3, bytes: &[u8]) -> Result<()> {
        let mut session = self.resume(store, None);
        let last = write(&mut session, bytes).await?;
        self.record(session.settle(last).await?, bytes.len());
        Ok(())
    }

    fn record(&mut self, Settled { hash_state, stored }: Settled, appended: usize) {
        (self.hash, self.stored) = (hash_state, stored);
        self.received += appended as u64;
    }

    async fn finish(&self, store: &S3, bytes: &[u8], target: &Digest) -> Result<String> {
        let mut session = self.resume(store, Some(target));
        let last = write(&mut session, bytes).await?;
        session.finish(last).await
    }

    fn state(&self) -> State {
        State::restore(self.stored.as_deref(), self.received).expect("a state")
    }
}

/// Appends bytes in batches as requests do, and returns the last one.
async fn write(session: &mut Session, bytes: &[u8]) -> Result<Vec<Bytes>> {
    let mut batches = bytes.chunks(256 << 10).map(|batch| vec![Bytes::copy_from_slice(batch)]);
    let mut last = batches.next().unwrap_or_default();
    for batch in batches {
        session.ready().await?;
        session.append(std::mem::replace(&mut last, batch))?;
    }
    Ok(last)
}

/// Bytes that differ from part to part.
fn sample(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8 ^ (at / MIB) as u8).collect()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

async fn content(store: &S3, key: &str, size: usize) -> Result<Bytes> {
    store.open_blob(key, size as u64).part(0, size as u64).await?.copy(0, size).await
}
