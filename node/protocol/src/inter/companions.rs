//! Pets, homunculi, mercenaries and elementals: the structs that travel inside their packets (mmo.hpp).

use super::SkillCooldown;
use crate::FixedText;
use crate::ids::{AccountId, CharacterId};
use crate::layout::{Few, Padding};
use crate::packet::records;

records! {
    /// A pet (`s_pet`, 56 bytes).
    #[derive(Copy, Default)]
    pub struct Pet {
        /// 0 while it is an egg.
        account: AccountId,
        /// 0 while it is an egg.
        character: CharacterId,
        id: i32,
        class: i16,
        level: i16,
        egg: u32,
        equip: u32,
        intimate: i16,
        hungry: i16,
        name: FixedText<24>,
        renamed: u8,
        /// 1 while it is an egg.
        incubate: u8,
        autofeed: u8,
        padding: Padding<1>,
    }

    /// A skill of a homunculus (`s_skill`, 4 bytes).
    #[derive(Copy, Default)]
    pub struct CompanionSkill { id: u16, level: u8, flag: u8 }

    /// A homunculus (`s_homunculus`, 688 bytes).
    #[derive(Copy, Default)]
    pub struct Homunculus {
        name: FixedText<24>,
        id: i32,
        character: CharacterId,
        class: i16,
        former_class: i16,
        hp: i32,
        max_hp: i32,
        sp: i32,
        max_sp: i32,
        intimacy: u32,
        hunger: i16,
        skills: Few<CompanionSkill, 59>,
        padding: Padding<2>,
        cooldowns: Few<SkillCooldown, 20>,
        skill_points: i16,
        level: i16,
        padding2: Padding<4>,
        exp: u64,
        renamed: i16,
        vaporized: i16,
        /// Strength to luck.
        stats: Few<i32, 6>,
        /// The same, in tenths.
        values: Few<i32, 6>,
        spirit_balls: u8,
        autofeed: u8,
        padding3: Padding<2>,
    }

    /// A mercenary (`s_mercenary`, 352 bytes).
    #[derive(Copy, Default)]
    pub struct Mercenary {
        id: i32,
        character: CharacterId,
        class: i16,
        padding: Padding<2>,
        hp: i32,
        sp: i32,
        kills: i32,
        /// Milliseconds its contract still lasts.
        life_time: i64,
        cooldowns: Few<SkillCooldown, 20>,
    }

    /// An elemental (`s_elemental`, 64 bytes).
    #[derive(Copy, Default)]
    pub struct Elemental {
        id: i32,
        character: CharacterId,
        class: i16,
        padding: Padding<2>,
        mode: i32,
        hp: i32,
        sp: i32,
        max_hp: i32,
        max_sp: i32,
        matk: i32,
        atk: i32,
        atk2: i32,
        hit: i16,
        flee: i16,
        amotion: i16,
        def: i16,
        mdef: i16,
        padding2: Padding<2>,
        /// Milliseconds it still stays.
        life_time: i64,
    }
}
