//! The collector against what a stock map-server sent, and against what none sends.

use bifrost_protocol::fixture::Fixture;

use super::*;

/// Packets of a recorded link with the time they came at.
pub(crate) fn recorded() -> Vec<(Duration, Bytes)> {
    let text = include_str!("../fixtures/chrif_field.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (seconds, words) = line.split_once('\t').expect("a tab");
        let seconds = Duration::from_secs_f64(seconds.parse().expect("seconds"));
        let head = "# packet: any\n# source: above\n# packetver: 20211103\n# direction: map to char\n";
        (seconds, Bytes::from(Fixture::parse(&format!("{head}{words}")).expect("hex").bytes))
    };
    lines.map(read).collect()
}

/// The receiving side: rebuilds saves as the coordinator does.
#[derive(Default)]
struct Rebuilt {
    saves: HashMap<u32, (u64, Vec<u8>)>,
}

impl Rebuilt {
    fn unpack(&mut self, bundle: &SaveBundle) -> Vec<u8> {
        let before = self.saves.get(&bundle.character);
        assert_eq!(bundle.sequence, before.map_or(0, |(sequence, _)| *sequence) + 1);
        let base = match (bundle.base, before) {
            (0, _) => &[][..],
            (base, Some((sequence, packets))) if base == *sequence => packets,
            (base, _) => panic!("base {base} is not known"),
        };
        let packets = unpack(base, &bundle.delta, bundle.len as usize).expect("unpacks");
        assert_eq!(bundle.hash, fingerprint(&packets));
        self.saves.insert(bundle.character, (bundle.sequence, packets.clone()));
        packets
    }
}

/// Feeds a collector; ticks come as they are due.
fn collect(packets: &[(Duration, Bytes)]) -> Vec<Output> {
    let (mut collector, start, mut outputs) = (Collector::default(), Instant::now(), Vec::new());
    for (at, packet) in packets {
        let now = start + *at;
        while let Some(due) = collector.deadline().filter(|due| *due <= now) {
            outputs.extend(collector.tick(due).expect("few"));
        }
        outputs.extend(collector.take(packet.clone(), now).expect("few"));
    }
    outputs.extend(collector.end().expect("few"));
    outputs
}

fn kinds(outputs: &[Output]) -> Vec<String> {
    let kind = |output: &Output| match output {
        Output::Packet(packet) => format!("{:04x}", packet_id(packet).expect("an id")),
        Output::Save(bundle) => format!("save {} on {}", bundle.sequence, bundle.base),
    };
    outputs.iter().map(kind).collect()
}

/// A packet with its length at offset 2 and ids at these offsets.
fn sized(id: u16, len: u16, ids: &[(usize, u32)]) -> (Duration, Bytes) {
    let mut packet = vec![0; len.into()];
    packet[..2].copy_from_slice(&id.to_le_bytes());
    packet[2..4].copy_from_slice(&len.to_le_bytes());
    for (at, id) in ids {
        packet[*at..at + 4].copy_from_slice(&id.to_le_bytes());
    }
    (Duration::ZERO, packet.into())
}

fn bonus(character: u32) -> (Duration, Bytes) {
    sized(0x2b2e, 9, &[(4, character)])
}

fn character(account: u32, character: u32) -> (Duration, Bytes) {
    sized(0x2b01, 100, &[(4, account), (8, character)])
}

#[test]
fn a_recorded_link_comes_out_as_it_went_in_at_a_fraction_of_the_bytes() {
    let packets = recorded();
    let outputs = collect(&packets);
    let saves = ["save 1 on 0", "save 2 on 1", "save 3 on 2", "save 4 on 3", "save 5 on 4", "save 6 on 5"];
    let got: Vec<_> = kinds(&outputs).into_iter().filter(|kind| kind.starts_with("save")).collect();
    assert_eq!(got, saves);
    let mut rebuilt = Rebuilt::default();
    let mut bytes = Vec::new();
    let mut packed = Vec::new();
    for output in &outputs {
        match output {
            Output::Packet(packet) => bytes.extend_from_slice(packet),
            Output::Save(bundle) => {
                bytes.extend(rebuilt.unpack(bundle));
                packed.push(bundle.delta.len());
            }
        }
    }
    assert_eq!(bytes, packets.iter().flat_map(|(_, packet)| packet.to_vec()).collect::<Vec<_>>());
    assert!(packed[1..].iter().all(|len| *len <= 256), "{packed:?}");
}

#[test]
fn what_a_stock_server_sends_after_the_character_belongs_to_the_save() {
    let packets = recorded();
    let with_achievements = packets.iter().position(|(_, packet)| packet.starts_with(&[0x63, 0x30])).expect("one");
    let outputs = collect(&packets[with_achievements - 5..=with_achievements]);
    assert_eq!(kinds(&outputs), ["save 1 on 0"]);
    let Output::Save(bundle) = &outputs[0] else { panic!("not a save") };
    assert_eq!((bundle.account, bundle.character), (2_000_002, 150_002));
    let whole = unpack(&[], &bundle.delta, bundle.len as usize).expect("unpacks");
    assert!(whole.ends_with(&packets[with_achievements].1));
}

