//! Where a gateway's clients have been sent by the realm: the only places their lines may lead. Pure.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use bifrost_protocol::client::handover::{Cutter, Handover};
use bifrost_protocol::control::LineKind;
use bytes::{Buf, BytesMut};

/// Servers of one host's clients.
#[derive(Debug, Default)]
pub(super) struct Places {
    named: VecDeque<(LineKind, SocketAddrV4)>,
}

impl Places {
    /// Most servers remembered for a host; a realm has a few.
    pub(super) const MAX: usize = 64;

    /// A server has sent a client there.
    pub(super) fn name(&mut self, kind: LineKind, server: SocketAddrV4) {
        if let Some(at) = self.named.iter().position(|known| *known == (kind, server)) {
            self.named.remove(at);
        } else if self.named.len() == Self::MAX {
            self.named.pop_front();
        }
        self.named.push_back((kind, server));
    }

    /// Whether a server has.
    pub(super) fn knows(&self, kind: LineKind, server: SocketAddrV4) -> bool {
        self.named.contains(&(kind, server))
    }
}

/// Reads along what a server sends, for the addresses in it.
#[derive(Debug)]
pub(super) struct Reading {
    /// What servers named on this connection are.
    next: LineKind,
    /// None once something came that no server sends: nobody can say where packets begin any more.
    cutter: Option<Cutter>,
    unfinished: BytesMut,
}

impl Reading {
    /// Of a connection to such a server.
    pub(super) fn of(kind: LineKind) -> Self {
        let (next, cutter) = match kind {
            LineKind::Login => (LineKind::Char, Cutter::new()),
            LineKind::Char => (LineKind::Map, Cutter::of_char_server()),
            LineKind::Map | LineKind::Unknown => (LineKind::Map, Cutter::new()),
        };
        Self { next, cutter: Some(cutter), unfinished: BytesMut::new() }
    }

    /// The next bytes. Holds at most one unfinished packet of them.
    pub(super) fn read(&mut self, bytes: &[u8], mut named: impl FnMut(LineKind, SocketAddrV4)) {
        let Some(cutter) = &mut self.cutter else { return };
        self.unfinished.extend_from_slice(bytes);
        loop {
            match cutter.next(&self.unfinished) {
                Ok(Some(len)) => {
                    if let Some(handover) = self.unfinished.get_mut(..len).and_then(Handover::of) {
                        handover.addresses().for_each(|server| named(self.next, server));
                    }
                    self.unfinished.advance(len);
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "a server speaks what is not known");
                    self.cutter = None;
                    self.unfinished = BytesMut::new();
                    return;
                }
            }
        }
        if self.unfinished.is_empty() {
            self.unfinished = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn server(number: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), number)
    }

    #[test]
    fn only_so_many_places_are_remembered_and_the_latest_stay() {
        let mut places = Places::default();
        for number in 1..=100 {
            places.name(LineKind::Map, server(number));
            places.name(LineKind::Map, server(1));
        }
        assert_eq!(places.named.len(), Places::MAX);
        assert!(places.knows(LineKind::Map, server(1)) && places.knows(LineKind::Map, server(100)));
        assert!(!places.knows(LineKind::Map, server(2)) && !places.knows(LineKind::Char, server(100)));
    }

    #[test]
    fn map_servers_are_found_behind_a_greeting_however_the_bytes_come() {
        let mut packet = vec![0; 156];
        packet[..2].copy_from_slice(&0x0ac5_u16.to_le_bytes());
        packet[22..28].copy_from_slice(&[10, 0, 0, 1, 0x39, 0x14]);
        let mut reading = Reading::of(LineKind::Char);
        let mut found = Vec::new();
        for byte in [&[1, 2, 3, 4][..], &[0x6c, 0, 0], &packet, &[0xff, 0x7f], &packet].concat() {
            reading.read(&[byte], |kind, server| found.push((kind, server)));
        }
        assert_eq!(found, [(LineKind::Map, server(5_177))], "nothing is believed behind what is not known");
    }
}
