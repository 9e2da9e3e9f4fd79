//! Packets as a stock server and a stock client sent them (`captures/map-*`).

use hex::decode;

use super::*;
use crate::client::{client_to_server, server_to_client};

fn bytes(hex: &str) -> Vec<u8> {
    decode(hex.replace(' ', "")).expect("hex")
}

fn from_server(hex: &str) -> MapToClient {
    let packet = bytes(hex);
    let decoded = MapToClient::decode(&packet).expect("a packet of the list");
    assert_eq!(decoded.encode(), packet, "encoding it gives the same bytes");
    decoded
}

#[test]
fn a_walk_says_where_from_and_where_to() {
    let MapToClient::WalkOk(walk) = from_server("8700 a7123500 21d622255e88") else { panic!("not a walk") };
    assert_eq!(walk.path, PackedMove::new((135, 354), (137, 350)));
    let asked = ClientToMap::decode(&bytes("5f03 2255e0")).expect("a packet of the list");
    assert_eq!(asked, ClientToMap::Walk(Walk { to: PackedPosition { x: 137, y: 350, direction: 0 } }));
}

#[test]
fn units_decode_to_what_stands_there() {
    let idle = "ff09 6c00 05 207a8e06 00000000 9001 0000 0000 00000000 ea03 0000 00000000 00000000 0000 0000 0000 0000
        0000 0000 0000 00000000 0000 0000 00000000 00 00 2295d0 00 00 00 0100 0000 ffffffff ffffffff 00 0000
        506f72696e67000000000000000000000000000000000000"
        .replace('\n', "");
    let MapToClient::UnitIdle(unit) = from_server(&idle) else { panic!("not an idle unit") };
    assert_eq!((unit.body.kind, unit.body.speed, unit.body.job), (UnitKind::MONSTER, 400, 1002));
    assert_eq!((unit.at.x, unit.at.y, unit.tail.level), (138, 349, 1));
    assert_eq!(unit.tail.name.to_text(), "Poring");

    let walking = "fd09 7200 05 ce798e06 00000000 c800 0000 0000 00000000 2704 0000 00000000 00000000 0000 48253500
        0000 0000 0000 0000 0000 0000 00000000 0000 0000 00000000 00 00 2396a2456788 00 00 0300 0000 ffffffff ffffffff
        00 0000 4c756e617469630000000000000000000000000000000000"
        .replace('\n', "");
    let MapToClient::UnitWalking(unit) = from_server(&walking) else { panic!("not a walking unit") };
    assert_eq!(unit.path, PackedMove::new((142, 362), (145, 359)));
    assert_eq!(unit.tail.name.to_text(), "Lunatic");
}

#[test]
fn the_entering_sequence_decodes_and_encodes_unchanged() {
    for packet in [
        "8302 81841e00",
        "180b 0000",
        "eb02 1d0b3500 2701e0 0505 0000",
        "0102 0400",
        "9100 70726f6e746572612e67617400000000 9c00 1e00",
        "b000 1900 70940000",
        "4101 0d000000 3c000000 01000000",
        "3a01 0100",
        "e709 00",
        "de0a 32000000",
        "d701 81841e00 02 00000000 00000000",
        "080b 0600 00 00",
        "0b0b 00 00",
        "9b0a 0400",
        "9b09 0000 00060000",
        "320b 1300 0100 00000000 0000 0000 0000 01 0000",
        "cb0a 0100 2c01000000000000",
        "bd00 0000 3c07 3c07 3c07 0a02 3c07 0a02 6f00 0000 0f00 0c00 0000 3d00 0000 0b00 6f00 6f00 0200 0400 5c01 0000",
        "c902 00",
        "da02 00",
        "d902 02000000 00000000",
        "8d0b 0500 01",
        "7f00 2b0b3500",
        "1b0b",
        "df0a c9778e06 00000000 4b6166726120456d706c6f796565000000000000000000 000000000000000000000000000000000000000000000000 00",
        "8000 ce798e06 00",
        "8800 82841e00 8900 5e01",
        "c808 82841e00 207a8e06 e1153500 5c010000 e0010000 6e000000 00 0100 00 00000000",
    ] {
        from_server(packet);
    }
}

#[test]
fn lengths_agree_with_the_framing_tables() {
    use crate::frame::Length;
    let agrees = |table: &crate::frame::LengthTable, list: &[(u16, &str, Option<usize>)]| {
        for (id, name, len) in list {
            let declared = len.map_or(Length::Sized, |len| Length::Fixed(u16::try_from(len).expect("short")));
            assert_eq!(table.get(*id), Some(declared), "{name} 0x{id:04x}");
        }
    };
    agrees(server_to_client(), MapToClient::IDS);
    agrees(client_to_server(), ClientToMap::IDS);
    agrees(client_to_server(), RefusedRequest::IDS);
}
