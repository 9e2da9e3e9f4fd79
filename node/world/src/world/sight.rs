//! Who sees whom. A player sees everything in a square around it, and is seen from there.

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{Vanish, VanishReason};
use bifrost_protocol::ids::SessionId;
use bytes::{Bytes, BytesMut};

use super::World;
use super::map::MapId;
use crate::Spot;

/// How far things are seen, along both axes (`area_size`, conf/battle/client.conf).
pub const SIGHT_RANGE: u16 = 14;
/// How far one hears what is said (`AREA_CHAT_WOC`: sight less 5, clif.cpp).
pub const CHAT_RANGE: u16 = SIGHT_RANGE - 5;

impl World {
    /// Sends one encoded packet to all who are near a cell.
    pub(super) fn broadcast(&mut self, map: MapId, at: Spot, range: u16, except: Option<SessionId>, bytes: &Bytes) {
        let viewers = self.maps.get(map).players.near(at, range).map(|(viewer, _)| viewer).collect::<Vec<_>>();
        for viewer in viewers.into_iter().filter(|viewer| Some(*viewer) != except) {
            self.send_bytes(viewer, bytes.clone());
        }
    }

    /// Sends a packet about a player to all who see it, and to itself unless `others_only`.
    pub(super) fn show(&mut self, session: SessionId, others_only: bool, packet: &impl Packet) {
        if let Some(player) = self.players.get(&session) {
            let (map, at, except) = (player.map, player.at, others_only.then_some(session));
            self.broadcast(map, at, SIGHT_RANGE, except, &packet.encode());
        }
    }

    /// Puts a player on its map: others see it appear, and it sees what is there.
    pub(super) fn appear(&mut self, session: SessionId) {
        let Some(player) = self.players.get(&session) else { return };
        let (map, at, spawn) = (player.map, player.at, player.sight_or_spawn(self.tick()));
        self.broadcast(map, at, SIGHT_RANGE, None, &spawn);
        let mut seen = BytesMut::new();
        for warp in self.maps.get(map).warps.iter().filter(|warp| warp.at.distance(at) <= SIGHT_RANGE) {
            seen.extend_from_slice(&warp.packet);
        }
        for (other, _) in self.maps.get(map).players.near(at, SIGHT_RANGE) {
            seen.extend_from_slice(&self.sight_packet(other));
        }
        self.maps.get_mut(map).players.insert(session, at);
        self.send_bytes(session, seen.freeze());
    }

    /// Takes a player off its map.
    pub(super) fn vanish(&mut self, session: SessionId, reason: VanishReason) {
        let Some(player) = self.players.get(&session) else { return };
        let (map, at, object) = (player.map, player.at, player.object());
        self.maps.get_mut(map).players.remove(session, at);
        self.broadcast(map, at, SIGHT_RANGE, None, &Vanish { object, reason }.encode());
    }

    /// Moves a player by one step: some lose sight of it and it of them, others come in sight.
    pub(super) fn relocate(&mut self, session: SessionId, to: Spot) {
        let Some(player) = self.players.get_mut(&session) else { return };
        let (map, from, object) = (player.map, player.at, player.object());
        player.at = to;
        self.maps.get_mut(map).players.relocate(session, from, to);
        self.changed.insert(session);

        let (mut lost, mut gained) = (Vec::new(), Vec::new());
        for (other, at) in self.maps.get(map).players.near(to, SIGHT_RANGE + 1).filter(|(other, _)| *other != session) {
            match (at.distance(from) <= SIGHT_RANGE, at.distance(to) <= SIGHT_RANGE) {
                (true, false) => lost.push(other),
                (false, true) => gained.push(other),
                _ => {}
            }
        }
        let mut own = BytesMut::new();
        if !lost.is_empty() {
            let gone = Vanish { object, reason: VanishReason::OUT_OF_SIGHT }.encode();
            for other in lost {
                if let Some(other) = self.players.get(&other) {
                    own.extend_from_slice(
                        &Vanish { object: other.object(), reason: VanishReason::OUT_OF_SIGHT }.encode(),
                    );
                }
                self.send_bytes(other, gone.clone());
            }
        }
        if !gained.is_empty() {
            let arrives = self.sight_packet(session);
            for other in gained {
                own.extend_from_slice(&self.sight_packet(other));
                self.send_bytes(other, arrives.clone());
            }
        }
        self.warps_in_sight(map, from, to, &mut own);
        self.send_bytes(session, own.freeze());
    }

    /// Warps that come in or go out of sight by a step.
    fn warps_in_sight(&self, map: MapId, from: Spot, to: Spot, own: &mut BytesMut) {
        for warp in &self.maps.get(map).warps {
            match (warp.at.distance(from) <= SIGHT_RANGE, warp.at.distance(to) <= SIGHT_RANGE) {
                (true, false) => {
                    let gone = Vanish { object: warp.object, reason: VanishReason::OUT_OF_SIGHT };
                    own.extend_from_slice(&gone.encode());
                }
                (false, true) => own.extend_from_slice(&warp.packet),
                _ => {}
            }
        }
    }

    fn sight_packet(&self, session: SessionId) -> Bytes {
        self.players.get(&session).map(|player| player.sight_packet(self.tick())).unwrap_or_default()
    }
}
