//! Packets nobody sent: every struct with any bytes, between all builds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// All pairs of builds there are.
static TRANSCODERS: LazyLock<Vec<(Build, Build, Transcoder)>> = LazyLock::new(|| {
    let pairs = Build::ALL.into_iter().flat_map(|from| Build::ALL.map(|to| (from, to)));
    pairs.map(|(from, to)| (from, to, Transcoder::new(from, to))).collect()
});

fn between(from: Build, to: Build) -> &'static Transcoder {
    let found = TRANSCODERS.iter().find(|(one, other, _)| (*one, *other) == (from, to));
    &found.expect("all pairs are there").2
}

/// A value of a struct, whatever the build.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number { value: i128, read: (usize, bool) },
    Bits(u64),
    Text(Vec<u8>),
}

/// Reads all values of a struct by their paths, without any of the code under test.
fn values(table: &Table, name: &str, bytes: &[u8], path: &str, found: &mut BTreeMap<String, Value>) {
    for member in &table.structure(name).expect("a struct").members {
        let at = member.at;
        match member.kind {
            Kind::Pointer => {}
            Kind::Text => {
                found.insert(format!("{path}.{}", member.name), Value::Text(bytes[at..at + member.count].to_vec()));
            }
            Kind::Bits(shift) => {
                let bit =
                    |index: usize| u64::from(bytes[at + (shift + index) / 8] >> ((shift + index) % 8) & 1) << index;
                found.insert(format!("{path}.{}", member.name), Value::Bits((0..member.count).map(bit).sum()));
            }
            Kind::Integer(integer) => {
                for index in 0..member.count {
                    let raw = &bytes[at + index * integer.size..][..integer.size];
                    let unsigned = raw.iter().rev().fold(0_i128, |value, byte| value * 256 + i128::from(*byte));
                    let wrap =
                        if integer.signed && raw[integer.size - 1] >= 128 { 1_i128 << (8 * integer.size) } else { 0 };
                    let value = Value::Number { value: unsigned - wrap, read: (integer.size, integer.signed) };
                    found.insert(format!("{path}.{}[{index}]", member.name), value);
                }
            }
            Kind::Structure(inner) => {
                let size = table.size(member.kind);
                for index in 0..member.count {
                    let path = format!("{path}.{}[{index}]", member.name);
                    values(table, inner, &bytes[at + index * size..][..size], &path, found);
                }
            }
        }
    }
}

/// What becomes of `old` where `new` was read: `None` when there is no room for it.
fn expected(old: Option<&Value>, new: &Value) -> Option<Value> {
    match (old, new) {
        (Some(Value::Number { value, read: (_, signed) }), Value::Number { read, .. }) => {
            let (size, to_signed) = *read;
            let (low, high) = if to_signed {
                (-(1_i128 << (8 * size - 1)), (1_i128 << (8 * size - 1)) - 1)
            } else {
                (0, (1_i128 << (8 * size)) - 1)
            };
            let fits = (low..=high).contains(value);
            (fits || *signed).then(|| Value::Number { value: *value.clamp(&low, &high), read: *read })
        }
        (Some(old), _) => Some(old.clone()),
        (None, Value::Number { read, .. }) => Some(Value::Number { value: 0, read: *read }),
        (None, Value::Bits(_)) => Some(Value::Bits(0)),
        (None, Value::Text(text)) => Some(Value::Text(vec![0; text.len()])),
    }
}

/// A valid packet of `carried` in `build` whose bytes repeat `seed`.
fn packet_of(carried: &Carried, build: Build, times: usize, seed: &[u8]) -> Bytes {
    let size = build.size_of(carried.structure).expect("a struct");
    let times = match carried.times {
        Times::Once | Times::OnceOr(_) => 1,
        Times::Exactly(times) => times,
        Times::Rest | Times::Counted(_) | Times::CountedByte(_) | Times::Within(_) => {
            times.min((0xffff - carried.at) / size)
        }
    };
    let len = carried.at + times * size;
    let mut packet: Vec<u8> = seed.iter().copied().cycle().take(len).collect();
    packet[..4].copy_from_slice(&[carried.id.to_le_bytes(), u16::try_from(len).expect("short").to_le_bytes()].concat());
    let count = u16::try_from(times).expect("few").to_le_bytes();
    match carried.times {
        Times::Counted(at) => packet[at..at + 2].copy_from_slice(&count),
        Times::CountedByte(at) | Times::Within(at) => packet[at] = count[0],
        Times::Once | Times::OnceOr(_) | Times::Exactly(_) | Times::Rest => {}
    }
    packet.into()
}

fn builds() -> impl Strategy<Value = (Build, Build)> {
    (select(&Build::ALL[..]), select(&Build::ALL[..]))
}