#[test]
fn parts_that_come_late_or_belong_to_somebody_else_stay_on_their_own() {
    let late = (TRAIL, sized(0x3061, 8, &[(4, 7)]).1);
    let others = sized(0x3061, 8, &[(4, 8)]);
    assert_eq!(kinds(&collect(&[bonus(7), character(1, 7), late])), ["save 1 on 0", "3061"]);
    assert_eq!(kinds(&collect(&[bonus(7), character(1, 7), others])), ["save 1 on 0", "3061"]);
    let pet = sized(0x3082, 64, &[(4, 1)]);
    assert_eq!(kinds(&collect(&[bonus(7), character(1, 7), pet.clone()])), ["save 1 on 0"]);
    assert_eq!(kinds(&collect(&[pet, bonus(7), character(1, 7)])), ["3082", "save 1 on 0"]);
    let storage = sized(0x308b, 20, &[(5, 1), (9, 7)]);
    assert_eq!(kinds(&collect(std::slice::from_ref(&storage))), ["308b"], "a storage that was closed");
    assert_eq!(kinds(&collect(&[bonus(7), character(1, 7), storage])), ["save 1 on 0", "308b"]);
}

#[test]
fn a_save_that_is_interrupted_passes_as_its_packets_in_their_order() {
    let storage = sized(0x308b, 20, &[(5, 1), (9, 7)]);
    let users = (Duration::ZERO, Bytes::from_static(&[0xfe, 0x2a, 1, 0]));
    let outputs = collect(&[bonus(7), storage.clone(), users, character(1, 7)]);
    assert_eq!(kinds(&outputs), ["2b2e", "308b", "2afe", "2b01"]);
    let outputs = collect(&[bonus(7), storage, bonus(8), character(2, 8)]);
    assert_eq!(kinds(&outputs), ["2b2e", "308b", "save 1 on 0"]);
    assert_eq!(kinds(&collect(&[bonus(7), character(1, 8)])), ["2b2e", "2b01"]);
}

#[test]
fn what_a_lost_link_cuts_off_is_dropped() {
    assert_eq!(kinds(&collect(&[bonus(7)])), [""; 0]);
    assert_eq!(kinds(&collect(&[bonus(7), character(1, 7)])), ["save 1 on 0"]);
}

#[test]
fn saves_longer_than_any_can_be_pass_as_packets() {
    let storage = || sized(0x308b, 60_000, &[(5, 1), (9, 7)]);
    let mut packets = vec![bonus(7)];
    packets.extend((0..7).map(|_| storage()));
    packets.push(character(1, 7));
    let outputs = collect(&packets);
    assert_eq!(outputs.len(), packets.len());
    assert!(outputs.iter().all(|output| matches!(output, Output::Packet(_))));
}

#[test]
fn the_next_save_stands_on_its_own_when_asked_and_after_the_last_one() {
    let (mut collector, now) = (Collector::default(), Instant::now());
    let save = |collector: &mut Collector, last: u8| {
        let mut packet = character(1, 7).1.to_vec();
        packet[LAST_FLAG] = last;
        let mut outputs = collector.take(bonus(7).1, now).expect("few");
        outputs.extend(collector.take(packet.into(), now).expect("few"));
        outputs.extend(collector.tick(now + TRAIL).expect("few"));
        kinds(&outputs)
    };
    assert_eq!(save(&mut collector, 0), ["save 1 on 0"]);
    assert_eq!(save(&mut collector, 0), ["save 2 on 1"]);
    collector.forget_base(7);
    collector.forget_base(8);
    assert_eq!(save(&mut collector, 0), ["save 3 on 0"]);
    assert_eq!(save(&mut collector, 1), ["save 4 on 3"]);
    assert_eq!(save(&mut collector, 1), ["save 5 on 0"], "told again, as an engine does that got no answer");
}

#[test]
fn memory_is_bounded_however_many_characters_are_saved() {
    let (mut collector, now) = (Collector::default(), Instant::now());
    let mut save = |of: u32| {
        collector.take(bonus(of).1, now)?;
        collector.take(sized(0x2b01, 13, &[(4, 1), (8, of)]).1, now)?;
        collector.tick(now + TRAIL)?;
        Ok::<usize, TooMany>(collector.bases)
    };
    for of in 0..u32::try_from(MAX_BASES).expect("small") + 10 {
        assert!(save(of).expect("few") <= MAX_BASES);
    }
    collector.characters.extend((1 << 20..(1 << 20) + MAX_CHARACTERS as u32).map(|of| (of, Track::default())));
    let mut save = |of: u32| {
        collector.take(bonus(of).1, now)?;
        collector.take(sized(0x2b01, 13, &[(4, 1), (8, of)]).1, now)?;
        collector.tick(now + TRAIL)
    };
    assert!(save(3).is_ok(), "a known one");
    assert_eq!(save(1 << 30), Err(TooMany));
}
