//! Packets of the map-server as this client writes and reads them, by hand: a second opinion on the protocol crate's list.
//! Offsets are those of PACKETVER 20211103 (`packets_struct.hpp`, `clif_packetdb.hpp`).

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use bifrost_protocol::{FixedText, Reader, Writer};
use bytes::Bytes;

use super::{Event, Place};

pub(super) const ACCEPT_ENTER: u16 = 0x02eb;
pub(super) const REDIRECT: u16 = 0x0ac7;
pub(super) const LIVE_PING: u16 = 0x0b1d;

pub(super) fn walk(x: u16, y: u16) -> Bytes {
    let mut packet = Writer::packet(0x035f);
    packet.bytes(&pack_cell(x, y, 0));
    packet.finish()
}

/// A cell and a direction in three bytes (`WBUFPOS`, clif.cpp).
fn pack_cell(x: u16, y: u16, direction: u8) -> [u8; 3] {
    let packed = (u32::from(x) << 14) | (u32::from(y) << 4) | u32::from(direction & 0xf);
    let [_, a, b, c] = packed.to_be_bytes();
    [a, b, c]
}

/// Reads [`pack_cell`].
fn unpack_cell([a, b, c]: [u8; 3]) -> (u16, u16) {
    let packed = u32::from_be_bytes([0, a, b, c]);
    (bits(packed >> 14), bits(packed >> 4))
}

/// From and to in six bytes (`WBUFPOS2`, clif.cpp): four numbers of ten bits, then two of four.
fn unpack_move(bytes: [u8; 6]) -> ((u16, u16), (u16, u16)) {
    let [a, b, c, d, e, _] = bytes;
    let packed = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let at = |shift: u32| bits(u32::try_from((packed >> shift) & 0x3ff).unwrap_or(0));
    ((at(30), at(20)), (at(10), at(0)))
}

fn bits(value: u32) -> u16 {
    u16::try_from(value & 0x3ff).unwrap_or(0)
}

pub(super) fn say(name: &str, text: &str) -> Bytes {
    let mut packet = Writer::packet(0x00f3);
    packet.u16(0).bytes(format!("{name} : {text}\0").as_bytes());
    packet.finish_sized()
}

pub(super) fn action(kind: u8) -> Bytes {
    let mut packet = Writer::packet(0x0437);
    packet.u32(0).u8(kind);
    packet.finish()
}

pub(super) fn emote(kind: u8) -> Bytes {
    let mut packet = Writer::packet(0x00bf);
    packet.u8(kind);
    packet.finish()
}

pub(super) fn turn(head: u8, body: u8) -> Bytes {
    let mut packet = Writer::packet(0x0361);
    packet.u16(u16::from(head)).u8(body);
    packet.finish()
}

pub(super) fn ask_name(id: u32) -> Bytes {
    let mut packet = Writer::packet(0x0368);
    packet.u32(id);
    packet.finish()
}

pub(super) fn restart(kind: u8) -> Bytes {
    let mut packet = Writer::packet(0x00b2);
    packet.u8(kind);
    packet.finish()
}

pub(super) fn quit() -> Bytes {
    let mut packet = Writer::packet(0x018a);
    packet.u16(0);
    packet.finish()
}

pub(super) fn time(clock: u32) -> Bytes {
    let mut packet = Writer::packet(0x0360);
    packet.u32(clock);
    packet.finish()
}

pub(super) fn loaded() -> Bytes {
    Writer::packet(0x007d).finish()
}

pub(super) fn live_pong() -> Bytes {
    Writer::packet(0x0b1c).finish()
}

/// Talks to an NPC; a shop opens (`CZ_CONTACTNPC`).
pub(super) fn contact(npc: u32) -> Bytes {
    let mut packet = Writer::packet(0x0090);
    packet.u32(npc).u8(1);
    packet.finish()
}

/// Buys of the market shop that is open (`CZ_NPC_MARKET_PURCHASE`).
pub(super) fn buy(item: u32, count: u32) -> Bytes {
    let mut packet = Writer::packet(0x09d6);
    packet.u16(0).u32(item).u32(count);
    packet.finish_sized()
}

/// Closes the market shop (`CZ_NPC_MARKET_CLOSE`).
pub(super) fn leave_market() -> Bytes {
    Writer::packet(0x09d8).finish()
}

/// Takes the first thing of the barter shop that is open, and closes it (`CZ_NPC_BARTER_MARKET_PURCHASE`, `_CLOSE`).
pub(super) fn barter(item: u32, count: u32) -> Bytes {
    let mut packet = Writer::packet(0x0b0f);
    // In exchange for what stands first in the inventory, as clients count; item 0 of the shop.
    packet.u16(0).u32(item).u32(count).u16(2).u32(0);
    [packet.finish_sized(), Writer::packet(0x0b12).finish()].concat().into()
}

