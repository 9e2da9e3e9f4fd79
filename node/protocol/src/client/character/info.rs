//! A character in the selection screen.

use crate::FixedText;
use crate::ids::CharacterId;
use crate::layout::CharacterStatus;
use crate::packet::records;

records! {
    /// A character as the selection screen shows it (`CHARACTER_INFO`, 175 bytes; `char_mmo_char_tobuf`).
    pub struct CharacterInfo {
        character: CharacterId,
        base_exp: i64,
        zeny: i32,
        job_exp: i64,
        job_level: i32,
        body_state: i32,
        health_state: i32,
        effect_state: i32,
        karma: i32,
        manner: i32,
        status_point: i16,
        hp: i64,
        max_hp: i64,
        sp: i64,
        max_sp: i64,
        /// Milliseconds a cell.
        speed: i16,
        job: i16,
        hair: i16,
        body: i16,
        weapon: i16,
        base_level: i16,
        skill_point: i16,
        head_bottom: i16,
        shield: i16,
        head_top: i16,
        head_mid: i16,
        hair_color: i16,
        clothes_color: i16,
        name: FixedText<24>,
        str: u8,
        agi: u8,
        vit: u8,
        int: u8,
        dex: u8,
        luk: u8,
        slot: u8,
        hair_color_small: u8,
        /// 0 when the character still may be renamed.
        renamed: i16,
        /// With `.gat`.
        map: FixedText<16>,
        /// Seconds until it may be deleted; 0 when not queued.
        delete_seconds: i32,
        robe: i32,
        slot_changes: i32,
        name_changes: i32,
        /// 0 female, 1 male, 99 as the account.
        sex: u8,
    }
}

/// `DEFAULT_WALK_SPEED`: milliseconds a cell.
const WALK_SPEED: i16 = 150;

/// Bits of [`CharacterStatus::option`] that mean riding. The client crashes on a weapon then (`char_mmo_char_tobuf`).
const RIDING: u32 = 0x0ff8_0020;

impl CharacterInfo {
    /// How the selection screen shows `status` at `now` (Unix time, seconds), with moves between slots switched off
    /// (`char_mmo_char_tobuf`).
    #[must_use]
    pub fn of(status: &CharacterStatus, now: i64) -> Self {
        let small = |stat: u16| u8::try_from(stat).unwrap_or(u8::MAX);
        let short = |points: u32| i16::try_from(points).unwrap_or(i16::MAX);
        let capped = |points: i32| i64::from(points.min(i32::from(i16::MAX)));
        let exp = |exp: u64| i64::try_from(exp).unwrap_or(i64::MAX);
        let left = if status.delete_date == 0 { 0 } else { status.delete_date.saturating_sub(now) };
        Self {
            character: status.character,
            base_exp: exp(status.base_exp),
            zeny: status.zeny,
            job_exp: exp(status.job_exp),
            job_level: i32::try_from(status.job_level).unwrap_or(i32::MAX),
            body_state: 0,
            health_state: 0,
            effect_state: status.option.cast_signed(),
            karma: i32::from(status.karma),
            manner: i32::from(status.manner),
            status_point: short(status.status_point),
            hp: i64::from(status.hp),
            max_hp: i64::from(status.max_hp),
            sp: capped(status.sp),
            max_sp: capped(status.max_sp),
            speed: WALK_SPEED,
            job: status.class,
            hair: status.hair,
            body: 0,
            weapon: if status.option & RIDING == 0 { status.weapon } else { 0 },
            base_level: short(status.base_level),
            skill_point: short(status.skill_point),
            head_bottom: status.head_bottom,
            shield: status.shield,
            head_top: status.head_top,
            head_mid: status.head_mid,
            hair_color: status.hair_color,
            clothes_color: status.clothes_color,
            name: FixedText::new(status.name.as_bytes()),
            str: small(status.str),
            agi: small(status.agi),
            vit: small(status.vit),
            int: small(status.int),
            dex: small(status.dex),
            luk: small(status.luk),
            slot: status.slot,
            hair_color_small: u8::try_from(status.hair_color).unwrap_or(u8::MAX),
            renamed: i16::from(status.renames <= 0),
            map: FixedText::new([status.last_point.map.as_bytes(), b".gat"].concat()),
            delete_seconds: i32::try_from(left).unwrap_or(i32::MAX),
            robe: i32::from(status.robe),
            slot_changes: 0,
            name_changes: i32::from(status.renames > 0),
            sex: status.sex,
        }
    }
}
