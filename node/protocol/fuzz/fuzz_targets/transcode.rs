//! Packets between builds of map-servers and char-servers, in both directions: any bytes, and any struct of the right size.
#![no_main]

use std::sync::LazyLock;

use bifrost_protocol::DecodeError;
use bifrost_protocol::layout::{Build, CARRIED, Toward, Transcoder};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// There and back, for every build.
static PAIRS: LazyLock<Vec<[Transcoder; 2]>> = LazyLock::new(|| {
    Build::ALL.map(|build| [Transcoder::new(Build::CANONICAL, build), Transcoder::new(build, Build::CANONICAL)]).into()
});

fn convert(transcoder: &Transcoder, toward: Toward, packet: &Bytes) -> Result<Bytes, DecodeError> {
    match toward {
        Toward::CharServer => transcoder.to_char_server(packet),
        Toward::MapServer => transcoder.to_map_server(packet),
    }
}

/// There and back: what comes back has its old length, and goes there again as before.
fn round(toward: Toward, packet: &Bytes) {
    for [there, back] in PAIRS.iter() {
        let Ok(sent) = convert(there, toward, packet) else { continue };
        let returned = convert(back, toward, &sent).expect("it has a legal length and nothing that needs more room");
        assert_eq!(returned.len(), packet.len());
        assert_eq!(convert(there, toward, &returned).map(|again| again.len()), Ok(sent.len()));
    }
}

fuzz_target!(|seed: &[u8]| {
    let packet = Bytes::copy_from_slice(seed);
    round(Toward::CharServer, &packet);
    round(Toward::MapServer, &packet);
    // Fuzzers do not grow inputs to tens of kilobytes: a struct is filled with the input again and again.
    let [which, seed @ ..] = seed else { return };
    let carried = CARRIED[usize::from(*which) % CARRIED.len()];
    let size = Build::CANONICAL.size_of(carried.structure).expect("every build has every struct");
    let len = carried.at + size;
    let mut packet: Vec<u8> = seed.iter().copied().cycle().take(len).collect();
    if let Some(head) = packet.get_mut(..4) {
        head.copy_from_slice(
            &[carried.id.to_le_bytes(), u16::try_from(len).unwrap_or_default().to_le_bytes()].concat(),
        );
        round(carried.toward, &packet.into());
    }
});