/// What a packet of the map-server tells; `None` for the many that tell this client nothing. Places of 0x02eb have no map:
/// the client knows it from the server that sent it here.
///
/// # Errors
/// The packet is shorter than what it should hold.
pub(super) fn read(packet: &[u8]) -> Result<Option<Event>> {
    let mut body = Reader::new(packet);
    let id = body.u16("id")?;
    let event = match id {
        ACCEPT_ENTER => {
            body.skip("tick", 4)?;
            let (x, y) = unpack_cell(body.array("cell")?);
            Event::Entered(Place::new("", x, y))
        }
        0x0091 => Event::Moved(place(&mut body)?),
        REDIRECT => {
            let place = place(&mut body)?;
            let ip = Ipv4Addr::from_bits(body.u32_be("ip")?);
            Event::Redirected(SocketAddr::from((ip, body.u16("port")?)), place)
        }
        0x0087 => {
            body.skip("tick", 4)?;
            let (from, to) = unpack_move(body.array("move")?);
            Event::Walking { from, to }
        }
        0x0086 => Event::OtherWalks(body.u32("id")?, unpack_move(body.array("move")?).1),
        0x0088 => Event::Stopped(body.u32("id")?, (body.u16("x")?, body.u16("y")?)),
        0x008d => {
            body.skip("len", 2)?;
            Event::Chat(body.u32("id")?, text(body.rest()))
        }
        0x008e => {
            body.skip("len", 2)?;
            Event::OwnChat(text(body.rest()))
        }
        0x02c1 => {
            body.skip("len, id, color", 10)?;
            Event::Told(text(body.rest()))
        }
        0x09fd..=0x09ff => appeared(id, &mut body)?,
        0x0080 => Event::Vanished(body.u32("id")?, body.u8("kind")?),
        0x08c8 => return action_of(&mut body),
        0x00c0 => Event::Emoted(body.u32("id")?, body.u8("kind")?),
        0x009c => Event::Turned(body.u32("id")?, body.u16("head")?, body.u8("body")?),
        0x0095 | 0x0a30 => Event::Named(body.u32("id")?, fixed::<24>(&mut body, "name")?),
        0x0adf => {
            let id = body.u32("id")?;
            body.skip("group", 4)?;
            Event::Named(id, fixed::<24>(&mut body, "name")?)
        }
        0x0b7a => shop(&mut body, 5, 6)?,
        0x0b78 => shop(&mut body, 1, 22)?,
        0x0b4e => {
            body.skip("len", 2)?;
            Event::Sold(body.u16("result")?)
        }
        0x007f => Event::Time(body.u32("tick")?),
        0x00b3 => Event::ToCharacterSelect,
        0x018b => Event::QuitAnswer(body.u16("result")?),
        0x0081 => Event::Closing(body.u8("code")?),
        0x006a => Event::Refused(format!("map-server 0x006a, code {}", body.u8("code")?)),
        _ => return Ok(None),
    };
    Ok(Some(event))
}

/// 0x08c8: sitting and standing up are actions without a target.
fn action_of(body: &mut Reader<'_>) -> Result<Option<Event>> {
    let id = body.u32("source")?;
    body.skip("to damage type", 23)?;
    Ok(match body.u8("kind")? {
        2 => Some(Event::Sat(id)),
        3 => Some(Event::Stood(id)),
        _ => None,
    })
}

/// 0x09ff standing, 0x09fe just arrived, 0x09fd walking: the same but for what stands around the position.
fn appeared(packet_id: u16, body: &mut Reader<'_>) -> Result<Event> {
    body.skip("len, kind", 3)?;
    let id = body.u32("id")?;
    let walking = packet_id == 0x09fd;
    body.skip("to position", if walking { 58 } else { 54 })?;
    let at = if walking { unpack_move(body.array("move")?).1 } else { unpack_cell(body.array("cell")?) };
    body.skip("size", 2)?;
    let sitting = packet_id == 0x09ff && body.u8("state")? == 2;
    // Level, font, health, boss, body style.
    body.skip("to name", 15)?;
    Ok(Event::Appeared { id, at, sitting, name: text(body.rest()) })
}

/// A list of goods, with so many bytes of each before and behind its stock.
fn shop(body: &mut Reader<'_>, before: usize, behind: usize) -> Result<Event> {
    body.skip("len", 2)?;
    let mut goods = Vec::new();
    while body.left() > 0 {
        let item = body.u32("item")?;
        body.skip("to stock", before)?;
        goods.push((item, body.u32("stock")?));
        body.skip("behind stock", behind)?;
    }
    Ok(Event::Shop(goods))
}

fn place(body: &mut Reader<'_>) -> Result<Place> {
    let map = fixed::<16>(body, "map")?;
    Ok(Place::new(&map, body.u16("x")?, body.u16("y")?))
}

fn fixed<const N: usize>(body: &mut Reader<'_>, field: &'static str) -> Result<String> {
    Ok(FixedText::<N>::from(body.array(field)?).to_text())
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_hex(hex: &str) -> Option<Event> {
        let bytes: Vec<u8> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16).expect("hex"))
            .collect();
        read(&bytes).expect("a good packet")
    }

    /// From a capture of a stock rAthena, PACKETVER 20211103.
    #[test]
    fn captured_packets_are_understood() {
        assert_eq!(read_hex("eb021d0b35002701e005050000"), Some(Event::Entered(Place::new("", 156, 30))));
        let moved = read_hex("910070726f6e746572612e676174000000009c001e00");
        assert_eq!(moved, Some(Event::Moved(Place::new("prontera", 156, 30))));
        let appeared = read_hex(concat!(
            "ff096c0006c9778e0600000000c800000000000000000073000000000000000000000000",
            "00000000000000000000000000000000000000000000000000000025c1d0000000000000",
            "00ffffffffffffffff0000004b6166726120456d706c6f79656500000000000000000000",
        ));
        let Some(Event::Appeared { id, name, sitting, .. }) = appeared else { panic!("{appeared:?}") };
        assert_eq!((id, name.as_str(), sitting), (0x068e_77c9, "Kafra Employee", false));
    }

    #[test]
    fn cells_are_packed_as_they_are_read() {
        for (x, y) in [(0, 0), (156, 30), (1_023, 1_023)] {
            assert_eq!(unpack_cell(pack_cell(x, y, 4)), (x, y));
        }
    }
}
