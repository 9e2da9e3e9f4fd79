//! Node and coordinator: length-delimited messages, stream headers, datagrams, sealed syncs.
#![no_main]

use bifrost_protocol::control::{
    Beat, BeatAck, CoordinatorMessage, EngineDown, EngineSays, EngineUp, GameOpen, MAX_HEADER, MAX_MESSAGE,
    MAX_MESSAGE_UP, NodeMessage, ProbeOpen, ProbeReport, StreamKind, SyncOpen, next_message,
};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use prost::Message;

/// Takes messages until the stream ends or is refused.
fn all<M: Message + Default + std::fmt::Debug>(stream: &[u8], max: usize) -> Vec<M> {
    let (mut buffer, mut messages) = (BytesMut::from(stream), Vec::new());
    while let Ok(Some(message)) = next_message::<M>(&mut buffer, max) {
        std::hint::black_box(format!("{message:?}"));
        messages.push(message);
    }
    messages
}

fuzz_target!(|stream: &[u8]| {
    let Some((kind, rest)) = stream.split_first() else { return };
    let _ = StreamKind::try_from(*kind);
    match kind % 9 {
        0 => drop(all::<NodeMessage>(rest, MAX_MESSAGE_UP)),
        1 => drop(all::<CoordinatorMessage>(rest, MAX_MESSAGE)),
        2 => {
            for message in all::<EngineUp>(rest, MAX_MESSAGE_UP) {
                if let Some(EngineSays::Sync(sync)) = message.says {
                    std::hint::black_box(sync.open());
                }
            }
        }
        3 => drop(all::<EngineDown>(rest, MAX_MESSAGE)),
        4 => drop(all::<GameOpen>(rest, MAX_HEADER)),
        5 => drop(all::<SyncOpen>(rest, MAX_HEADER)),
        6 => drop(all::<ProbeOpen>(rest, MAX_HEADER)),
        7 => drop(all::<ProbeReport>(rest, MAX_HEADER)),
        _ => {
            let _ = (Beat::decode(rest), BeatAck::decode(rest));
        }
    }
});
