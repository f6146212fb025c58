//! How fast the frames of HTTP/2 are read: no faster than the tasks of their streams come to run. What a connection reads ahead of
//! them is in no budget yet, neither the heads of requests nor `DATA` frames, each of which takes memory even if it is empty. So a
//! connection whose bodies come in frames of a few bytes is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The length of a frame's own head (RFC 9113 §4.1).
const HEAD: usize = 9;
/// How much is read at once behind the frame that is known: about a hundred of the smallest ones.
const AHEAD: usize = 1024;
/// What a frame counts besides its bytes.
const FRAME: usize = 600;
/// After so much the connection lets its streams run.
const TURN: usize = 64 * 1024;
/// The types of frames that are told apart, and the flag that ends a stream (RFC 9113 §6.1, §6.2).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
/// What `DATA` frames may take more than eight times what they bring, at the beginning and for each request. A body of a few bytes
/// in a frame of its own is in order; a body in thousands of them takes the memory of thousands, which no budget knows of.
const SPARE: usize = 64 * 1024;
const SPARE_OF_REQUEST: usize = 1024;

/// So many streams of all connections may wait for their first turn before no more are read.
const MOST_NEW: usize = 1024;

/// The streams of all connections that have not run yet.
#[derive(Debug, Clone, Default)]
pub(super) struct NewStreams(Arc<AtomicUsize>);

/// One of them.
#[derive(Debug)]
pub(super) struct NewStream(NewStreams);

impl NewStreams {
    pub(super) fn one_more(&self) -> NewStream {
        self.0.fetch_add(1, Ordering::Relaxed);
        NewStream(self.clone())
    }

    pub(super) fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MOST_NEW
    }
}

impl Drop for NewStream {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Follows the frames of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// How many bytes are left of the frame that has begun, or of the preface.
    left: usize,
    head: [u8; HEAD],
    /// How many bytes of the next head are there.
    begun: usize,
    /// What was read in this turn.
    read: usize,
    /// What small `DATA` frames may still take.
    spare: usize,
}

impl Frames {
    /// The frames behind so many bytes of a preface.
    pub(super) fn after(preface: usize) -> Self {
        Self { left: preface, head: [0; HEAD], begun: 0, read: 0, spare: SPARE }
    }

    /// How many bytes may be read at once.
    pub(super) fn most(&self) -> usize {
        self.left + AHEAD
    }

    /// Whether the turn of the connection is over; then the next one begins.
    pub(super) fn pause(&mut self) -> bool {
        let over = self.read >= TURN;
        if over {
            self.read = 0;
        }
        over
    }

    /// Whether the bodies of requests come in frames so small that they can only mean harm.
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

    /// Looks at the bytes that come next.
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
        let streams = NewStreams::default();
        let new: Vec<_> = (0..MOST_NEW).map(|_| streams.one_more()).collect();
        assert!(streams.are_many());
        drop(new);
        assert!(!streams.are_many() && streams.0.load(Ordering::Relaxed) == 0);
    }
}
