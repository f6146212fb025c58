//! Shares of the memory budget for responses, held until the connection has sent the last byte.

use super::activity::InFlight;
use super::body::{Body, LARGE};
use super::budget::{Budget, Crowded, Holder, REQUEST, Share};
use bytes::Bytes;
use parking_lot::Mutex;
use roadstead_model::Digest;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

/// How many bytes of a response the protocol buffers, however large the client's window is. Small, because each stream has its
/// own buffer.
pub(crate) const SEND_BUFFER: usize = 32 * 1024;
/// The size in bytes up to which a response is no larger than a refusal would be.
const SMALL: usize = 1024;

/// Held until the last byte of a response is sent.
#[derive(Debug)]
pub(crate) struct HeldResponse {
    _share: Share,
    in_flight: InFlight,
}

/// Bytes passed to the connection. HTTP/2 keeps them until the client reads them, even after the task of their stream ended.
struct HandedBytes {
    bytes: Bytes,
    held: Arc<HeldResponse>,
}

/// Large content that is being sent, in memory once for all anonymous clients and once for all authenticated ones.
#[derive(Debug, Default)]
pub(crate) struct SharedContent {
    contents: Mutex<HashMap<(Digest, bool), Weak<Content>>>,
    /// Held while content is read, by the first character of its digest, so that requests at once for one content read it once.
    readers: [tokio::sync::Mutex<()>; 16],
}

/// Content that several responses may be sending.
#[derive(Debug)]
struct Content {
    bytes: Bytes,
    _share: Share,
}

struct SharedBytes(Arc<Content>);

impl HeldResponse {
    /// Wraps bytes passed to the connection, so that the share is held until they are sent.
    pub(crate) fn hand(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        Bytes::from_owner(HandedBytes { bytes, held: self.clone() })
    }
}

