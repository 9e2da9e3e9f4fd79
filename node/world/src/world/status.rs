//! The numbers in the status window (`status_calc_misc`, status.cpp, before renewal): what a character is by its stats
//! alone. Equipment and skills do not count here, because nothing is fought on an embedded engine.

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{AttackRange, LongStatus, Stat, Status, StatusKind, StatusWindow};
use bytes::BytesMut;

use super::player::Player;

/// Experience of the next level, as a stock server states it for characters that cannot rise.
const NO_NEXT_LEVEL: i64 = 999_999_999;
/// Attack motion of bare hands before agility and dexterity, in milliseconds.
const BASE_ATTACK_MOTION: i32 = 500;
/// Tenths a character without strength can carry.
const BASE_MAX_WEIGHT: i32 = 20_000;
/// Tenths a point of strength adds.
const WEIGHT_PER_STRENGTH: i32 = 300;

/// str, agi, vit, int, dex, luk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stats([i32; 6]);

impl Stats {
    /// The largest value of a stat (`max_parameter` times a good deal): keeps the formulas from overflowing.
    const MAX: i32 = 999;

    pub(super) fn new(stats: &[u32]) -> Self {
        let mut all = [1; 6];
        for (slot, stat) in all.iter_mut().zip(stats) {
            *slot = i32::try_from(*stat).unwrap_or(Self::MAX).clamp(0, Self::MAX);
        }
        Self(all)
    }

    /// What it costs to raise a stat by one (`pc_need_status_point`, before renewal).
    fn cost(stat: i32) -> u8 {
        u8::try_from(1 + (stat + 9) / 10).unwrap_or(u8::MAX)
    }

    fn pair(stat: i32) -> [u8; 2] {
        [u8::try_from(stat).unwrap_or(u8::MAX), Self::cost(stat)]
    }
}

fn put(out: &mut BytesMut, packet: &impl Packet) {
    out.extend_from_slice(&packet.encode());
}

impl Player {
    fn status(out: &mut BytesMut, status: StatusKind, value: i32) {
        put(out, &Status { status, value });
    }

    /// The six stats.
    pub(super) fn put_stats(&self, out: &mut BytesMut) {
        for (status, base) in (u32::from(StatusKind::STRENGTH.0)..).zip(self.stats.0) {
            put(out, &Stat { status, base, bonus: 0 });
        }
    }

    pub(super) fn put_max_weight(&self, out: &mut BytesMut) {
        let [strength, ..] = self.stats.0;
        Self::status(out, StatusKind::MAX_WEIGHT, BASE_MAX_WEIGHT + strength * WEIGHT_PER_STRENGTH);
    }

    /// Nothing is carried here: items stay with the char-server.
    pub(super) fn put_weight(out: &mut BytesMut) {
        Self::status(out, StatusKind::WEIGHT, 0);
    }

    /// Everything `status_calc_pc` sends a client that has just connected, in its order.
    pub(super) fn put_first_status(&self, out: &mut BytesMut) {
        let window = self.status_window();
        self.put_max_weight(out);
        self.put_stats(out);
        for (status, value) in [
            (StatusKind::HIT, window.hit),
            (StatusKind::FLEE, window.flee),
            (StatusKind::ATTACK_MOTION, window.attack_motion),
            (StatusKind::ATTACK, window.attack),
            (StatusKind::DEFENSE, window.defense),
            (StatusKind::PERFECT_DODGE, window.perfect_dodge),
            (StatusKind::CRITICAL, window.critical),
            (StatusKind::MAX_MAGIC_ATTACK, window.max_magic_attack),
            (StatusKind::MIN_MAGIC_ATTACK, window.min_magic_attack),
            (StatusKind::MAGIC_DEFENSE, window.magic_defense),
        ] {
            Self::status(out, status, value.into());
        }
        put(out, &AttackRange { cells: 1 });
        Self::status(out, StatusKind::MAX_HP, self.max_hp);
        Self::status(out, StatusKind::MAX_SP, self.max_sp);
        self.put_vitals(out);
        Self::put_weight(out);
    }

    /// Health and spirit. Clients do not take a health of 0 for themselves (`clif_updatestatus`).
    pub(super) fn put_vitals(&self, out: &mut BytesMut) {
        Self::status(out, StatusKind::HP, self.hp.max(1));
        Self::status(out, StatusKind::SP, self.sp);
    }

    /// Experience and the status window, which follow when the first map is loaded.
    pub(super) fn put_window(&self, out: &mut BytesMut) {
        let wide = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (status, value) in [
            (StatusKind::BASE_EXP, wide(self.base_exp)),
            (StatusKind::NEXT_BASE_EXP, NO_NEXT_LEVEL),
            (StatusKind::JOB_EXP, wide(self.job_exp)),
            (StatusKind::NEXT_JOB_EXP, NO_NEXT_LEVEL),
        ] {
            put(out, &LongStatus { status, value });
        }
        Self::status(out, StatusKind::SKILL_POINT, i32::try_from(self.skill_point).unwrap_or(i32::MAX));
        let window = self.status_window();
        put(out, &window);
        self.put_stats(out);
        put(out, &AttackRange { cells: 1 });
        Self::status(out, StatusKind::ATTACK_MOTION, window.attack_motion.into());
    }

    fn status_window(&self) -> StatusWindow {
        let [strength, agility, vitality, intelligence, dexterity, luck] = self.stats.0;
        let level = i32::from(self.base_level);
        let short = |value: i32| i16::try_from(value).unwrap_or(i16::MAX);
        let square = |value: i32| value * value;
        StatusWindow {
            points: u16::try_from(self.status_point).unwrap_or(u16::MAX),
            strength: Stats::pair(strength),
            agility: Stats::pair(agility),
            vitality: Stats::pair(vitality),
            intelligence: Stats::pair(intelligence),
            dexterity: Stats::pair(dexterity),
            luck: Stats::pair(luck),
            attack: short(strength + square(strength / 10) + dexterity / 5 + luck / 5),
            refine: 0,
            max_magic_attack: short(intelligence + square(intelligence / 5)),
            min_magic_attack: short(intelligence + square(intelligence / 7)),
            item_defense: 0,
            defense: short(vitality),
            item_magic_defense: 0,
            magic_defense: short(intelligence),
            hit: short(level + dexterity),
            flee: short(level + agility),
            perfect_dodge: short((luck + 10) / 10),
            critical: short((10 + luck * 10 / 3) / 10),
            attack_motion: short((BASE_ATTACK_MOTION - BASE_ATTACK_MOTION * (4 * agility + dexterity) / 1_000).max(95)),
            attack_speed_bonus: 0,
        }
    }
}
