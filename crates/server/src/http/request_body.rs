//! Bodies of requests as they arrive, at every door: at what pace they have to come, and what of them is held.

use super::budget::{Crowded, Holder, REQUEST, Share};
use super::stream::data_moved;
use crate::config::BodyPace;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// In pieces of this size a large body is gathered.
const PIECE: usize = 64 * 1024;

/// Why a body was not received to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halted {
    /// It is larger than the limit.
    TooLarge,
    /// It came too slowly, or not at all any more.
    TooSlow,
    /// The connection broke.
    Broken,
    /// There was no room for it.
    Crowded(Crowded),
}

/// The pace of one body: each wait uses up patience, and each byte that comes gives some back. One byte now and then does not
/// give back enough, and neither is patience saved up by a body that begins fast.
#[derive(Debug)]
pub(crate) struct Pace {
    minimum: BodyPace,
    patience: Duration,
}

impl Pace {
    pub(crate) fn new(minimum: BodyPace) -> Self {
        Self { minimum, patience: minimum.grace }
    }

    fn note(&mut self, waited: Duration, received: usize) {
        let earned = Duration::from_secs_f64(received as f64 / self.minimum.rate.max(1) as f64);
        self.patience = (self.patience.saturating_sub(waited) + earned).min(self.minimum.grace);
    }

    /// The next data of a body; none at its end.
    pub(crate) async fn next<B: Body<Data = Bytes> + Unpin>(&mut self, body: &mut B) -> Result<Option<Bytes>, Halted> {
        loop {
            let begun = Instant::now();
            let Ok(frame) = timeout(self.patience, body.frame()).await else { return Err(Halted::TooSlow) };
            let Some(frame) = frame else { return Ok(None) };
            // Trailers are of no interest here.
            let data = frame.map_err(|_| Halted::Broken)?.into_data().unwrap_or_default();
            self.note(begun.elapsed(), data.len());
            if !data.is_empty() {
                data_moved();
                return Ok(Some(data));
            }
        }
    }
}

/// A whole body in memory, and what it takes of the budget.
#[derive(Debug)]
pub(crate) struct Received {
    /// The body as it came.
    pub(crate) bytes: Bytes,
    /// Its share.
    pub(crate) share: Share,
}

/// What has come of a body. A buffer that grows with it would leave holes of every size behind, which many bodies that do not end
/// turn into as much memory as they hold: pieces of one size fill the holes of others.
#[derive(Debug, Default)]
struct Gathered {
    full: Vec<BytesMut>,
    last: BytesMut,
    length: usize,
}

impl Gathered {
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

    /// All of it in one piece.
    fn whole(self) -> Bytes {
        if self.full.is_empty() {
            return self.last.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.length);
        // Each piece is given back as soon as it is copied.
        self.full.into_iter().chain([self.last]).for_each(|piece| whole.extend_from_slice(&piece));
        whole.freeze()
    }
}

/// Receives a body of at most `limit` bytes for `holder`. Its frames are copied: each of them may be a small part of a large buffer.
pub(crate) async fn read<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    limit: usize,
    headers: &HeaderMap,
    holder: Holder,
    minimum: BodyPace,
) -> Result<Received, Halted> {
    let announced = body.size_hint();
    if announced.lower() > limit as u64 {
        return Err(Halted::TooLarge);
    }
    let (mut pace, mut share, mut gathered) = (Pace::new(minimum), holder.nothing(), Gathered::default());
    let besides = REQUEST + size_of(headers);
    share.hold(besides).await?;
    while let Some(frame) = pace.next(body).await? {
        let length = gathered.length + frame.len();
        if length > limit {
            return Err(Halted::TooLarge);
        }
        share.hold(besides + length).await?;
        gathered.add(&frame);
    }
    Ok(Received { bytes: gathered.whole(), share })
}

/// About how many bytes the head of a request takes.
fn size_of(headers: &HeaderMap) -> usize {
    const ENTRY: usize = 128;
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ENTRY).sum()
}

