//! Warps, respawn, return to character select, and waiting for the coordinator.

use bifrost_protocol::client::map::{Posture, QuitAck, RestartKind, VanishReason};
use bifrost_protocol::ids::{MapPoint, SessionId};
use bytes::BytesMut;

use super::entering::change_map_packet;
use super::limits::MAX_REWARPS;
use super::player::{Stage, Wish};
use super::{World, WorldOutput};
use crate::Spot;

/// The class of novices, who respawn with half their health (`pc_setrestartvalue`).
const NOVICE: i16 = 0;

impl World {
    /// Takes a player who stands on a warp to where it leads (`npc_touch_areanpc`). `false` when there is none.
    pub(super) fn touch(&mut self, session: SessionId) -> bool {
        let Some(player) = self.players.get_mut(&session) else { return false };
        let Some(warp) = self.maps.get(player.map).warp_at(player.at) else { return false };
        if player.posture == Posture::DEAD {
            return false;
        }
        if player.rewarps > MAX_REWARPS {
            player.rewarps = 0;
            return false;
        }
        let to = warp.to.clone();
        self.log(session, "warp");
        self.send_to(session, to);
        true
    }

    /// Sends a player to a cell of this or another world (`pc_setpos`).
    fn send_to(&mut self, session: SessionId, to: MapPoint) {
        self.halt(session);
        let Some(map) = self.maps.id(&to.map) else {
            return self.hold_for(session, Wish::ChangeMap, WorldOutput::ChangeMap { session, to });
        };
        self.vanish(session, VanishReason::OUT_OF_SIGHT);
        let at = self.arrival(map, Spot::new(to.x, to.y));
        let lands_on_warp = self.maps.get(map).warp_at(at).is_some();
        let Some(player) = self.players.get_mut(&session) else { return };
        player.rewarps = if lands_on_warp { player.rewarps.saturating_add(1) } else { 0 };
        player.other_map = player.map != map;
        (player.map, player.at, player.stage) = (map, at, Stage::Loading);
        let packet = change_map_packet(self.maps.get(map), at);
        self.changed.insert(session);
        self.send(session, &packet);
    }

    fn hold_for(&mut self, session: SessionId, wants: Wish, output: WorldOutput) {
        if let Some(player) = self.players.get_mut(&session) {
            player.stage = Stage::Held { wants, visible: player.is_visible() };
            self.outputs.push_back(output);
        }
    }

    /// The coordinator says that a held session stays.
    pub(super) fn stay(&mut self, session: SessionId) {
        let Some(player) = self.players.get_mut(&session) else { return };
        let Stage::Held { wants, visible } = player.stage else { return };
        match wants {
            Wish::Close => return,
            Wish::ChangeMap | Wish::CharacterSelect => {
                player.stage = if visible { Stage::Playing } else { Stage::Loading };
            }
        }
        match wants {
            Wish::CharacterSelect => self.send(session, &QuitAck { result: 1 }),
            Wish::ChangeMap | Wish::Close => self.fix_position(session),
        }
    }

    /// A client asks to respawn or to return to character select (`clif_parse_Restart`).
    pub(super) fn restart(&mut self, session: SessionId, kind: RestartKind) {
        match kind {
            RestartKind::RESPAWN => self.respawn(session),
            RestartKind::CHARACTER_SELECT => {
                self.stop(session);
                self.hold_for(session, Wish::CharacterSelect, WorldOutput::CharacterSelect { session });
            }
            _ => {}
        }
    }

    /// The dead return to their save point with little health (`pc_respawn`, `pc_setrestartvalue`). The living do not.
    fn respawn(&mut self, session: SessionId) {
        let Some(player) = self.players.get_mut(&session) else { return };
        if player.posture != Posture::DEAD {
            return;
        }
        let Some(to) = player.save_point.clone() else { return };
        player.posture = Posture::STANDING;
        player.hp = if player.class == NOVICE { player.max_hp / 2 } else { 1 }.max(1);
        let mut vitals = BytesMut::new();
        player.put_vitals(&mut vitals);
        self.changed.insert(session);
        self.send_bytes(session, vitals.freeze());
        self.log(session, "respawn");
        self.send_to(session, to);
    }

    /// The lease has lapsed: everybody stops where they are.
    pub(super) fn hold(&mut self) {
        self.on_hold = true;
        for session in self.sessions().collect::<Vec<_>>() {
            self.stop(session);
        }
    }

    /// The lease is good again.
    pub(super) fn resume(&mut self) {
        self.on_hold = false;
        let waiting = self.players.values_mut().filter_map(|player| {
            let loaded = std::mem::take(&mut player.loaded_on_hold);
            (loaded && player.stage == Stage::Loading).then_some(player.session)
        });
        for session in waiting.collect::<Vec<_>>() {
            self.loaded(session);
        }
    }
}
