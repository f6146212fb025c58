//! Reception of request bodies, at a minimum rate and within the memory budget.

use super::budget::{Crowded, Holder, REQUEST, Share};
use super::stream::data_moved;
use crate::config::BodyPace;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The size in bytes of the pieces in which a body is gathered.
const PIECE: usize = 64 * 1024;

/// Why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReceiveError {
    TooLarge,
    /// The client was too slow, or stalled.
    TooSlow,
    /// The connection broke.
    Broken,
    /// The memory budget has no room.
    Crowded(Crowded),
}

/// A token bucket of waiting time: waiting drains it, and bytes received refill it, up to the grace period. Single bytes do not
/// refill it enough, and a fast start saves up no more than the grace period.
#[derive(Debug)]
pub(crate) struct Pace {
    minimum: BodyPace,
    /// The waiting time in the bucket.
    patience: Duration,
}

impl Pace {
    pub(crate) fn new(minimum: BodyPace) -> Self {
        Self { minimum, patience: minimum.grace }
    }

    fn refill(&mut self, waited: Duration, received: usize) {
        let earned = Duration::from_secs_f64(received as f64 / self.minimum.rate.max(1) as f64);
        self.patience = (self.patience.saturating_sub(waited) + earned).min(self.minimum.grace);
    }

    /// Receives the next data of a body. Returns `None` at its end.
    pub(crate) async fn next<B: Body<Data = Bytes> + Unpin>(&mut self, body: &mut B) -> Result<Option<Bytes>, ReceiveError> {
        loop {
            let begun = Instant::now();
            let Ok(frame) = timeout(self.patience, body.frame()).await else { return Err(ReceiveError::TooSlow) };
            let Some(frame) = frame else { return Ok(None) };
            // Trailers are ignored.
            let data = frame.map_err(|_| ReceiveError::Broken)?.into_data().unwrap_or_default();
            self.refill(begun.elapsed(), data.len());
            if !data.is_empty() {
                data_moved();
                return Ok(Some(data));
            }
        }
    }
}

/// A body in memory, and its share of the budget.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) share: Share,
}

/// The bytes received of a body. Growing buffers would leave holes of every size in the heap, together as large as many unfinished
/// bodies. Pieces of one size fill each other's holes.
#[derive(Debug, Default)]
struct Pieces {
    full: Vec<BytesMut>,
    last: BytesMut,
    length: usize,
}

impl Pieces {
    fn add(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len();
        while !bytes.is_empty() {
            if self.last.len() == PIECE {
                self.full.push(std::mem::replace(&mut self.last, BytesMut::with_capacity(PIECE)));
            }
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.last.len()));
            self.last.extend_from_slice(now);
            bytes = later;
        }
    }

    /// Copies the pieces into one buffer.
    fn whole(self) -> Bytes {
        if self.full.is_empty() {
            return self.last.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.length);
        // Each piece is freed as soon as it is copied.
        self.full.into_iter().chain([self.last]).for_each(|piece| whole.extend_from_slice(&piece));
        whole.freeze()
    }
}

/// Receives a body of at most `limit` bytes. Frames are copied, because each may be a small part of a large buffer.
pub(crate) async fn read<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    limit: usize,
    headers: &HeaderMap,
    holder: Holder,
    minimum: BodyPace,
) -> Result<Received, ReceiveError> {
    if body.size_hint().lower() > limit as u64 {
        return Err(ReceiveError::TooLarge);
    }
    let (mut pace, mut share, mut pieces) = (Pace::new(minimum), holder.nothing(), Pieces::default());
    let overhead = REQUEST + size_of(headers);
    share.hold(overhead).await?;
    while let Some(frame) = pace.next(body).await? {
        let length = pieces.length + frame.len();
        if length > limit {
            return Err(ReceiveError::TooLarge);
        }
        share.hold(overhead + length).await?;
        pieces.add(&frame);
    }
    Ok(Received { bytes: pieces.whole(), share })
}

/// The approximate size of a request's head in bytes.
fn size_of(headers: &HeaderMap) -> usize {
    const ENTRY: usize = 128;
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ENTRY).sum()
}

