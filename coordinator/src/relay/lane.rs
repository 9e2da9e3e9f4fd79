//! One direction of a client's connection: bytes as they arrive, cut into whole packets, of which only whole ones leave.

use bifrost_protocol::DecodeError;
use bifrost_protocol::frame::{LengthTable, packet_id};
use bytes::{Buf, BytesMut};

/// Bytes of one direction. The first `whole` of them are whole, checked packets (of which a part may have left already);
/// behind them is at most one unfinished packet.
#[derive(Debug, Default)]
pub(super) struct Lane {
    buffer: BytesMut,
    whole: usize,
}

impl Lane {
    /// An empty lane gives back a buffer larger than this: most sessions are idle most of the time.
    const KEEP: usize = 512;

    /// Takes in bytes as they arrived and checks every packet they complete.
    ///
    /// # Errors
    /// Bytes that `table` cannot frame, or what `check` says of a packet.
    pub(super) fn take<E: From<DecodeError>>(
        &mut self,
        fresh: &[u8],
        table: &LengthTable,
        mut check: impl FnMut(u16, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.buffer.extend_from_slice(fresh);
        loop {
            let rest = self.buffer.get(self.whole..).unwrap_or_default();
            let Some(packet) = table.measure(rest)?.and_then(|len| rest.get(..len)) else { return Ok(()) };
            check(packet_id(packet)?, packet)?;
            self.whole += packet.len();
        }
    }

    /// Puts whole packets behind those that wait, before the unfinished one.
    pub(super) fn put(&mut self, packets: &[u8]) {
        let unfinished = self.buffer.split_off(self.whole);
        self.buffer.extend_from_slice(packets);
        self.buffer.unsplit(unfinished);
        self.whole += packets.len();
    }

    /// What may leave.
    pub(super) fn ready(&self) -> &[u8] {
        self.buffer.get(..self.whole).unwrap_or_default()
    }

    /// `count` bytes of [`ready`](Self::ready) have left.
    pub(super) fn left(&mut self, count: usize) {
        let count = count.min(self.whole);
        self.buffer.advance(count);
        self.whole -= count;
        if self.buffer.is_empty() && self.buffer.capacity() > Self::KEEP {
            self.buffer = BytesMut::new();
        }
    }

    /// Forgets the unfinished packet: its sender is not heard any more.
    pub(super) fn cut(&mut self) {
        self.buffer.truncate(self.whole);
    }

    /// Takes all whole packets out; an unfinished one stays.
    pub(super) fn drain(&mut self) -> BytesMut {
        let packets = self.buffer.split_to(self.whole);
        self.whole = 0;
        packets
    }

    /// How many bytes it holds.
    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> LengthTable {
        LengthTable::from_tsv(100, "0010\t3\n0011\t-1\n")
    }

    fn take(lane: &mut Lane, bytes: &[u8]) -> Result<(), DecodeError> {
        lane.take(bytes, &table(), |_, _| Ok(()))
    }

    #[test]
    fn injected_packets_stand_on_a_packet_boundary() {
        let mut lane = Lane::default();
        take(&mut lane, &[0x10, 0, 1, 0x11, 0]).expect("legal");
        lane.put(&[0x10, 0, 2]);
        assert_eq!(lane.ready(), [0x10, 0, 1, 0x10, 0, 2]);
        take(&mut lane, &[5, 0, 9]).expect("legal");
        assert_eq!(lane.ready(), [0x10, 0, 1, 0x10, 0, 2, 0x11, 0, 5, 0, 9]);
    }

    #[test]
    fn a_cut_lane_keeps_what_was_whole() {
        let mut lane = Lane::default();
        take(&mut lane, &[0x10, 0, 1, 0x11, 0]).expect("legal");
        lane.left(1);
        lane.cut();
        assert_eq!(lane.ready(), [0, 1]);
        lane.left(2);
        assert_eq!(lane.len(), 0);
    }

    #[test]
    fn an_unknown_packet_is_an_error_however_late_it_comes() {
        let mut lane = Lane::default();
        take(&mut lane, &[0x10, 0, 1, 0x12]).expect("not to be told yet");
        assert_eq!(take(&mut lane, &[0]), Err(DecodeError::UnknownId { id: 0x12 }));
    }

    proptest! {
        #[test]
        fn whatever_arrives_never_panics_and_leaves_only_what_arrived(chunks: Vec<Vec<u8>>) {
            let mut lane = Lane::default();
            for chunk in &chunks {
                if take(&mut lane, chunk).is_err() {
                    break;
                }
            }
            let all = chunks.concat();
            prop_assert!(all.starts_with(lane.ready()));
            prop_assert!(lane.ready().len() <= lane.len());
        }
    }
}
