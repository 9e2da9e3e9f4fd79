//! Hand-over packets: those that tell a client which server to go to next.
//!
//! `AC_ACCEPT_LOGIN*` lists char-servers, `HC_NOTIFY_ZONESVR*` and `ZC_NPCACK_SERVERMOVE*` name a map-server. In all of them
//! the address is big-endian and the port little-endian (`loginclif.cpp`, `char_clif.cpp`, `clif.cpp`).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::server_to_client;
use crate::DecodeError;
use crate::frame::packet_id;

/// Where addresses stand in one kind of packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Form {
    id: u16,
    /// Offset of the first address.
    first: usize,
    /// From one address to the next; none when there is one.
    stride: Option<usize>,
    /// Offset of the map's name, 16 bytes.
    map: Option<usize>,
    /// Offset of a domain name that clients prefer to the address, to the end of the packet.
    domain: Option<usize>,
    /// Offset of the character's id.
    character: Option<usize>,
}

/// All of them, with the client version that brought them.
const FORMS: [Form; 7] = [
    list(0x0069, 47, 32),
    // 2006: four more bytes in the header.
    list(0x0276, 51, 32),
    // 2017-03-15: a web token in the header, 128 bytes behind each server.
    list(0x0ac4, 64, 160),
    Form { id: 0x0071, first: 22, stride: None, map: Some(6), domain: None, character: Some(2) },
    Form { id: 0x0ac5, first: 22, stride: None, map: Some(6), domain: Some(28), character: Some(2) },
    Form { id: 0x0092, first: 22, stride: None, map: Some(2), domain: None, character: None },
    Form { id: 0x0ac7, first: 22, stride: None, map: Some(2), domain: Some(28), character: None },
];

const fn list(id: u16, first: usize, stride: usize) -> Form {
    Form { id, first, stride: Some(stride), map: None, domain: None, character: None }
}

/// Bytes of an address and its port.
const ADDRESS: usize = 6;
/// Bytes of a map's name.
const MAP: usize = 16;

/// The ids of all of them.
pub fn ids() -> impl Iterator<Item = u16> {
    FORMS.iter().map(|form| form.id)
}

/// A hand-over packet, to be looked at and written over.
#[derive(Debug)]
pub struct Handover<'a> {
    packet: &'a mut [u8],
    form: Form,
}

impl<'a> Handover<'a> {
    /// The packet as a hand-over, if it is one. The packet has to be whole.
    pub fn of(packet: &'a mut [u8]) -> Option<Self> {
        let id = packet_id(packet).ok()?;
        let form = FORMS.into_iter().find(|form| form.id == id)?;
        Some(Self { packet, form })
    }

    /// The addresses it names.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddrV4> + '_ {
        self.offsets().filter_map(|offset| self.read(offset))
    }

    /// Puts another address in the place of each. What `stand_in` knows nothing for stays.
    pub fn replace(&mut self, mut stand_in: impl FnMut(SocketAddrV4) -> Option<SocketAddrV4>) {
        for offset in self.offsets().collect::<Vec<_>>() {
            let Some(address) = self.read(offset).and_then(&mut stand_in) else { continue };
            if let Some(place) = self.packet.get_mut(offset..).and_then(|rest| rest.first_chunk_mut::<ADDRESS>()) {
                let ([a, b, c, d], [low, high]) = (address.ip().octets(), address.port().to_le_bytes());
                *place = [a, b, c, d, low, high];
            }
            if let Some(domain) = self.form.domain.and_then(|domain| self.packet.get_mut(domain..)) {
                domain.fill(0);
            }
        }
    }

    /// The map it leads to, without `.gat`.
    #[must_use]
    pub fn map(&self) -> Option<String> {
        let start = self.form.map?;
        map_name(self.packet.get(start..)?)
    }

    /// The character it is for, if it says.
    #[must_use]
    pub fn character(&self) -> Option<u32> {
        let bytes = self.packet.get(self.form.character?..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn offsets(&self) -> impl Iterator<Item = usize> + use<> {
        let Form { first, stride, .. } = self.form;
        let end = self.packet.len();
        let count = if stride.is_some() { usize::MAX } else { 1 };
        (first..end)
            .step_by(stride.unwrap_or(1))
            .take(count)
            .take_while(move |offset| offset.saturating_add(stride.unwrap_or(ADDRESS)) <= end)
    }

    fn read(&self, offset: usize) -> Option<SocketAddrV4> {
        let [a, b, c, d, low, high] = *self.packet.get(offset..)?.first_chunk::<ADDRESS>()?;
        Some(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_le_bytes([low, high])))
    }
}

/// `ZC_NPCACK_MAPMOVE`: another map of the same server.
const CHANGE_MAP: u16 = 0x0091;

/// The map that a client is on behind this packet of a map-server, without `.gat`.
#[must_use]
pub fn map_behind(packet: &mut [u8]) -> Option<String> {
    if packet_id(packet) == Ok(CHANGE_MAP) {
        return map_name(packet.get(2..)?);
    }
    Handover::of(packet)?.map()
}

/// A map's name of 16 bytes, up to its NUL, without extension.
fn map_name(bytes: &[u8]) -> Option<String> {
    let name = bytes.first_chunk::<MAP>()?.split(|byte| *byte == 0).next()?;
    let name = std::str::from_utf8(name).ok()?;
    Some(name.strip_suffix(".gat").unwrap_or(name).to_owned()).filter(|name| !name.is_empty())
}

