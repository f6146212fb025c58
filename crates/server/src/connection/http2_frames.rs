//! Backpressure for HTTP/2: frames are read no faster than the tasks of their streams run, because no memory budget covers the
//! heads and `DATA` frames that hyper reads ahead of those tasks. Even an empty `DATA` frame takes memory, so a connection whose
//! bodies arrive in tiny frames is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The length of a frame header (RFC 9113 §4.1).
const HEAD: usize = 9;
/// The maximum number of bytes read beyond the current frame: about a hundred of the smallest frames.
const AHEAD: usize = 1024;
/// The overhead of a frame in bytes, counted in addition to its length.
const FRAME: usize = 600;
/// The connection yields to its streams after this many bytes, including overhead.
const TURN: usize = 64 * 1024;
/// Frame types and the flag that matter here (RFC 9113 §6.1, §6.2).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
/// By how many bytes the overhead of `DATA` frames may exceed eight times their payload: initially, and in addition per request.
/// This admits a small body in a frame of its own, but not a body in thousands of them.
const SPARE: usize = 64 * 1024;
const SPARE_OF_REQUEST: usize = 1024;
/// Reading pauses while this many streams, over all connections, have not run yet.
const MAX_PENDING: usize = 1024;

/// The number of streams, over all connections, that have not run yet.
#[derive(Debug, Clone, Default)]
pub(super) struct PendingStreams(Arc<AtomicUsize>);

/// A stream that has not run yet.
#[derive(Debug)]
pub(super) struct PendingStream(PendingStreams);

impl PendingStreams {
    pub(super) fn add(&self) -> PendingStream {
        self.0.fetch_add(1, Ordering::Relaxed);
        PendingStream(self.clone())
    }

    pub(super) fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MAX_PENDING
    }
}

impl Drop for PendingStream {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Follows the frames of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// The remaining bytes of the current frame, or of the preface.
    left: usize,
    head: [u8; HEAD],
    /// The number of bytes of the next header received so far.
    begun: usize,
    /// Bytes read, including overhead, since the connection last yielded.
    read: usize,
    /// The overhead that `DATA` frames may still have, in bytes.
    spare: usize,
}

impl Frames {
    /// The frames after a preface of which this many bytes remain.
    pub(super) fn after(preface: usize) -> Self {
        Self { left: preface, head: [0; HEAD], begun: 0, read: 0, spare: SPARE }
    }

    /// The maximum number of bytes to read next.
    pub(super) fn most(&self) -> usize {
        self.left + AHEAD
    }

    /// Whether the connection must yield now. If so, the count starts again.
    pub(super) fn pause(&mut self) -> bool {
        let over = self.read >= TURN;
        if over {
            self.read = 0;
        }
        over
    }

    /// Whether request bodies arrive in abusively small frames.
    pub(super) fn are_too_small(&self) -> bool {
        self.spare == 0
    }

    fn begin_frame(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        self.begun = 0;
        self.read += FRAME;
        match kind {
            HEADERS => self.spare = (self.spare + SPARE_OF_REQUEST).min(SPARE),
            DATA if flags & END_STREAM == 0 => self.spare = (self.spare + 8 * self.left).min(SPARE).saturating_sub(FRAME),
            _ => {}
        }
    }

    /// Follows the next bytes.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        self.read += bytes.len();
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                self.left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let taken = (HEAD - self.begun).min(bytes.len());
            self.head[self.begun..self.begun + taken].copy_from_slice(&bytes[..taken]);
            self.begun += taken;
            bytes = &bytes[taken..];
            if self.begun == HEAD {
                self.begin_frame();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Vec<u8> {
        let mut frame = vec![0, (length >> 8) as u8, length as u8, 0, 0, 0, 0, 0, 1];
        frame.resize(HEAD + length, b'x');
        frame
    }

    /// How many of these frames are read in one turn, in reads of at most so many bytes.
    fn in_a_turn(length: usize, buffer: usize) -> usize {
        let (mut frames, mut sent, mut read) = (Frames::after(24), vec![0; 24], 0);
        (0..1000).for_each(|_| sent.extend(frame(length)));
        while !frames.pause() {
            let next = frames.most().min(buffer).min(sent.len() - read);
            frames.follow(&sent[read..read + next]);
            read += next;
        }
        (read - 24) / (HEAD + length)
    }

    #[test]
    fn in_a_turn_there_are_few_frames_however_small_they_are() {
        for buffer in [7, 1000, usize::MAX] {
            assert!((100..220).contains(&in_a_turn(0, buffer)), "{}", in_a_turn(0, buffer));
            assert!((80..220).contains(&in_a_turn(1, buffer)));
            assert!((3..6).contains(&in_a_turn(16 * 1024, buffer)));
        }
    }

    /// After how many of these frames, by type, flags and length, it is said that they are too small; none if never.
    fn too_small_after(kinds: &[(u8, u8, usize)]) -> Option<usize> {
        let mut frames = Frames::after(0);
        (1..=10_000).find(|_| {
            for (kind, flags, length) in kinds {
                let mut frame = frame(*length);
                (frame[3], frame[4]) = (*kind, *flags);
                frames.follow(&frame);
            }
            frames.are_too_small()
        })
    }

    #[test]
    fn bodies_in_tiny_frames_are_too_small_and_those_of_clients_are_not() {
        assert!(too_small_after(&[(DATA, 0, 1)]).is_some_and(|count| count < 150));
        assert!(too_small_after(&[(DATA, 0, 0)]).is_some_and(|count| count < 150));
        let small_bodies = [(HEADERS, 0, 50), (DATA, 0, 2), (DATA, END_STREAM, 0)];
        for of_client in [&small_bodies[..], &[(HEADERS, END_STREAM, 50)], &[(DATA, 0, 100)], &[(DATA, 0, 16_384)], &[(6, 0, 8)]] {
            assert_eq!(too_small_after(of_client), None, "{of_client:?}");
        }
    }

    #[test]
    fn streams_are_new_until_they_run() {
        let streams = PendingStreams::default();
        let new: Vec<_> = (0..MAX_PENDING).map(|_| streams.add()).collect();
        assert!(streams.are_many());
        drop(new);
        assert!(!streams.are_many() && streams.0.load(Ordering::Relaxed) == 0);
    }
}
