//! Packets that real servers sent and took.

mod random;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::fixture::Fixture;
use crate::frame::Length;
use crate::inter::{BonusSave, CharToMap, Counted, MapToChar, StatusSave};
use crate::layout::table::{Kind, Structure};
use crate::layout::{CharacterImage, length_tables};

const WINDOWS: Build = Build::ALL[4];
const RENEWAL: Build = Build::ALL[1];

/// The recorded packets of a folder: file name, which way, and bytes.
fn recorded(folder: &str) -> Vec<(String, Toward, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let paths = std::fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let read = paths.map(|path| {
        let fixture = Fixture::parse(&std::fs::read_to_string(&path).expect("readable")).expect("a fixture");
        let toward = match fixture.direction.as_str() {
            "map-server to char-server" => Toward::CharServer,
            "char-server to map-server" => Toward::MapServer,
            other => panic!("{other} is no direction"),
        };
        (path.file_stem().expect("a name").to_string_lossy().into_owned(), toward, Bytes::from(fixture.bytes))
    });
    read.collect()
}

/// Everything recorded on chrif.
fn all_recorded() -> Vec<(String, Toward, Bytes)> {
    [recorded("layout"), recorded("inter")].concat()
}

fn carried(toward: Toward, packet: &[u8]) -> Option<&'static Carried> {
    let id = packet_id(packet).expect("two bytes");
    CARRIED.iter().find(|carried| (carried.toward, carried.id) == (toward, id))
}

fn convert(transcoder: &Transcoder, toward: Toward, packet: &Bytes) -> Result<Bytes, DecodeError> {
    match toward {
        Toward::CharServer => transcoder.to_char_server(packet),
        Toward::MapServer => transcoder.to_map_server(packet),
    }
}

/// 0xff where a struct has members other than host pointers, 0 elsewhere.
fn mask(table: &Table, name: &str) -> Vec<u8> {
    let Structure { size, members, .. } = table.structure(name).expect("a struct");
    let mut mask = vec![0; *size];
    for member in members {
        let element = match member.kind {
            Kind::Integer(integer) => vec![0xff; integer.size],
            Kind::Text => vec![0xff],
            Kind::Pointer => continue,
            Kind::Structure(inner) => self::mask(table, inner),
            Kind::Bits(shift) => {
                (shift..shift + member.count).for_each(|bit| mask[member.at + bit / 8] |= 1 << (bit % 8));
                continue;
            }
        };
        let whole = element.repeat(member.count);
        mask[member.at..member.at + whole.len()].copy_from_slice(&whole);
    }
    mask
}

/// The packet with zeros for the padding and host pointers of its structs.
fn clean(build: Build, toward: Toward, packet: &Bytes) -> Bytes {
    let Some(carried) = carried(toward, packet) else { return packet.clone() };
    let mask = mask(Table::of(build).expect("a table"), carried.structure);
    let mut cleaned = packet.to_vec();
    if !matches!(carried.times, Times::OnceOr(other) if other == packet.len()) {
        cleaned[carried.at..].iter_mut().zip(mask.iter().cycle()).for_each(|(byte, keep)| *byte &= keep);
    }
    cleaned.into()
}

#[test]
fn every_packet_with_a_struct_is_recorded_from_real_servers() {
    let recorded = all_recorded();
    for wanted in CARRIED {
        let same = |(_, toward, packet): &&(String, Toward, Bytes)| carried(*toward, packet) == Some(wanted);
        assert!(recorded.iter().find(same).is_some(), "0x{:04x} is not recorded", wanted.id);
    }
}

#[test]
fn recorded_packets_stay_the_same_bytes_between_equal_builds() {
    for build in [Build::CANONICAL, Build::find("linux-x86_64", 20_200_401, false).expect("a build")] {
        let same = Transcoder::new(Build::CANONICAL, build);
        for (name, toward, packet) in all_recorded() {
            let sent = convert(&same, toward, &packet).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            assert_eq!((sent.as_ptr(), sent.len()), (packet.as_ptr(), packet.len()), "{name} is not copied");
        }
    }
}

#[test]
fn recorded_packets_come_back_from_every_build_but_for_their_padding() {
    for build in Build::ALL {
        let (there, back) = (Transcoder::new(Build::CANONICAL, build), Transcoder::new(build, Build::CANONICAL));
        for (name, toward, packet) in all_recorded() {
            let sent = convert(&there, toward, &packet).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            let returned = convert(&back, toward, &sent).unwrap_or_else(|problem| panic!("{name}: {problem}"));
            let cleaned = clean(Build::CANONICAL, toward, &packet);
            assert_eq!(clean(Build::CANONICAL, toward, &returned), cleaned, "{name} by way of {build}");
            if build.abi != Build::CANONICAL.abi
                && carried(toward, &packet).is_some_and(|found| packet.len() > found.at + 4)
            {
                assert_eq!(returned, cleaned, "{name} by way of {build}");
            }
        }
    }
}