proptest! {
    #[test]
    fn random_packets_keep_every_value_between_all_builds(
        carried in select(CARRIED),
        (from, to) in builds(),
        times in 0..4_usize,
        seed in vec(any::<u8>(), 1..600),
    ) {
        let packet = packet_of(&carried, from, times, &seed);
        let (source, target) = (Table::of(from).expect("a table"), Table::of(to).expect("a table"));
        let (old_size, new_size) = (from.size_of(carried.structure).expect("a size"), to.size_of(carried.structure).expect("a size"));
        let result = convert(between(from, to), carried.toward, &packet);
        let mut fits = true;
        let sent = result.clone().unwrap_or_default();
        for (index, old) in packet[carried.at..].chunks_exact(old_size).enumerate() {
            let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
            values(source, carried.structure, old, "", &mut before);
            let empty = vec![0; new_size];
            let new = sent.get(carried.at + index * new_size..).and_then(|rest| rest.get(..new_size)).unwrap_or(&empty);
            values(target, carried.structure, new, "", &mut after);
            for (path, found) in after {
                match expected(before.get(&path), &found) {
                    Some(wanted) => prop_assert!(result.is_err() || wanted == found, "{} {:?} {:?}", path, wanted, found),
                    None => fits = false,
                }
            }
        }
        prop_assert_eq!(result.is_ok(), fits, "{:?}", result);
        if let Ok(sent) = result {
            prop_assert_eq!(&sent[..2], &packet[..2]);
            prop_assert_eq!(usize::from(u16::from_le_bytes([sent[2], sent[3]])), sent.len());
            prop_assert_eq!(&sent[4..carried.at], &packet[4..carried.at], "the head is the same");
            let alike = std::ptr::eq(source, target);
            prop_assert!(alike || sent == clean(to, carried.toward, &sent), "padding is zero");
            prop_assert!(!alike || clean(to, carried.toward, &sent) == clean(from, carried.toward, &packet));
        }
    }

    #[test]
    fn a_build_with_room_for_everything_gives_everything_back(
        carried in select(CARRIED),
        (wide, other) in builds(),
        times in 0..4_usize,
        seed in vec(any::<u8>(), 1..600),
    ) {
        // From the narrow build there and back: Linux has room for all of Windows, renewal for all of pre-renewal.
        let roomy = Build { abi: Build::CANONICAL.abi, renewal: true, ..other };
        let packet = packet_of(&carried, wide, times, &seed);
        let sent = convert(between(wide, roomy), carried.toward, &packet).expect("there is room");
        let back = convert(between(roomy, wide), carried.toward, &sent).expect("it was there before");
        prop_assert_eq!(clean(wide, carried.toward, &back), clean(wide, carried.toward, &packet));
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        carried in select(CARRIED),
        (from, to) in builds(),
        len in 0..50_000_usize,
        seed in vec(any::<u8>(), 1..100),
        honest: bool,
        toward in select(&[Toward::CharServer, Toward::MapServer][..]),
    ) {
        let mut packet: Vec<u8> = seed.iter().copied().cycle().take(len).collect();
        if let (true, [low, high, ..]) = (honest, packet.as_mut_slice()) {
            [*low, *high] = carried.id.to_le_bytes();
        }
        if let (true, [_, _, low, high, ..]) = (honest, packet.as_mut_slice()) {
            [*low, *high] = u16::try_from(len).expect("short").to_le_bytes();
        }
        let _ = convert(between(from, to), toward, &packet.into());
    }

    #[test]
    fn a_packet_that_is_cut_or_grown_is_refused(
        carried in select(CARRIED),
        (from, to) in builds(),
        cut in any::<Index>(),
        extra in 1..40_usize,
    ) {
        let packet = packet_of(&carried, from, 2, &[0]);
        let resized = |len: usize| {
            let mut other = packet.to_vec();
            other.resize(len, 0);
            if let ([_, _, low, high, ..], Ok(len)) = (other.as_mut_slice(), u16::try_from(len)) {
                [*low, *high] = len.to_le_bytes();
            }
            convert(between(from, to), carried.toward, &other.into())
        };
        let size = from.size_of(carried.structure).expect("a size");
        for len in [cut.index(packet.len()), packet.len() + extra % size] {
            let legal = match carried.times {
                Times::OnceOr(other) => len == other,
                Times::Rest => len >= carried.at && (len - carried.at) % size == 0,
                Times::Once | Times::Exactly(_) | Times::Counted(_) | Times::CountedByte(_) | Times::Within(_) => false,
            };
            prop_assert_eq!(resized(len).is_ok(), legal || len == packet.len(), "{} {}", len, packet.len());
        }
    }
}