impl From<Crowded> for Halted {
    fn from(crowded: Crowded) -> Self {
        Self::Crowded(crowded)
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use std::net::IpAddr;

    const MIB: usize = 1024 * 1024;
    const MINIMUM: BodyPace = BodyPace { grace: Duration::from_secs(60), rate: 4096 };

    /// A body of frames, each of which comes after a pause.
    fn body(frames: Vec<(u64, usize)>) -> impl Body<Data = Bytes, Error = std::io::Error> + Unpin {
        StreamBody::new(Box::pin(futures_util::stream::unfold(frames.into_iter(), |mut frames| async move {
            let (pause, length) = frames.next()?;
            tokio::time::sleep(Duration::from_secs(pause)).await;
            Some((Ok(Frame::data(Bytes::from(vec![b'x'; length]))), frames))
        })))
    }

    async fn receive(frames: Vec<(u64, usize)>, limit: usize) -> Result<usize, Halted> {
        let budget = Budget::new(64 * MIB as u64);
        let holder = budget.stranger(IpAddr::from([192, 0, 2, 1]));
        let received = read(&mut body(frames), limit, &HeaderMap::new(), holder, MINIMUM).await;
        received.map(|received| received.bytes.len())
    }

    #[test]
    fn what_is_gathered_is_what_came() {
        for lengths in [vec![], vec![10], vec![PIECE], vec![PIECE - 1, 1, 1], vec![3 * PIECE + 7, 5], vec![1; 1000]] {
            let (mut gathered, mut sent) = (Gathered::default(), Vec::new());
            for (number, length) in lengths.iter().enumerate() {
                let frame = vec![number as u8; *length];
                gathered.add(&frame);
                sent.extend(frame);
            }
            assert!(gathered.full.iter().all(|piece| piece.len() == PIECE) && gathered.last.len() <= PIECE);
            assert_eq!(gathered.whole(), sent);
        }
    }

    #[tokio::test]
    async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
        assert_eq!(receive(vec![(0, 4), (0, 6)], 10).await, Ok(10));
        assert_eq!(receive(vec![(0, 4), (0, 7)], 10).await, Err(Halted::TooLarge));
        assert_eq!(receive(vec![], 10).await, Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_does_not_keep_a_body() {
        let begun = Instant::now();
        assert_eq!(receive(vec![(20, 1); 1000], MIB).await, Err(Halted::TooSlow));
        assert_eq!(begun.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_at_the_lowest_rate_is_received_however_long_it_takes() {
        assert_eq!(receive(vec![(10, 40_960); 200], 10 * MIB).await, Ok(200 * 40_960));
        assert_eq!(receive(vec![(10, 30_960); 200], 10 * MIB).await, Err(Halted::TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn what_came_fast_earns_no_more_than_the_grace() {
        let begun = Instant::now();
        assert_eq!(receive(vec![(0, 4 * MIB), (61, 1)], 5 * MIB).await, Err(Halted::TooSlow));
        assert_eq!(begun.elapsed().as_secs(), 60);
        assert_eq!(receive(vec![(0, 4 * MIB), (59, 1)], 5 * MIB).await, Ok(4 * MIB + 1));
    }

    #[tokio::test]
    async fn a_share_grows_with_what_comes_and_goes_with_the_body() {
        let budget = Budget::new(64 * MIB as u64);
        let holder = || budget.stranger(IpAddr::from([192, 0, 2, 1]));
        let fits = |size| holder().share(size).is_ok();
        let received = read(&mut body(vec![(0, MIB); 7]), 28 * MIB, &HeaderMap::new(), holder(), MINIMUM).await.expect("fits");
        assert!(fits(MIB / 2) && !fits(MIB));
        let more = read(&mut body(vec![(0, MIB); 7]), 28 * MIB, &HeaderMap::new(), holder(), MINIMUM).await;
        assert_eq!(more.err(), Some(Halted::Crowded(Crowded::ByCaller)));
        drop(received);
        assert!(fits(8 * MIB));
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_no_short_body() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"{}"))), Err(std::io::Error::other("reset"))];
        let mut body = StreamBody::new(futures_util::stream::iter(frames));
        let holder = Budget::new(MIB as u64).stranger(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(read(&mut body, 10, &HeaderMap::new(), holder, MINIMUM).await.err(), Some(Halted::Broken));
    }
}
