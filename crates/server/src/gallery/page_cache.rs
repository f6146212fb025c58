//! Rendered pages. A page is good as long as nothing has been committed, and for ten seconds at most, because statistics of pulls and
//! the distance of times change without a commit.

use super::page::Page;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use roadstead_model::Timestamp;
use roadstead_registry::MetadataVersion;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, OnceLock};

/// The maximum size of all pages in bytes. A full cache is cleared, because the next commit usually clears it sooner.
const CAPACITY: usize = 64 << 20;
/// The largest page that is kept, in bytes.
const LARGEST: usize = 1 << 20;
/// The overhead of a page in bytes: its entry, its headers and its tag.
const OVERHEAD: usize = 1024;
/// How long a page is good, in seconds.
const LONGEST: i64 = 10;

/// A page, ready to be sent any number of times.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// The entity tag without quotes.
    pub(super) tag: String,
    /// Filled for the first client that accepts it.
    compressed: OnceLock<Option<Bytes>>,
}

impl Kept {
    pub(super) fn new(page: Page) -> Self {
        const DIGITS: usize = 16;
        let tag = hex::encode(Sha256::digest(&page.body).get(..DIGITS).unwrap_or_default());
        Self { status: page.status, headers: page.headers, body: page.body, tag, compressed: OnceLock::new() }
    }

    /// The body in the gzip format. `None` if that saves too little.
    pub(super) fn compressed(&self) -> Option<&Bytes> {
        const WORTHWHILE: usize = 1024;
        self.compressed.get_or_init(|| (self.body.len() >= WORTHWHILE).then(|| gzip(&self.body))?).as_ref()
    }

    /// What the page holds, with a bound for its compressed form.
    fn weight(&self) -> usize {
        2 * self.body.len() + OVERHEAD
    }
}

/// Writing to a vector does not fail.
fn gzip(bytes: &[u8]) -> Option<Bytes> {
    const LEVEL: u32 = 6;
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(LEVEL));
    encoder.write_all(bytes).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < bytes.len()).then(|| compressed.into_boxed_slice().into_vec().into())
}

#[derive(Debug, Default)]
pub(super) struct PageCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    version: Option<MetadataVersion>,
    pages: HashMap<String, (Timestamp, Arc<Kept>)>,
    bytes: usize,
}

impl PageCache {
    pub(super) fn get(&self, version: MetadataVersion, key: &str, now: Timestamp) -> Option<Arc<Kept>> {
        let state = self.0.lock();
        let (made, kept) = state.pages.get(key).filter(|_| state.version == Some(version))?;
        (0..LONGEST).contains(&(now.seconds() - made.seconds())).then(|| kept.clone())
    }

    /// Keeps a page that was made from `version` or a later one.
    pub(super) fn put(&self, version: MetadataVersion, key: String, now: Timestamp, kept: &Arc<Kept>) {
        let weight = kept.weight() + key.len();
        if kept.body.len() > LARGEST || kept.status != StatusCode::OK {
            return;
        }
        let mut state = self.0.lock();
        if state.version != Some(version) || state.bytes + weight > CAPACITY {
            *state = State { version: Some(version), ..State::default() };
        }
        let replaced = state.pages.insert(key, (now, kept.clone()));
        state.bytes += weight;
        if let Some((_, old)) = replaced {
            // Its key counts again with the new page.
            state.bytes -= old.weight() + weight - kept.weight();
        }
    }
}