/// What the compilers of other builds made of the same values.
#[test]
fn recorded_packets_become_what_other_builds_have_in_memory() {
    for (folder, build, count) in [("layout-windows", WINDOWS, 5), ("layout-renewal", RENEWAL, 1)] {
        let compiled = recorded(folder);
        assert_eq!(compiled.len(), count);
        let (there, back) = (Transcoder::new(Build::CANONICAL, build), Transcoder::new(build, Build::CANONICAL));
        for (name, toward, packet) in recorded("layout") {
            let sent = convert(&there, toward, &packet).expect("converts");
            match compiled.iter().find(|(other, ..)| *other == name) {
                Some((_, _, expected)) => {
                    assert_eq!(sent, expected, "{name} in {build}");
                    assert_eq!(
                        convert(&back, toward, expected),
                        Ok(clean(Build::CANONICAL, toward, &packet)),
                        "{name}"
                    );
                }
                None => assert_eq!(sent, clean(Build::CANONICAL, toward, &packet), "{name} is alike in {build}"),
            }
        }
    }
}

#[test]
fn a_character_keeps_its_title_and_everything_else() {
    let mut image = CharacterImage::zeroed();
    image.set_title(1099);
    image.set_inventory_slots(120);
    image.set_hp(-1);
    image.set_delete_date(-1);
    let header = [&0x2b01_u16.to_le_bytes()[..], &8869_u16.to_le_bytes(), &[7; 9]].concat();
    let packet = Bytes::from([&header, image.as_bytes()].concat());
    let (there, back) = (Transcoder::new(Build::CANONICAL, WINDOWS), Transcoder::new(WINDOWS, Build::CANONICAL));
    let sent = there.to_char_server(&packet).expect("converts");
    assert_eq!((sent.len(), &sent[2..4]), (8861, &8861_u16.to_le_bytes()[..]));
    assert_eq!(sent[13 + 8840..13 + 8846], [0x4b, 4, 0, 0, 120, 0]);
    assert_eq!(back.to_char_server(&sent), Ok(packet));

    image.set_title(1 << 32);
    let packet = Bytes::from([&header, image.as_bytes()].concat());
    let problem = there.to_char_server(&packet).expect_err("no other title is put in its place");
    assert!(matches!(problem, DecodeError::Invalid { field: "title_id", .. }), "{problem}");
}

#[test]
fn status_values_keep_their_signs_and_those_too_large_become_the_largest() {
    let entry = |values: [i64; 4], tick: i64| {
        let values: Vec<u8> = values.iter().chain([&tick]).flat_map(|value| value.to_le_bytes()).collect();
        [&[15, 0, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee][..], &values].concat()
    };
    let entries = [entry([-3, 0, i64::MIN, i64::MAX], -1), entry([1, -1, i32::MIN.into(), i32::MAX.into()], i64::MAX)];
    let packet = [&[0x1c, 0x2b, 110, 0][..], &[1, 0, 0, 0, 2, 0, 0, 0], &[2, 0], &entries.concat()].concat();
    let there = Transcoder::new(Build::CANONICAL, WINDOWS);
    let sent = there.to_char_server(&packet.into()).expect("converts");
    assert_eq!((sent.len(), sent[2], sent[12]), (14 + 2 * 32, 78, 2));
    let back = Transcoder::new(WINDOWS, Build::CANONICAL).to_char_server(&sent).expect("converts");
    let MapToChar::StatusSave(StatusSave { changes: Counted(changes), .. }) =
        MapToChar::decode(&back).expect("decodes")
    else {
        panic!("it was one before")
    };
    let values = |index: usize| (changes[index].val1, changes[index].val2, changes[index].val3, changes[index].val4);
    assert_eq!(values(0), (-3, 0, i32::MIN.into(), i32::MAX.into()));
    assert_eq!(values(1), (1, -1, i32::MIN.into(), i32::MAX.into()));
    assert_eq!((changes[0].tick, changes[1].tick, changes[0].kind), (-1, i64::MAX, 15));
}

#[test]
fn a_party_keeps_its_leader_and_who_is_online() {
    let (_, toward, packet) =
        recorded("layout").into_iter().find(|(name, ..)| name == "3821_party").expect("it is recorded");
    let sent = convert(&Transcoder::new(Build::CANONICAL, WINDOWS), toward, &packet).expect("converts");
    let (head, first) = (8, 36);
    assert_eq!((packet[head + 28], packet[head + 29] >> 1 & 3), (2, 3), "two members, items are shared");
    assert_eq!((sent[head + 28], sent[head + 29], sent[head + 32]), (2, 0, packet[head + 29]));
    let flags = |member: usize| sent[head + first + member * 56 + 52];
    assert_eq!((flags(0), flags(1), flags(2)), (0b11, 0b10, 0), "both are online, the first one leads");
}