impl AsRef<[u8]> for HandedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for HandedBytes {
    fn drop(&mut self) {
        self.held.in_flight.touch();
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl SharedContent {
    /// Returns the content of a digest, which is read unless it is being sent. Fails if the budget has no room for its `size`.
    pub(crate) async fn find_or_read<E: From<Crowded>>(
        &self,
        digest: &Digest,
        size: u64,
        holder: &Holder,
        read: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<Bytes, E> {
        if let Some(bytes) = self.find(digest, holder) {
            return Ok(bytes);
        }
        let reader = digest.hex().as_bytes().first().map_or(0, |first| usize::from(*first)) % self.readers.len();
        let _turn = self.readers[reader].lock().await;
        if let Some(bytes) = self.find(digest, holder) {
            return Ok(bytes);
        }
        let reading = holder.clone().share(usize::try_from(size).unwrap_or(usize::MAX))?;
        let bytes = read.await?;
        drop(reading);
        Ok(self.share(digest, bytes, holder)?)
    }

    /// Returns the content of a digest if it is being sent.
    fn find(&self, digest: &Digest, holder: &Holder) -> Option<Bytes> {
        let contents = self.contents.lock();
        let content = contents.get(&(digest.clone(), holder.is_authenticated()))?.upgrade()?;
        Some(Bytes::from_owner(SharedBytes(content)))
    }

    /// Returns the content of a digest, which takes one share however many responses send it.
    fn share(&self, digest: &Digest, bytes: Bytes, holder: &Holder) -> Result<Bytes, Crowded> {
        let key = (digest.clone(), holder.is_authenticated());
        let mut contents = self.contents.lock();
        let content = match contents.get(&key).and_then(Weak::upgrade) {
            Some(content) => content,
            None => {
                contents.retain(|_, content| content.strong_count() > 0);
                let content = Arc::new(Content { _share: holder.clone().share(bytes.len())?, bytes });
                contents.insert(key, Arc::downgrade(&content));
                content
            }
        };
        Ok(Bytes::from_owner(SharedBytes(content)))
    }
}

/// Takes a share for a response that may have to wait for its client. Returns `None` if it is too small to count.
pub(crate) fn hold(
    body: &mut Body,
    is_stream: bool,
    shared_content: &SharedContent,
    holder: impl FnOnce() -> Holder,
    in_flight: impl FnOnce() -> InFlight,
) -> Result<Option<Arc<HeldResponse>>, Crowded> {
    if http_body::Body::is_end_stream(body) {
        return Ok(None);
    }
    body.leave_room();
    let length = if body.in_memory() >= LARGE { body.in_memory() } else { 0 };
    if length == 0 && !is_stream {
        return Ok(None);
    }
    let holder = holder();
    let of_stream = if is_stream { REQUEST } else { 0 };
    let share = match body {
        Body::Full { bytes, digest: Some(digest) } if length > 0 => {
            *bytes = shared_content.share(digest, bytes.clone(), &holder)?;
            holder.share(of_stream)?
        }
        // HTTP/2 keeps the frames that it has buffered until the client reads them.
        Body::Blob(_) if is_stream && length > 0 => holder.share(of_stream + length + SEND_BUFFER)?,
        _ => holder.share(of_stream + length)?,
    };
    Ok(Some(Arc::new(HeldResponse { _share: share, in_flight: in_flight() })))
}

/// Whether a body is in memory and at most [`SMALL`].
pub(crate) fn is_small(body: &Body) -> bool {
    matches!(body, Body::Full { .. }) && body.in_memory() <= SMALL
}

/// Takes a share for a small response from the quota reserved for them. Returns `None` if that is also exhausted.
pub(crate) fn hold_small(budget: &Budget, client: IpAddr, in_flight: impl FnOnce() -> InFlight) -> Option<Arc<HeldResponse>> {
    let share = budget.small(client).share(REQUEST).ok()?;
    Some(Arc::new(HeldResponse { _share: share, in_flight: in_flight() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::Algorithm;

    #[tokio::test]
    async fn requests_at_once_for_one_content_read_it_once() {
        let (budget, contents) = (Budget::new(64 << 20), SharedContent::default());
        let content = Bytes::from(vec![b'x'; 4 << 20]);
        let digest = Digest::of(Algorithm::Sha256, &content);
        let anonymous = budget.anonymous(IpAddr::from([192, 0, 2, 1]));
        let reads = std::sync::atomic::AtomicUsize::new(0);
        let read = async || {
            reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
            Ok::<_, Crowded>(content.clone())
        };
        let requests = (0..30).map(|_| contents.find_or_read(&digest, 4 << 20, &anonymous, read()));
        let answers = futures_util::future::join_all(requests).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|bytes| *bytes == content)));
        assert_eq!(reads.into_inner(), 1);
    }

    #[test]
    fn shared_content_is_in_memory_once_for_anonymous_and_once_for_authenticated_clients() {
        let (budget, contents) = (Budget::new(8 << 20), SharedContent::default());
        let content = vec![b'x'; 1 << 20];
        let digest = Digest::of(Algorithm::Sha256, &content);
        let anonymous = budget.anonymous(IpAddr::from([192, 0, 2, 1]));
        let take = |holder: &Holder| contents.share(&digest, Bytes::from(content.clone()), holder);
        let taken: Vec<_> = (0..100).map(|_| take(&anonymous).expect("charged once")).collect();
        assert!(taken.iter().all(|bytes| bytes.as_ptr() == taken[0].as_ptr() && **bytes == *content));
        let authenticated = budget.authenticated(&roadstead_model::RegistryId::parse("000000000001").expect("an id"));
        assert_ne!(take(&authenticated).expect("has its own quota").as_ptr(), taken[0].as_ptr());
        assert!(anonymous.clone().share(1).is_err());
        assert_eq!(contents.find(&digest, &anonymous).expect("is being sent").as_ptr(), taken[0].as_ptr());
        drop(taken);
        assert_eq!(contents.find(&digest, &anonymous), None);
        assert!(anonymous.share(1 << 20).is_ok(), "the last one releases the share");
    }
}
