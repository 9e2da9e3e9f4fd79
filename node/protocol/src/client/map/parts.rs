//! Records and codes of the packets to the client.

use crate::FixedText;
use crate::codes::codes;
use crate::ids::{CharacterId, ObjectId};
use crate::packet::records;

records! {
    /// The first part of [`UnitIdle`](super::UnitIdle) and [`UnitSpawn`](super::UnitSpawn).
    pub struct UnitBody {
        kind: UnitKind,
        /// A player's is the account id.
        object: ObjectId,
        /// 0 for all but players.
        character: CharacterId,
        /// Milliseconds a cell.
        speed: i16,
        body_state: u16,
        health_state: u16,
        effect_state: u32,
        job: i16,
        hair: u16,
        weapon: u32,
        shield: u32,
        head_bottom: u16,
    }

    /// The middle of every unit packet.
    pub struct UnitRobe {
        head_top: u16,
        head_mid: u16,
        hair_color: u16,
        clothes_color: u16,
        /// 0 ahead, 1 right, 2 left.
        head_direction: u16,
        robe: u16,
        guild: u32,
        emblem: u16,
        manner: u16,
        virtue: u32,
        pk_mode: u8,
        /// 0 female, 1 male.
        sex: u8,
    }

    /// The end of every unit packet.
    pub struct UnitTail {
        level: u16,
        font: u16,
        /// -1: not shown.
        max_hp: i32,
        /// -1: not shown.
        hp: i32,
        boss: u8,
        body: u16,
        name: FixedText<24>,
    }

    /// A skill in [`Skills`](super::Skills).
    pub struct Skill {
        id: u16,
        /// How it is used; 0 passive.
        kind: u32,
        level: u16,
        sp: u16,
        range: u16,
        can_rise: u8,
        level2: u16,
    }
}

codes! {
    /// What an object is (`clif_bl_type`).
    pub struct UnitKind(u8) {
        /// Player.
        PLAYER = 0,
        /// Monster.
        MONSTER = 5,
        /// NPC, and so a warp.
        NPC = 6,
    }

    /// How an idle unit is seen (`view_data::dead_sit`).
    pub struct Posture(u8) {
        /// It stands.
        STANDING = 0,
        /// It lies dead.
        DEAD = 1,
        /// It sits.
        SITTING = 2,
    }

    /// Why an object vanishes (`clr_type`).
    pub struct VanishReason(u8) {
        /// It left the field of view.
        OUT_OF_SIGHT = 0,
        /// It died.
        DEAD = 1,
        /// It logged out.
        LOGGED_OUT = 2,
        /// It teleported.
        TELEPORTED = 3,
    }

    /// What a unit does in [`UnitAct`](super::UnitAct) (`e_damage_type`).
    pub struct ActKind(u8) {
        /// A hit.
        HIT = 0,
        /// Picking something up.
        PICK_UP = 1,
        /// Sitting down.
        SIT = 2,
        /// Standing up.
        STAND = 3,
    }

    /// What became of a whisper (`e_ack_whisper`).
    pub struct WhisperResult(u8) {
        /// Told.
        SUCCESS = 0,
        /// No such player in game.
        OFFLINE = 1,
        /// The player ignores you.
        IGNORED = 2,
        /// The player ignores everybody.
        ALL_IGNORED = 3,
    }

    /// A number of a character's status (`_sp` in map.hpp).
    pub struct StatusKind(u16) {
        /// Milliseconds a cell.
        SPEED = 0,
        /// Base experience.
        BASE_EXP = 1,
        /// Job experience.
        JOB_EXP = 2,
        /// Health.
        HP = 5,
        /// Full health.
        MAX_HP = 6,
        /// Spirit.
        SP = 7,
        /// Full spirit.
        MAX_SP = 8,
        /// Points to spend on stats.
        STATUS_POINT = 9,
        /// Base level.
        BASE_LEVEL = 11,
        /// Points to spend on skills.
        SKILL_POINT = 12,
        /// Strength. The other five stats follow in order.
        STRENGTH = 13,
        /// Money.
        ZENY = 20,
        /// Base experience of the next level.
        NEXT_BASE_EXP = 22,
        /// Job experience of the next level.
        NEXT_JOB_EXP = 23,
        /// Tenths carried.
        WEIGHT = 24,
        /// Tenths that can be carried.
        MAX_WEIGHT = 25,
        /// Attack of the character itself.
        ATTACK = 41,
        /// Largest magic attack.
        MAX_MAGIC_ATTACK = 43,
        /// Least magic attack.
        MIN_MAGIC_ATTACK = 44,
        /// Defence of the character itself.
        DEFENSE = 46,
        /// Magic defence of the character itself.
        MAGIC_DEFENSE = 48,
        /// Hit.
        HIT = 49,
        /// Flee.
        FLEE = 50,
        /// Perfect dodge.
        PERFECT_DODGE = 51,
        /// Critical.
        CRITICAL = 52,
        /// Attack motion in milliseconds.
        ATTACK_MOTION = 53,
        /// Job level.
        JOB_LEVEL = 55,
    }

    /// What became of a request to trade (`e_ack_trade_response`).
    pub struct TradeResult(u8) {
        /// Too far away.
        TOO_FAR = 0,
        /// No such player.
        NOBODY = 1,
        /// It does not work.
        FAILED = 2,
        /// Accepted.
        ACCEPTED = 3,
        /// Refused.
        REFUSED = 4,
        /// Somebody is busy.
        BUSY = 5,
    }
}
