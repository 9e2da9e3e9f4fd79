//! The list of rules: complete, in step with its documentation, and safe whatever comes.

use bifrost_protocol::inter::{char_to_map, map_to_char};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::guard::{Way, rules};

/// Ids and names of a table of lengths.
fn table(text: &str) -> BTreeMap<u16, String> {
    let lines = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    lines.map(|columns| (u16::from_str_radix(columns[0], 16).expect("hex"), columns[2].to_owned())).collect()
}

#[test]
fn every_packet_has_its_rule() {
    let up = include_str!("../../../../node/protocol/src/inter/map_to_char.tsv");
    let ruled: BTreeMap<u16, String> = rules::UP.iter().map(|rule| (rule.id, rule.name.to_owned())).collect();
    assert_eq!(ruled, table(up));
    assert_eq!(rules::UP.len(), 107);
    let down = include_str!("../../../../node/protocol/src/inter/char_to_map.tsv");
    let ruled: BTreeMap<u16, String> = rules::DOWN.iter().map(|rule| (rule.id, rule.name.to_owned())).collect();
    assert_eq!(ruled, table(down));
    assert_eq!(rules::DOWN.len(), 101);
    assert!(rules::UP.is_sorted_by_key(|rule| rule.id) && rules::DOWN.is_sorted_by_key(|rule| rule.id));
}

#[test]
fn what_has_no_rule_closes_the_link() {
    let (mut guard, world) = base();
    for id in 0..=u16::MAX {
        if rules::up(&id.to_le_bytes()).is_none() {
            let (packet, now) = (Bytes::copy_from_slice(&id.to_le_bytes()), NOW + Duration::from_secs(id.into()));
            let violation = guard.up(ENGINE, &packet, &world, now).expect_err("unknown");
            assert_eq!((violation.rule, violation.grave), ("unknown", true), "{id:04x}");
            assert!(guard.down(&packet).is_err() || rules::down(id).is_some());
        }
    }
}

#[test]
fn every_label_stands_once() {
    let labels: std::collections::BTreeSet<&str> = rules::LABELS.iter().map(|(label, _)| *label).collect();
    assert_eq!(labels.len(), rules::LABELS.len());
}

#[test]
fn the_documentation_shows_the_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guard.md");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let start = text.find("## From engines").expect("has the tables");
    if std::env::var_os("BIFROST_BLESS").is_some() {
        fs::write(&path, format!("{}{}", &text[..start], rules::tables())).expect("is written");
        return;
    }
    assert!(text[start..] == rules::tables(), "docs/guard.md lags behind; run this test with BIFROST_BLESS=1");
}

/// An id of either list with a body that its length allows, or nearly.
fn packet(ids: Vec<u16>, fixed: fn(u16) -> Option<usize>) -> impl Strategy<Value = Vec<u8>> {
    (select(ids), vec(any::<u8>(), 0..900), 0..8_u8).prop_map(move |(id, mut body, luck)| {
        match fixed(id) {
            Some(len) if luck > 0 => body.resize(len - 2, 0x5a),
            None if luck > 0 => {
                let len = u16::try_from(body.len() + 4).expect("short");
                body.splice(0..0, len.to_le_bytes());
            }
            _ => {}
        }
        [&id.to_le_bytes()[..], &body].concat()
    })
}

fn up_len(id: u16) -> Option<usize> {
    map_to_char().measure(&[id.to_le_bytes()[0], id.to_le_bytes()[1]]).ok().flatten()
}

fn down_len(id: u16) -> Option<usize> {
    char_to_map().measure(&[id.to_le_bytes()[0], id.to_le_bytes()[1]]).ok().flatten()
}

/// Recorded packets of one direction.
fn recordings(up: bool) -> Vec<&'static [u8]> {
    let fits = |fixture: &&Fixture| (fixture.direction == "map-server to char-server") == up;
    FIXTURES.values().filter(fits).map(|fixture| fixture.bytes.as_slice()).collect()
}

fn flip(mut packet: Vec<u8>, flips: &[(Index, u8)], cut: Option<Index>) -> Vec<u8> {
    for (at, bit) in flips {
        let at = at.index(packet.len().min(300));
        packet[at] ^= 1 << bit;
    }
    if let Some(cut) = cut {
        packet.truncate(cut.index(packet.len() + 1));
    }
    packet
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_under_every_id_never_panic(
        ups in vec(packet(rules::UP.iter().map(|rule| rule.id).collect(), up_len), 1..8),
        downs in vec(packet(rules::DOWN.iter().map(|rule| rule.id).collect(), down_len), 1..8),
    ) {
        let (mut guard, world) = joined();
        for down in downs {
            let _ = guard.down(&down.into());
        }
        for up in ups {
            let packet = Bytes::from(up);
            let _ = guard.up(ENGINE, &packet, &world, NOW);
            let _ = guard.save(ENGINE, ONE.1, &packet, &world, NOW);
        }
    }

    #[test]
    fn recorded_packets_with_flipped_bits_never_panic(
        which in any::<Index>(),
        flips in vec((any::<Index>(), 0..8_u8), 0..6),
        cut in proptest::option::weighted(0.2, any::<Index>()),
    ) {
        let (mut guard, world) = joined();
        let (ups, downs) = (recordings(true), recordings(false));
        let down = Bytes::from(flip(which.get(&downs).to_vec(), &flips, cut));
        if let Ok(Way::Accounts(accounts)) = guard.down(&down) {
            prop_assert!(accounts.len() <= 76);
        }
        let up = Bytes::from(flip(which.get(&ups).to_vec(), &flips, cut));
        if let Ok(crate::guard::Ruling::Forward(forward)) = guard.up(ENGINE, &up, &world, NOW) {
            prop_assert_eq!(map_to_char().measure(&forward.packet), Ok(Some(forward.packet.len())));
        }
    }
}
