//! The bytes of an upload that wait to be sent, in order: in memory, in files, and in the objects of earlier requests.

use super::bucket::Bucket;
use super::layout;
use super::room::{Held, Room};
use super::state::Tail;
use crate::disk::blocking;
use crate::error::{Error, Result};
use bytes::Bytes;
use memmap2::MmapMut;
use object_store::{ObjectStoreExt, PutPayload};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The size in bytes from which a new file is begun, so that files are freed soon after their bytes are sent.
const FILE: u64 = 4 << 20;

/// Some bytes in one place.
#[derive(Debug)]
struct Segment {
    place: Place,
    length: u64,
    _held: Option<Held>,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    /// A file, and the offset in it.
    File(Arc<File>, u64),
    /// The key of a whole object.
    Object(String),
}

#[derive(Debug)]
pub(super) struct Buffer {
    room: Arc<Room>,
    segments: VecDeque<Segment>,
    length: u64,
}

/// Bytes taken out of a buffer to be sent.
#[derive(Debug)]
pub(super) struct Content {
    room: Arc<Room>,
    segments: VecDeque<Segment>,
    pub(super) length: u64,
}

impl Buffer {
    pub(super) fn new(room: Arc<Room>, tails: &[Tail]) -> Self {
        let object = |tail: &Tail| Segment { place: Place::Object(tail.key.clone()), length: tail.size, _held: None };
        Self { room, segments: tails.iter().map(object).collect(), length: tails.iter().map(|tail| tail.size).sum() }
    }

    /// In bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    pub(super) async fn push(&mut self, batch: Vec<Bytes>) -> Result<()> {
        let length: usize = batch.iter().map(Bytes::len).sum();
        if length == 0 {
            return Ok(());
        }
        match self.room.try_memory(length) {
            Some(held) => self.keep(batch, held)?,
            None => self.write(batch, length).await?,
        }
        self.length += length as u64;
        Ok(())
    }

    fn keep(&mut self, batch: Vec<Bytes>, mut held: Held) -> Result<()> {
        for bytes in batch {
            let length = bytes.len() as u64;
            let part = split(&mut held, length)?;
            self.segments.push_back(Segment { place: Place::Memory(bytes), length, _held: Some(part) });
        }
        Ok(())
    }

    /// Writes a batch to the last file, or to a new one if that is large or does not exist.
    async fn write(&mut self, batch: Vec<Bytes>, length: usize) -> Result<()> {
        let held = self.room.files(length)?;
        let last = match self.segments.back_mut() {
            Some(Segment { place: Place::File(file, offset), length, _held: Some(held) }) if *offset + *length < FILE => {
                Some((file.clone(), *offset + *length, length, held))
            }
            _ => None,
        };
        let (file, offset) = last.as_ref().map_or((None, 0), |(file, end, ..)| (Some(file.clone()), *end));
        let file = blocking(move || {
            let file = file.map_or_else(|| tempfile::tempfile().map(Arc::new), Ok)?;
            batch.iter().try_for_each(|bytes| (&*file).write_all(bytes)).map(|()| file)
        });
        let file = file.await?;
        match last {
            Some((_, _, before, all)) => {
                *before += length as u64;
                all.merge(held);
            }
            None => self.segments.push_back(Segment { place: Place::File(file, offset), length: length as u64, _held: Some(held) }),
        }
        Ok(())
    }

    /// Takes the first bytes, or all if there are fewer.
    pub(super) fn take(&mut self, most: u64) -> Result<Content> {
        let mut content = Content { room: self.room.clone(), segments: VecDeque::new(), length: 0 };
        while let Some(mut segment) = self.segments.pop_front() {
            let left = most - content.length;
            if segment.length > left {
                let rest = segment.split_off(left)?;
                self.segments.push_front(rest);
            }
            content.length += segment.length;
            if segment.length > 0 {
                content.segments.push_back(segment);
            }
            if content.length == most {
                break;
            }
        }
        self.length -= content.length;
        Ok(content)
    }
}

impl Segment {
    /// Removes the bytes from `at` on and returns them.
    fn split_off(&mut self, at: u64) -> Result<Self> {
        let length = self.length - at;
        let place = match &mut self.place {
            Place::Memory(bytes) => Place::Memory(bytes.split_off(at as usize)),
            Place::File(file, offset) => Place::File(file.clone(), *offset + at),
            Place::Object(_) => return Err(Error::Internal("the tail of an upload is larger than a part".to_owned())),
        };
        let held = self._held.as_mut().map(|held| split(held, length)).transpose()?;
        self.length = at;
        Ok(Self { place, length, _held: held })
    }
}

fn split(held: &mut Held, bytes: u64) -> Result<Held> {
    held.split(bytes as usize).ok_or_else(|| Error::Internal("an upload holds less room than bytes".to_owned()))
}