/// Cuts what a server sends to one client into packets, from the first byte of the connection.
#[derive(Clone, Debug)]
pub struct Cutter {
    /// Bytes that stand before the first packet, still to come.
    greeting: usize,
}

impl Cutter {
    /// A connection to a login- or map-server.
    #[must_use]
    pub const fn new() -> Self {
        Self { greeting: 0 }
    }

    /// A connection to a char-server, whose first answer is four bytes without an id
    /// ([`greeting`](super::character::greeting)).
    #[must_use]
    pub const fn of_char_server() -> Self {
        Self { greeting: 4 }
    }

    /// How long the next piece at the start of `bytes` is: a packet, or a part of the greeting; `None` when more has to come.
    ///
    /// # Errors
    /// Bytes that no server sends.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
        if self.greeting > 0 {
            let len = self.greeting.min(bytes.len());
            self.greeting = self.greeting.saturating_sub(len);
            return Ok((len > 0).then_some(len));
        }
        Ok(server_to_client().measure(bytes)?.filter(|len| *len <= bytes.len()))
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::character::MapServer;
    use crate::client::login::{Accepted, CharServer};
    use crate::client::map::ChangeServer;
    use crate::ids::{AccountId, CharacterId};
    use crate::{FixedText, Ipv4Be, List, Packet, Secret};

    const REAL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 7), 6121);
    const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_001);

    fn char_server(address: SocketAddrV4) -> CharServer {
        CharServer {
            ip: Ipv4Be(*address.ip()),
            port: address.port(),
            name: FixedText::new("Bifrost"),
            users: 3,
            kind: 0,
            is_new: 0,
            unknown: [0; 128],
        }
    }

    fn replaced(packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        let mut handover = Handover::of(&mut packet).expect("a hand-over");
        assert!(handover.addresses().all(|address| address == REAL));
        handover.replace(|address| (address == REAL).then_some(LOOPBACK));
        packet
    }

    #[test]
    fn every_char_server_of_a_login_is_replaced_and_nothing_else() {
        let accepted = |address| Accepted {
            login_id1: Secret::new(1),
            account: AccountId(2),
            login_id2: Secret::new(3),
            last_ip: 0,
            last_login: FixedText::default(),
            sex: 1,
            web_token: Secret::new(FixedText::default()),
            servers: List(vec![char_server(address), char_server(address)]),
        };
        assert_eq!(replaced(&accepted(REAL).encode()), accepted(LOOPBACK).encode());
    }

    #[test]
    fn map_servers_are_replaced_and_their_domain_forgotten() {
        let to_map = |address: SocketAddrV4, domain| MapServer {
            character: CharacterId(150_000),
            map: FixedText::new("prontera.gat"),
            ip: Ipv4Be(*address.ip()),
            port: address.port(),
            domain: FixedText::new(domain),
        };
        assert_eq!(replaced(&to_map(REAL, "map.example:5121").encode()), to_map(LOOPBACK, "").encode());
        let mut packet = to_map(REAL, "").encode().to_vec();
        let handover = Handover::of(&mut packet).expect("a hand-over");
        assert_eq!((handover.map().as_deref(), handover.character()), (Some("prontera"), Some(150_000)));

        let change = |address: SocketAddrV4, domain| ChangeServer {
            map: FixedText::new("bf_meadow.gat"),
            x: 1,
            y: 2,
            ip: Ipv4Be(*address.ip()),
            port: address.port(),
            domain: FixedText::new(domain),
        };
        assert_eq!(replaced(&change(REAL, "x").encode()), change(LOOPBACK, "").encode());
        assert_eq!(map_behind(&mut change(REAL, "").encode().to_vec()).as_deref(), Some("bf_meadow"));
    }

    #[test]
    fn older_forms_are_replaced_too() {
        let address = |at: SocketAddrV4| [&at.ip().octets()[..], &at.port().to_le_bytes()].concat();
        for (id, before, after) in [(0x0071_u16, 20, 0), (0x0092, 20, 0), (0x0069, 45, 26), (0x0276, 49, 26)] {
            let packet = |at| {
                let mut packet = [&id.to_le_bytes()[..], &vec![1; before], &address(at), &vec![2; after]].concat();
                if after > 0 {
                    let len = u16::try_from(packet.len()).expect("short");
                    packet[2..4].copy_from_slice(&len.to_le_bytes());
                }
                packet
            };
            assert_eq!(replaced(&packet(REAL)), packet(LOOPBACK), "0x{id:04x}");
        }
    }

    #[test]
    fn short_and_other_packets_are_left_alone() {
        assert!(Handover::of(&mut [0x7f, 0, 1, 2, 3, 4]).is_none());
        let mut short = [0xc5, 0x0a, 1, 2];
        let mut handover = Handover::of(&mut short).expect("by its id");
        handover.replace(|_| Some(LOOPBACK));
        assert_eq!((handover.addresses().count(), handover.map(), short), (0, None, [0xc5, 0x0a, 1, 2]));
    }

    #[test]
    fn a_char_servers_greeting_stands_before_its_packets() {
        let mut cutter = Cutter::of_char_server();
        assert_eq!(cutter.next(&[0x80]), Ok(Some(1)));
        assert_eq!(cutter.next(&[0x84, 0x1e, 0, 0x6c, 0]), Ok(Some(3)));
        assert_eq!(cutter.next(&[0x6c, 0]), Ok(None));
        assert_eq!(cutter.next(&[0x6c, 0, 0]), Ok(Some(3)));
        assert!(cutter.next(&[0xff, 0x7f]).is_err());
    }
}
