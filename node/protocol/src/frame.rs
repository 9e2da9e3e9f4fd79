//! Cutting a byte stream into whole packets by a link's length table. The only place that may ask for more bytes.

use bytes::{Buf, Bytes, BytesMut};

use crate::{DecodeError, Reader};

/// How long a packet is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Length {
    /// Always this many bytes, id included.
    Fixed(u16),
    /// A 16-bit length, counting the whole packet, stands at offset 2.
    Sized,
}

/// The packet lengths of one direction of one link, by id.
#[derive(Clone, Debug)]
pub struct LengthTable {
    /// 0: not known; -1: sized; else the length.
    lengths: Vec<i32>,
    /// The longest packet this link may carry.
    max: usize,
}

impl LengthTable {
    /// A table without packets that takes none over `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { lengths: Vec::new(), max }
    }

    /// Sets the length of a packet.
    pub fn set(&mut self, id: u16, length: Length) {
        let index = usize::from(id);
        if self.lengths.len() <= index {
            self.lengths.resize(index.saturating_add(1), 0);
        }
        if let Some(slot) = self.lengths.get_mut(index) {
            *slot = match length {
                Length::Fixed(len) => i32::from(len),
                Length::Sized => -1,
            };
        }
    }

    /// Reads `id<TAB>length<TAB>...` lines: id in hex, length -1 for sized, 0 or unreadable lines are passed over.
    #[must_use]
    pub fn from_tsv(max: usize, text: &str) -> Self {
        let mut table = Self::new(max);
        for line in text.lines() {
            let mut columns = line.split('\t');
            let (Some(id), Some(len)) = (columns.next(), columns.next()) else { continue };
            let Ok(id) = u16::from_str_radix(id, 16) else { continue };
            match len.parse::<i32>() {
                Ok(-1) => table.set(id, Length::Sized),
                Ok(len) => {
                    if let Ok(len @ 2..) = u16::try_from(len) {
                        table.set(id, Length::Fixed(len));
                    }
                }
                Err(_) => {}
            }
        }
        table
    }

    /// The table of a declared list (`IDS` of a packet enum).
    #[must_use]
    pub fn of(max: usize, packets: &[(u16, &'static str, Option<usize>)]) -> Self {
        let mut table = Self::new(max);
        for (id, _, len) in packets {
            let fixed = len.and_then(|len| u16::try_from(len).ok());
            table.set(*id, fixed.map_or(Length::Sized, Length::Fixed));
        }
        table
    }

    /// The length of a packet, if the link knows it.
    #[must_use]
    pub fn get(&self, id: u16) -> Option<Length> {
        match self.lengths.get(usize::from(id)).copied().unwrap_or(0) {
            0 => None,
            -1 => Some(Length::Sized),
            len => u16::try_from(len).ok().map(Length::Fixed),
        }
    }

    /// All ids with their lengths, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, Length)> + '_ {
        (0..=u16::MAX).filter_map(|id| self.get(id).map(|length| (id, length)))
    }

    /// How long the packet at the start of `buffer` is; `None` when that cannot be told yet.
    ///
    /// # Errors
    /// Unknown id, or a length under 4 or over the link's limit.
    pub fn measure(&self, buffer: &[u8]) -> Result<Option<usize>, DecodeError> {
        let mut head = Reader::new(buffer);
        let Ok(id) = head.u16("id") else { return Ok(None) };
        let len = match self.get(id).ok_or(DecodeError::UnknownId { id })? {
            Length::Fixed(len) => usize::from(len),
            Length::Sized => match head.u16("len") {
                Ok(len @ 4..) => usize::from(len),
                Ok(len) => return Err(DecodeError::BadLength { id, len: usize::from(len) }),
                Err(_) => return Ok(None),
            },
        };
        if len > self.max { Err(DecodeError::BadLength { id, len }) } else { Ok(Some(len)) }
    }

    /// Takes the next whole packet out of `buffer`; `None` when more bytes are needed. A buffer that is emptied this way
    /// never has to hold more than one packet of the link's limit.
    ///
    /// # Errors
    /// As [`measure`](Self::measure); the stream cannot be framed any further.
    pub fn next(&self, buffer: &mut BytesMut) -> Result<Option<Bytes>, DecodeError> {
        match self.measure(buffer)? {
            Some(len) if len <= buffer.len() => Ok(Some(buffer.split_to(len).freeze())),
            Some(len) => {
                buffer.reserve(len.saturating_sub(buffer.remaining()));
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// How many bytes at the start of `buffer` are whole packets, so that they can be passed on in one write.
    ///
    /// # Errors
    /// As [`measure`](Self::measure).
    pub fn whole(&self, buffer: &[u8]) -> Result<usize, DecodeError> {
        let mut end = 0_usize;
        loop {
            let rest = buffer.get(end..).unwrap_or_default();
            match self.measure(rest)? {
                Some(len) if len <= rest.len() => end = end.saturating_add(len),
                _ => return Ok(end),
            }
        }
    }
}

/// The id a packet starts with.
///
/// # Errors
/// [`DecodeError::Short`] when there are not even two bytes.
pub fn packet_id(packet: &[u8]) -> Result<u16, DecodeError> {
    Reader::new(packet).u16("id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> LengthTable {
        LengthTable::from_tsv(100, "id\tlen\n0010\t3\tthree\n0011\t-1\tsized\n")
    }

    #[test]
    fn packets_come_out_whole_however_the_bytes_arrive() {
        let stream = [0x10, 0, 7, 0x11, 0, 6, 0, 8, 9, 0x10, 0, 1];
        let (table, mut buffer, mut packets) = (table(), BytesMut::new(), Vec::new());
        for byte in stream {
            buffer.extend_from_slice(&[byte]);
            while let Some(packet) = table.next(&mut buffer).expect("legal stream") {
                packets.push(packet.len());
            }
        }
        assert_eq!((packets, buffer.len()), (vec![3, 6, 3], 0));
        assert_eq!(table.whole(&stream[..10]), Ok(9));
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let table = table();
        assert_eq!(table.measure(&[0x12, 0]), Err(DecodeError::UnknownId { id: 0x12 }));
        assert_eq!(table.measure(&[0x11, 0, 3, 0]), Err(DecodeError::BadLength { id: 0x11, len: 3 }));
        assert_eq!(table.measure(&[0x11, 0, 101, 0]), Err(DecodeError::BadLength { id: 0x11, len: 101 }));
        assert_eq!(table.measure(&[0x11, 0, 100]), Ok(None));
    }
}
