//! How things on a map are shown to clients (`clif_set_unit_idle`, `clif_spawn_unit`, `clif_set_unit_walking`, clif.cpp).

use bifrost_protocol::client::map::{
    PackedMove, PackedPosition, Posture, UnitBody, UnitIdle, UnitKind, UnitRobe, UnitSpawn, UnitTail, UnitWalking,
};
use bifrost_protocol::ids::{CharacterId, ObjectId};
use bifrost_protocol::{FixedText, Packet};
use bytes::Bytes;

use super::player::{Player, WALK_SPEED};
use crate::Spot;

/// The sprite of a warp (`JT_WARPNPC`).
const WARP_SPRITE: i16 = 45;
/// What rAthena states as the speed of NPCs (`DEFAULT_NPC_WALK_SPEED`).
const NPC_SPEED: i16 = 200;
/// Health that is not shown.
const HIDDEN: i32 = -1;

fn tail(level: u16, body: u16, name: FixedText<24>) -> UnitTail {
    UnitTail { level, font: 0, max_hp: HIDDEN, hp: HIDDEN, boss: 0, body, name }
}

/// A warp portal.
pub(super) fn warp(object: ObjectId, at: Spot, name: FixedText<24>) -> Bytes {
    let body = UnitBody {
        kind: UnitKind::NPC,
        object,
        character: CharacterId(0),
        speed: NPC_SPEED,
        body_state: 0,
        health_state: 0,
        effect_state: 0,
        job: WARP_SPRITE,
        hair: 0,
        weapon: 0,
        shield: 0,
        head_bottom: 0,
    };
    let robe = UnitRobe {
        head_top: 0,
        head_mid: 0,
        hair_color: 0,
        clothes_color: 0,
        head_direction: 0,
        robe: 0,
        guild: 0,
        emblem: 0,
        manner: 0,
        virtue: 0,
        pk_mode: 0,
        sex: 0,
    };
    let at = PackedPosition { x: at.x, y: at.y, direction: 0 };
    UnitIdle { body, robe, at, size: [0; 2], posture: Posture::STANDING, tail: tail(0, 0, name) }.encode()
}

impl Player {
    fn unit_body(&self) -> UnitBody {
        let looks = &self.looks;
        UnitBody {
            kind: UnitKind::PLAYER,
            object: self.object(),
            character: self.character,
            speed: WALK_SPEED,
            body_state: 0,
            health_state: 0,
            effect_state: 0,
            job: self.class,
            hair: short(looks.hair),
            weapon: looks.weapon,
            shield: looks.shield,
            head_bottom: short(looks.head_bottom),
        }
    }

    fn unit_robe(&self) -> UnitRobe {
        let looks = &self.looks;
        UnitRobe {
            head_top: short(looks.head_top),
            head_mid: short(looks.head_mid),
            hair_color: short(looks.hair_color),
            clothes_color: short(looks.clothes_color),
            head_direction: self.head,
            robe: short(looks.robe),
            guild: 0,
            emblem: 0,
            manner: 0,
            virtue: 0,
            pk_mode: 0,
            sex: self.sex,
        }
    }

    fn unit_tail(&self) -> UnitTail {
        tail(self.base_level, short(self.looks.body), self.name)
    }

    /// Where the player stands and looks to.
    pub(super) fn packed_position(&self) -> PackedPosition {
        PackedPosition { x: self.at.x, y: self.at.y, direction: self.body.number() }
    }

    /// For those who see the player appear.
    pub(super) fn spawn_packet(&self) -> Bytes {
        let (body, robe, at) = (self.unit_body(), self.unit_robe(), self.packed_position());
        UnitSpawn { body, robe, at, size: [5; 2], tail: self.unit_tail() }.encode()
    }

    /// For those in whose sight the player stands or walks.
    pub(super) fn sight_packet(&self, tick: u32) -> Bytes {
        if let Some(walk) = &self.walk {
            return self.walking_packet(walk.to, tick);
        }
        let (body, robe, at) = (self.unit_body(), self.unit_robe(), self.packed_position());
        UnitIdle { body, robe, at, size: [5; 2], posture: self.posture, tail: self.unit_tail() }.encode()
    }

    /// For those in whose sight the player starts to walk.
    pub(super) fn walking_packet(&self, to: Spot, tick: u32) -> Bytes {
        let body = self.unit_body();
        let walking = UnitWalking {
            kind: body.kind,
            object: body.object,
            character: body.character,
            speed: body.speed,
            body_state: body.body_state,
            health_state: body.health_state,
            effect_state: body.effect_state,
            job: body.job,
            hair: body.hair,
            weapon: body.weapon,
            shield: body.shield,
            head_bottom: body.head_bottom,
            start_time: tick,
            robe: self.unit_robe(),
            path: PackedMove::new((self.at.x, self.at.y), (to.x, to.y)),
            size: [5; 2],
            tail: self.unit_tail(),
        };
        walking.encode()
    }
}

fn short(value: u32) -> u16 {
    u16::try_from(value).unwrap_or(0)
}
