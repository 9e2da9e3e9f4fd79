//! A world driven by hand: events in, packets out.

use std::collections::BTreeMap;

use bifrost_protocol::client::map::*;
use bifrost_protocol::control::{Character, Looks, MapData, WarpData};
use bifrost_protocol::frame::LengthTable;
use bifrost_protocol::ids::{MapPoint, ObjectId};
use bifrost_protocol::{FixedText, client::server_to_client};
use bytes::BytesMut;

use super::*;
use crate::{Cells, Spot};

mod playing;
mod talking;
mod warping;

/// A world, its clock, and what came out of it by session.
struct Stage {
    world: World,
    now: Duration,
    others: Vec<WorldOutput>,
    packets: BTreeMap<u64, Vec<MapToClient>>,
}

fn field(name: &str, width: u16, height: u16) -> MapData {
    let cells = Cells::new(width, height, vec![0; usize::from(width) * usize::from(height)]).expect("legal");
    MapData { name: name.into(), width: width.into(), height: height.into(), cells: cells.pack() }
}

fn warp(map: &str, (x, y): (u32, u32), to_map: &str, (to_x, to_y): (u32, u32)) -> WarpData {
    let (map, to_map) = (map.into(), to_map.into());
    WarpData { map, x, y, span_x: 1, span_y: 1, to_map, to_x, to_y, name: "door".into() }
}

fn config() -> WorldConfig {
    WorldConfig {
        maps: vec![field("one", 100, 100), field("two", 60, 60)],
        warps: vec![warp("one", (50, 90), "two", (10, 10)), warp("two", (50, 50), "far", (7, 8))],
    }
}

fn character(session: u64, x: u32, y: u32) -> Character {
    Character {
        account: 2_000_000 + session as u32,
        character: 150_000 + session as u32,
        name: format!("player{session}").into(),
        sex: 1,
        base_level: 10,
        hp: 40,
        max_hp: 40,
        sp: 11,
        max_sp: 11,
        stats: vec![9, 1, 1, 1, 1, 1],
        looks: Some(Looks { hair: 3, ..Looks::default() }),
        at: Some(Place { map: "one".into(), x, y }),
        save_point: Some(Place { map: "two".into(), x: 20, y: 21 }),
        ..Character::default()
    }
}

impl Stage {
    fn new() -> Self {
        let world = World::new(&config(), 1).expect("legal");
        Self { world, now: Duration::ZERO, others: Vec::new(), packets: BTreeMap::new() }
    }

    fn event(&mut self, event: WorldEvent) {
        self.world.handle(event, self.now);
        while let Some(output) = self.world.poll() {
            if let WorldOutput::ToClient { session, bytes } = output {
                self.packets.entry(session.0).or_default().extend(decode_all(server_to_client(), &bytes));
            } else {
                self.others.push(output);
            }
        }
    }

    /// Lets time pass, waking up exactly when the world wants to.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(wakeup) = self.world.next_wakeup().filter(|wakeup| *wakeup <= end) {
            self.now = wakeup;
            self.event(WorldEvent::Tick);
        }
        self.now = end;
        self.event(WorldEvent::Tick);
    }

    fn join(&mut self, character: Character, session: u64, changing: bool) {
        self.event(WorldEvent::Join { session: SessionId(session), character: Box::new(character), changing });
    }

    fn send(&mut self, session: u64, packet: impl Packet) {
        self.event(WorldEvent::Packet { session: SessionId(session), packet: packet.encode() });
    }

    /// A player who has loaded its map; what it was sent is forgotten.
    fn enter(&mut self, session: u64, x: u32, y: u32) {
        self.join(character(session, x, y), session, false);
        self.send(session, Loaded {});
        self.got(session);
    }

    fn walk(&mut self, session: u64, x: u16, y: u16) {
        self.send(session, Walk { to: PackedPosition { x, y, direction: 0 } });
    }

    /// What a client was sent since the last look.
    fn got(&mut self, session: u64) -> Vec<MapToClient> {
        self.packets.remove(&session).unwrap_or_default()
    }

    fn names(&mut self, session: u64) -> Vec<&'static str> {
        self.got(session).iter().map(MapToClient::name).collect()
    }

    fn place(&self, session: u64) -> (String, u32, u32) {
        let update = self.world.full_state().into_iter().find(|update| update.session == session).expect("is here");
        let at = update.at.expect("stands somewhere");
        (at.map, at.x, at.y)
    }

    fn take_others(&mut self) -> Vec<WorldOutput> {
        std::mem::take(&mut self.others)
    }
}

fn decode_all(table: &LengthTable, bytes: &[u8]) -> Vec<MapToClient> {
    let (mut buffer, mut packets) = (BytesMut::from(bytes), Vec::new());
    while let Some(packet) = table.next(&mut buffer).expect("frames by the table") {
        packets.push(MapToClient::decode(&packet).expect("a packet of the list"));
    }
    assert!(buffer.is_empty(), "only whole packets are sent");
    packets
}

fn object(session: u64) -> ObjectId {
    ObjectId(2_000_000 + session as u32)
}