impl From<Crowded> for ReceiveError {
    fn from(crowded: Crowded) -> Self {
        Self::Crowded(crowded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Budget;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::net::IpAddr;

    const MIB: usize = 1024 * 1024;
    const MINIMUM: BodyPace = BodyPace { grace: Duration::from_secs(60), rate: 4096 };

    /// A body of frames, each with the seconds before it and its length.
    fn body(frames: Vec<(u64, usize)>) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        StreamBody::new(Box::pin(futures_util::stream::unfold(frames.into_iter(), |mut frames| async move {
            let (pause, length) = frames.next()?;
            tokio::time::sleep(Duration::from_secs(pause)).await;
            Some((Ok(Frame::data(Bytes::from(vec![b'x'; length]))), frames))
        })))
    }

    async fn receive(frames: Vec<(u64, usize)>, limit: usize) -> Result<usize, ReceiveError> {
        let budget = Budget::new(64 * MIB as u64);
        let holder = budget.anonymous(IpAddr::from([192, 0, 2, 1]));
        let received = read(&mut body(frames), limit, &HeaderMap::new(), holder, MINIMUM).await;
        received.map(|received| received.bytes.len())
    }

    #[test]
    fn pieces_add_up_to_the_bytes_received() {
        for lengths in [vec![], vec![10], vec![PIECE], vec![PIECE - 1, 1, 1], vec![3 * PIECE + 7, 5], vec![1; 1000]] {
            let (mut pieces, mut sent) = (Pieces::default(), Vec::new());
            for (number, length) in lengths.iter().enumerate() {
                let frame = vec![number as u8; *length];
                pieces.add(&frame);
                sent.extend(frame);
            }
            assert!(pieces.full.iter().all(|piece| piece.len() == PIECE) && pieces.last.len() <= PIECE);
            assert_eq!(pieces.whole(), sent);
        }
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        assert_eq!(receive(vec![(0, 4), (0, 6)], 10).await, Ok(10));
        assert_eq!(receive(vec![(0, 4), (0, 7)], 10).await, Err(ReceiveError::TooLarge));
        assert_eq!(receive(vec![], 10).await, Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn single_bytes_do_not_keep_a_body_alive() {
        let begun = Instant::now();
        assert_eq!(receive(vec![(20, 1); 1000], MIB).await, Err(ReceiveError::TooSlow));
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_at_the_minimum_rate_is_received_however_long_it_takes() {
        assert_eq!(receive(vec![(10, 40_960); 200], 10 * MIB).await, Ok(200 * 40_960));
        assert_eq!(receive(vec![(10, 30_960); 200], 10 * MIB).await, Err(ReceiveError::TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fast_start_earns_no_more_than_the_grace_period() {
        let begun = Instant::now();
        assert_eq!(receive(vec![(0, 4 * MIB), (61, 1)], 5 * MIB).await, Err(ReceiveError::TooSlow));
        assert_eq!(begun.elapsed().as_secs(), 60);
        assert_eq!(receive(vec![(0, 4 * MIB), (59, 1)], 5 * MIB).await, Ok(4 * MIB + 1));
    }

    #[tokio::test]
    async fn a_share_grows_with_the_bytes_received_and_is_released_with_the_body() {
        let budget = Budget::new(64 * MIB as u64);
        let holder = || budget.anonymous(IpAddr::from([192, 0, 2, 1]));
        let fits = |size| holder().share(size).is_ok();
        let received = read(&mut body(vec![(0, MIB); 7]), 28 * MIB, &HeaderMap::new(), holder(), MINIMUM).await.expect("fits");
        assert!(fits(MIB / 2) && !fits(MIB));
        let more = read(&mut body(vec![(0, MIB); 7]), 28 * MIB, &HeaderMap::new(), holder(), MINIMUM).await;
        assert_eq!(more.err(), Some(ReceiveError::Crowded(Crowded::ByCaller)));
        drop(received);
        assert!(fits(8 * MIB));
    }

    #[tokio::test]
    async fn a_broken_connection_does_not_end_a_body() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"{}"))), Err(std::io::Error::other("reset"))];
        let mut body = StreamBody::new(futures_util::stream::iter(frames));
        let holder = Budget::new(MIB as u64).anonymous(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(read(&mut body, 10, &HeaderMap::new(), holder, MINIMUM).await.err(), Some(ReceiveError::Broken));
    }
}
