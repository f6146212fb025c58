//! Bytes of a body that have been received and not written yet.

use bytes::{Bytes, BytesMut};

/// Pieces smaller than this, in bytes, are copied together. A small piece may be a view of a large buffer, and the overhead of a batch of
/// single bytes would be many times their size.
const SMALL_PIECE: usize = 4 * 1024;

/// Pieces of a body, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pieces: Vec<Bytes>,
    /// The small pieces at the end, copied together.
    small: BytesMut,
    length: usize,
}

impl Batch {
    pub(super) fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if piece.len() < SMALL_PIECE {
            self.small.extend_from_slice(&piece);
        } else {
            self.close_small();
            self.pieces.push(piece);
        }
    }

    /// Inserts a piece before all others.
    pub(super) fn push_front(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.insert(0, piece);
        }
    }

    /// In bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length as u64
    }

    /// Removes and returns all pieces.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.close_small();
        self.length = 0;
        std::mem::take(&mut self.pieces)
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(std::mem::take(&mut self.small).freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_of_single_bytes_is_one_piece_and_the_order_is_kept() {
        let mut lengths = vec![1; 10_000];
        lengths.extend([SMALL_PIECE, 1, 2, SMALL_PIECE, SMALL_PIECE, 3]);
        let (mut batch, mut count) = (Batch::default(), 0_u8);
        for length in &lengths {
            let piece = (0..*length).map(|_| {
                count = count.wrapping_add(1);
                count
            });
            batch.push(piece.collect());
        }
        assert_eq!(batch.length(), lengths.iter().sum::<usize>() as u64);
        let pieces = batch.take();
        let sizes: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(sizes, [10_000, SMALL_PIECE, 3, SMALL_PIECE, SMALL_PIECE, 3]);
        assert!(pieces.concat().iter().enumerate().all(|(at, byte)| *byte == (at + 1) as u8));
        assert!(batch.take().is_empty() && batch.length() == 0);
    }
}
