//! Cutting a stream into messages: 3 bytes of length, one of sequence, parts of at most 16 MiB.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Bytes before each part.
pub const PART_HEADER: usize = 4;
/// The longest part. One of exactly this length is followed by another, which may be empty.
pub const MAX_PART: usize = 0xFF_FFFF;

/// Why a stream cannot be read any further.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum FramingError {
    /// A message is longer than this side takes.
    #[error("a message of {len} bytes or more, {max} are taken")]
    TooLong {
        /// What is known of its length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// Parts are missing, doubled or out of order.
    #[error("part {got} came where {expected} belongs")]
    Sequence {
        /// The number it has to have.
        expected: u8,
        /// The number it has.
        got: u8,
    },
}

/// Makes room for `chunk` more bytes in a buffer that messages are [taken](Framing::take) out of. When it is empty, it keeps no more
/// than that, however long the last message was: most connections are quiet most of the time.
pub fn make_room(buffer: &mut BytesMut, chunk: usize) {
    buffer.reserve(chunk);
    if buffer.is_empty() && buffer.capacity() > chunk.saturating_mul(2) {
        *buffer = BytesMut::with_capacity(chunk);
    }
}

/// One connection's numbering of parts, and the message that is being put together. Holds at most `max` bytes.
#[derive(Clone, Debug)]
pub struct Framing {
    max: usize,
    next: u8,
    parts: BytesMut,
}

impl Framing {
    /// A new connection; no message that arrives may be longer than `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, next: 0, parts: BytesMut::new() }
    }

    /// An answer to a command, for writing only: its first part has the number 1.
    #[must_use]
    pub fn answer() -> Self {
        Self { next: 1, ..Self::new(0) }
    }

    /// Changes the longest message that is taken: more is allowed once the peer is known.
    pub fn limit(&mut self, max: usize) {
        self.max = max;
    }

    /// A command begins: the next part has the number 0.
    pub fn restart(&mut self) {
        self.next = 0;
    }

    /// The number of the next part, read or written.
    #[must_use]
    pub fn sequence(&self) -> u8 {
        self.next
    }

    /// Takes the next whole message out of `buffer`; `None` when more bytes are needed.
    ///
    /// # Errors
    /// See [`FramingError`]; nothing after it can be trusted.
    pub fn take(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FramingError> {
        while let Some([a, b, c, got]) = buffer.first_chunk::<PART_HEADER>().copied() {
            let len = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
            if got != self.next {
                return Err(FramingError::Sequence { expected: self.next, got });
            }
            let whole = self.parts.len().saturating_add(len);
            if whole > self.max {
                return Err(FramingError::TooLong { len: whole, max: self.max });
            }
            let part = PART_HEADER.saturating_add(len);
            if buffer.len() < part {
                return Ok(None);
            }
            self.next = self.next.wrapping_add(1);
            let mut part = buffer.split_to(part);
            part.advance(PART_HEADER);
            if len == MAX_PART {
                self.parts.extend_from_slice(&part);
                continue;
            }
            if self.parts.is_empty() {
                return Ok(Some(part.freeze()));
            }
            self.parts.extend_from_slice(&part);
            return Ok(Some(self.parts.split().freeze()));
        }
        Ok(None)
    }

    /// Appends a message to `out`, in as many parts as it needs.
    pub fn put(&mut self, out: &mut BytesMut, message: &[u8]) {
        let mut rest = message;
        loop {
            let (part, behind) = rest.split_at_checked(MAX_PART).unwrap_or((rest, &[]));
            let [a, b, c, ..] = u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes();
            out.reserve(PART_HEADER.saturating_add(part.len()));
            out.put_slice(&[a, b, c, self.next]);
            out.put_slice(part);
            self.next = self.next.wrapping_add(1);
            rest = behind;
            if part.len() < MAX_PART {
                return;
            }
        }
    }
}
