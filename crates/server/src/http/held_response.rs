//! Answers on their way out: what waits for a client to take it counts in the budget, until the connection has sent it.

use super::activity::InFlight;
use super::body::{Body, LARGE};
use super::budget::{Budget, Crowded, Holder, REQUEST, Share};
use bytes::Bytes;
use parking_lot::Mutex;
use roadstead_model::Digest;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

/// How much of an answer waits in the protocol for its client, however much the client lets it send: little, since each stream has it.
pub(crate) const SEND_BUFFER: usize = 32 * 1024;
/// An answer of a few words is as small as the refusal of it would be.
const FEW_WORDS: usize = 1024;

/// What goes along with an answer until its last byte is sent.
#[derive(Debug)]
pub(crate) struct Held {
    _share: Share,
    in_flight: InFlight,
}

/// Bytes that the connection has, and what they hold: HTTP/2 keeps them until the client takes them, after their stream's
/// own task has ended.
struct Handed {
    bytes: Bytes,
    held: Arc<Held>,
}

/// Large answers that are being sent, each once for all strangers and once for all who are known, however many take it.
#[derive(Debug, Default)]
pub(crate) struct Copies(Mutex<HashMap<(Digest, bool), Weak<Copy>>>);

/// The bytes of an answer that several may be sending.
#[derive(Debug)]
struct Copy {
    bytes: Bytes,
    _share: Share,
}

struct SharedCopy(Arc<Copy>);

impl Held {
    /// Hands bytes to the connection.
    pub(crate) fn hand(self: &Arc<Self>, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Handed { bytes, held: self.clone() })
    }
}

impl AsRef<[u8]> for Handed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.held.in_flight.touch();
    }
}

impl AsRef<[u8]> for SharedCopy {
    fn as_ref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl Copies {
    /// The bytes of this digest, if they are being sent already.
    pub(crate) fn find(&self, digest: &Digest, holder: &Holder) -> Option<Bytes> {
        let copies = self.0.lock();
        let copy = copies.get(&(digest.clone(), holder.is_known()))?.upgrade()?;
        Some(Bytes::from_owner(SharedCopy(copy)))
    }

    /// The bytes of this digest, which count once.
    fn share(&self, digest: &Digest, bytes: Bytes, holder: &Holder) -> Result<Bytes, Crowded> {
        let key = (digest.clone(), holder.is_known());
        let mut copies = self.0.lock();
        let copy = match copies.get(&key).and_then(Weak::upgrade) {
            Some(copy) => copy,
            None => {
                copies.retain(|_, copy| copy.strong_count() > 0);
                let copy = Arc::new(Copy { _share: holder.clone().share(bytes.len())?, bytes });
                copies.insert(key, Arc::downgrade(&copy));
                copy
            }
        };
        Ok(Bytes::from_owner(SharedCopy(copy)))
    }
}

/// Takes a share for an answer that may have to wait for its client. None if it is too little to count.
pub(crate) fn hold(
    body: &mut Body,
    is_stream: bool,
    copies: &Copies,
    holder: impl FnOnce() -> Holder,
    in_flight: impl FnOnce() -> InFlight,
) -> Result<Option<Arc<Held>>, Crowded> {
    if http_body::Body::is_end_stream(body) {
        return Ok(None);
    }
    let length = Some(body.in_memory()).filter(|length| *length >= LARGE).unwrap_or(0);
    if length == 0 && !is_stream {
        return Ok(None);
    }
    let holder = holder();
    let of_stream = if is_stream { REQUEST } else { 0 };
    let share = match body {
        Body::Full { bytes: Some(bytes), digest: Some(digest) } if length > 0 => {
            *bytes = copies.share(digest, bytes.clone(), &holder)?;
            holder.share(of_stream)?
        }
        // Frames of a blob are copies of their own; those that HTTP/2 has stay until the client takes them.
        Body::Blob(_) if is_stream && length > 0 => holder.share(of_stream + length + SEND_BUFFER)?,
        _ => holder.share(of_stream + length)?,
    };
    Ok(Some(Arc::new(Held { _share: share, in_flight: in_flight() })))
}

/// Whether an answer is one of a few words.
pub(crate) fn is_small(body: &Body) -> bool {
    matches!(body, Body::Full { .. }) && body.in_memory() <= FEW_WORDS
}

/// The same for an answer of a few words, from the part of the budget that is kept for those. None if that is used up, too.
pub(crate) fn hold_small(budget: &Budget, client: IpAddr, in_flight: impl FnOnce() -> InFlight) -> Option<Arc<Held>> {
    let share = budget.small(client).share(REQUEST).ok()?;
    Some(Arc::new(Held { _share: share, in_flight: in_flight() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use roadstead_model::Algorithm;

    #[test]
    fn a_large_answer_that_several_take_is_in_memory_once_for_strangers_and_once_for_the_known() {
        let (budget, copies) = (Budget::new(8 << 20), Copies::default());
        let content = vec![b'x'; 1 << 20];
        let digest = Digest::of(Algorithm::Sha256, &content);
        let stranger = budget.stranger(IpAddr::from([192, 0, 2, 1]));
        let take = |holder: &Holder| copies.share(&digest, Bytes::from(content.clone()), holder);
        let taken: Vec<_> = (0..100).map(|_| take(&stranger).expect("counts once")).collect();
        assert!(taken.iter().all(|bytes| bytes.as_ptr() == taken[0].as_ptr() && **bytes == *content));
        let known = budget.known(&roadstead_model::RegistryId::parse("000000000001").expect("an id"));
        assert_ne!(take(&known).expect("has room of its own").as_ptr(), taken[0].as_ptr());
        assert!(stranger.clone().share(1).is_err());
        assert_eq!(copies.find(&digest, &stranger).expect("is being sent").as_ptr(), taken[0].as_ptr());
        drop(taken);
        assert_eq!(copies.find(&digest, &stranger), None);
        assert!(stranger.share(1 << 20).is_ok(), "the last one gives it back");
    }
}