#[test]
fn host_pointers_are_cleared_in_both_directions_and_between_equal_builds() {
    for (id, toward, at, structure, pointer) in [
        (0x3032_u16, Toward::CharServer, 8, "guild_member", 64),
        (0x3831, Toward::MapServer, 4, "mmo_guild", 88 + 80 * 75 + 64),
        (0x3840, Toward::MapServer, 4, "guild_castle", 208),
        (0x38a0, Toward::MapServer, 4, "clan", 72 + 8 * 499),
    ] {
        for (from, to) in Build::ALL.iter().flat_map(|from| Build::ALL.map(|to| (*from, to))) {
            let mut packet = vec![0; at + from.size_of(structure).expect("a struct")];
            packet[..2].copy_from_slice(&id.to_le_bytes());
            let len = u16::try_from(packet.len()).expect("short");
            packet[2..4].copy_from_slice(&len.to_le_bytes());
            packet[at] = 7;
            let clean = Bytes::from(packet.clone());
            packet[at + pointer..at + pointer + 8].fill(0x7f);
            let transcoder = Transcoder::new(from, to);
            let sent = convert(&transcoder, toward, &packet.into()).expect("converts");
            assert_eq!(sent, convert(&transcoder, toward, &clean).expect("converts"), "0x{id:04x} {from} {to}");
            assert_eq!(sent.iter().filter(|byte| **byte == 0x7f).count(), 0);
        }
    }
}

#[test]
fn a_wrong_size_is_refused_with_the_packet_and_both_sizes() {
    let (canonical, windows) =
        (Transcoder::new(Build::CANONICAL, Build::CANONICAL), Transcoder::new(WINDOWS, Build::CANONICAL));
    let sized = |id: u16, len: u16| {
        let mut packet = vec![0; len.into()];
        packet[..4].copy_from_slice(&[id.to_le_bytes(), len.to_le_bytes()].concat());
        packet
    };
    let save = Bytes::from(sized(0x2b01, 8869));
    assert_eq!(canonical.to_char_server(&save), Ok(save.clone()));
    let problem = windows.to_char_server(&save).expect_err("a Linux save").to_string();
    assert_eq!(problem, "packet 0x2b01 has 8869 bytes, with its mmo_charstatus it would have 8861");

    let refused = |transcoder: &Transcoder, packet: Vec<u8>, wanted: usize| {
        let toward = if packet[1] == 0x38 { Toward::MapServer } else { Toward::CharServer };
        match convert(transcoder, toward, &packet.into()) {
            Err(DecodeError::WrongSize { wanted: found, .. }) => assert_eq!(found, wanted),
            other => panic!("{other:?}"),
        }
    };
    let mut counted = sized(0x2b1c, 14 + 48);
    refused(&canonical, counted.clone(), 14);
    counted[12] = 3;
    refused(&canonical, counted.clone(), 14 + 3 * 48);
    refused(&windows, counted.clone(), 14 + 3 * 32);
    counted[12..14].fill(0xff);
    refused(&canonical, counted, 14 + 0xffff * 48);
    let mut scripts = sized(0x2b2e, 9 + 2 * 528);
    scripts[8] = 3;
    refused(&canonical, scripts.clone(), 9 + 3 * 528);
    scripts[8] = 1;
    assert!(canonical.to_char_server(&scripts.into()).is_ok(), "a count may leave scripts out");
    refused(&canonical, sized(0x3061, 8 + 25), 8 + 24);
    refused(&canonical, sized(0x3821, 13), 8 + 704);
    refused(&canonical, sized(0x3020, 4), 30 + 56);
    assert!(canonical.to_map_server(&sized(0x3821, 12).into()).is_ok(), "there is no such party");
}

#[test]
fn a_packet_that_states_another_length_or_would_get_too_long_is_refused() {
    let windows = Transcoder::new(WINDOWS, Build::CANONICAL);
    let mut packet = vec![0; 8861];
    packet[..4].copy_from_slice(&[0x01, 0x2b, 0x9c, 0x22]);
    let problem = windows.to_char_server(&packet.clone().into());
    assert_eq!(problem, Err(DecodeError::BadLength { id: 0x2b01, len: 0x229c }));
    assert!(windows.to_char_server(&Bytes::from_static(&[0x01, 0x2b, 4])).is_err());
    assert!(windows.to_char_server(&Bytes::from_static(&[0x01])).is_err());

    let count = 2000_u16;
    let len = 14 + 32 * count;
    let mut packet = vec![0; len.into()];
    packet[..4].copy_from_slice(&[0x2b1c_u16.to_le_bytes(), len.to_le_bytes()].concat());
    packet[12..14].copy_from_slice(&count.to_le_bytes());
    let problem = windows.to_char_server(&packet.into());
    assert_eq!(problem, Err(DecodeError::BadLength { id: 0x2b1c, len: 14 + 48 * usize::from(count) }));
}