impl Content {
    pub(super) fn followed_by(mut self, other: Self) -> Self {
        self.length += other.length;
        self.segments.extend(other.segments);
        self
    }

    /// Brings all bytes into memory. The result is to be held until they are sent.
    pub(super) async fn load(self, bucket: &Bucket) -> Result<(PutPayload, Vec<Held>)> {
        let is_elsewhere = |segment: &&Segment| !matches!(segment.place, Place::Memory(_));
        let elsewhere: u64 = self.segments.iter().filter(is_elsewhere).map(|segment| segment.length).sum();
        let mut held = if elsewhere > 0 { vec![self.room.reading(elsewhere).await?] } else { Vec::new() };
        let mut pieces = Vec::with_capacity(self.segments.len());
        for Segment { place, length, _held } in self.segments {
            pieces.push(match place {
                Place::Memory(bytes) => {
                    held.extend(_held);
                    bytes
                }
                Place::File(file, offset) => read(file, offset, length as usize).await?,
                Place::Object(key) => get(bucket, &key, length).await?,
            });
        }
        Ok((pieces.into_iter().collect(), held))
    }
}

/// Reads a part of a file. Memory of its own goes back to the system at once, while each thread that blocks would keep some of the heap's.
async fn read(file: Arc<File>, offset: u64, length: usize) -> Result<Bytes> {
    let read = move || {
        let mut bytes = MmapMut::map_anon(length)?;
        file.read_exact_at(&mut bytes, offset).map(|()| Bytes::from_owner(bytes))
    };
    blocking::<Bytes, std::io::Error>(read).await
}

/// Reads a small object.
async fn get(bucket: &Bucket, key: &str, length: u64) -> Result<Bytes> {
    let bytes = bucket.client.get(&bucket.path(&layout::name(key))).await?.bytes().await?;
    if bytes.len() as u64 == length {
        return Ok(bytes);
    }
    Err(Error::Internal(format!("the tail '{key}' of an upload has {} bytes, not {length}", bytes.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(segment: &Segment) -> &'static str {
        match segment.place {
            Place::Memory(_) => "memory",
            Place::File(..) => "file",
            Place::Object(_) => "object",
        }
    }

    fn read_all(content: Content) -> Vec<u8> {
        let mut all = Vec::new();
        for Segment { place, length, .. } in content.segments {
            match place {
                Place::Memory(bytes) => all.extend_from_slice(&bytes),
                Place::File(file, offset) => {
                    let start = all.len();
                    all.resize(start + length as usize, 0);
                    file.read_exact_at(&mut all[start..], offset).expect("written before");
                }
                Place::Object(_) => panic!("no tails here"),
            }
        }
        all
    }

    #[tokio::test]
    async fn bytes_leave_in_their_order_wherever_they_waited_and_give_back_their_room() {
        let room = Arc::new(Room::new(4000));
        let mut buffer = Buffer::new(room.clone(), &[]);
        let all: Vec<u8> = (0..10_000_u32).map(|at| (at % 251) as u8).collect();
        let mut sent = Vec::new();
        for (at, batch) in all.chunks(700).enumerate() {
            let (one, other) = batch.split_at(batch.len() / 3);
            buffer.push(vec![Bytes::copy_from_slice(one), Bytes::copy_from_slice(other)]).await.expect("room");
            if at % 4 == 3 {
                sent.extend(read_all(buffer.take(2_000).expect("taken")));
            }
        }
        let places: Vec<&str> = buffer.segments.iter().map(place).collect();
        assert!(places.contains(&"memory") && places.contains(&"file"), "{places:?}");
        assert_eq!(room.in_memory() + room.in_files(), buffer.length() as usize);
        assert!(room.in_memory() <= 3000);
        sent.extend(read_all(buffer.take(u64::MAX).expect("the rest")));
        assert_eq!((sent, buffer.length()), (all, 0));
        assert_eq!((room.in_memory(), room.in_files()), (0, 0));
    }

    #[tokio::test]
    async fn what_stalled_uploads_hold_keeps_no_other_from_receiving() {
        let room = Arc::new(Room::new(64 << 20));
        let receive = async |mebibytes: usize| {
            let mut buffer = Buffer::new(room.clone(), &[]);
            for _ in 0..mebibytes {
                buffer.push(vec![Bytes::from(vec![7; 1 << 20])]).await.expect("room");
            }
            buffer
        };
        let mut stalled = Vec::new();
        for _ in 0..64 {
            stalled.push(receive(4).await);
        }
        assert_eq!((room.in_memory(), room.in_files()), (48 << 20, 208 << 20));
        let mut other = receive(13).await;
        assert_eq!(other.take(8 << 20).expect("a part").length, 8 << 20);
        drop(room.reading(13 << 20).await.expect("nobody who stalls holds it"));
        drop((stalled, other));
        assert_eq!((room.in_memory(), room.in_files()), (0, 0));
    }
}