#[test]
fn packets_without_structs_pass_as_they_are_and_unknown_builds_pass_nothing() {
    let windows = Transcoder::new(Build::CANONICAL, WINDOWS);
    for (name, toward, packet) in recorded("inter") {
        if carried(toward, &packet).is_none() {
            let sent = convert(&windows, toward, &packet).expect("passes");
            assert_eq!((sent.as_ptr(), sent.len()), (packet.as_ptr(), packet.len()), "{name}");
        }
    }
    let unknown = Build { packetver: 20_100_101, ..Build::CANONICAL };
    let ping = Bytes::from_static(&[0x23, 0x2b]);
    for transcoder in [Transcoder::new(unknown, WINDOWS), Transcoder::new(WINDOWS, unknown)] {
        assert!(matches!(transcoder.to_char_server(&ping), Err(DecodeError::Invalid { field: "build", .. })));
    }
    assert!(length_tables(unknown).is_none());
    assert_eq!(format!("{windows:?}"), format!("Transcoder({} to {WINDOWS})", Build::CANONICAL));
}

#[test]
fn every_packet_with_a_struct_states_its_length_so_that_one_table_serves_all_builds() {
    for build in Build::ALL {
        let [up, down] = length_tables(build).expect("a known build");
        for carried in CARRIED {
            let table = if carried.toward == Toward::CharServer { up } else { down };
            assert_eq!(table.get(carried.id), Some(Length::Sized), "0x{:04x}", carried.id);
        }
        assert_eq!(build.size_of("fame_list"), Some(32), "0x2b1b has offsets into its list");
    }
    assert_eq!(
        CARRIED.len(),
        CARRIED.iter().map(|carried| (carried.toward, carried.id)).collect::<BTreeSet<_>>().len()
    );
}

#[test]
fn what_is_decoded_elsewhere_is_of_the_canonical_build() {
    let windows = Transcoder::new(WINDOWS, Build::CANONICAL);
    for (name, toward, packet) in recorded("layout-windows") {
        let canonical = convert(&windows, toward, &packet).expect("converts");
        let decoded = match toward {
            Toward::CharServer => MapToChar::decode(&canonical).map(drop),
            Toward::MapServer => CharToMap::decode(&canonical).map(drop),
        };
        assert!(
            decoded.is_ok() || decoded == Err(DecodeError::UnknownId { id: packet_id(&canonical).expect("one") }),
            "{name}"
        );
    }
    let (_, _, scripts) =
        recorded("layout").into_iter().find(|(name, ..)| name == "2b2e_bonus_save").expect("recorded");
    let sent = Transcoder::new(Build::CANONICAL, WINDOWS).to_char_server(&scripts).expect("converts");
    let MapToChar::BonusSave(BonusSave { scripts, .. }) = MapToChar::decode(&sent).expect("decodes") else {
        panic!("it was one before")
    };
    assert_eq!((scripts.0[0].tick, scripts.0[0].icon, scripts.0[1].kind), (60_000, -1, 2));
}

/// One save of one character: scripts, inventory, cart, and the character.
#[test]
fn a_save_is_transcoded_in_microseconds() {
    let storage = recorded("inter").into_iter().find(|(name, ..)| name == "StorageSave").expect("recorded").2;
    let save = recorded("layout").into_iter().find(|(name, ..)| name == "2b01_save").expect("recorded").2;
    let packets = [storage.clone(), storage, save];
    let (there, back) = (Transcoder::new(Build::CANONICAL, WINDOWS), Transcoder::new(WINDOWS, Build::CANONICAL));
    let windows = packets.map(|packet| there.to_char_server(&packet).expect("converts"));
    let best = (0..100).map(|_| {
        let start = Instant::now();
        windows.iter().for_each(|packet| drop(std::hint::black_box(back.to_char_server(packet))));
        start.elapsed()
    });
    let best = best.min().expect("some");
    let making = Instant::now();
    let _ = std::hint::black_box(Transcoder::new(WINDOWS, RENEWAL));
    println!(
        "a save of {} bytes: {best:?}; a transcoder: {:?}",
        windows.iter().map(Bytes::len).sum::<usize>(),
        making.elapsed()
    );
    assert!(best < Duration::from_millis(5), "{best:?}");
}
