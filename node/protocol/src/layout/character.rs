//! A character as map-server and char-server hand it to each other (`mmo_charstatus`, mmo.hpp).

use super::{CharacterImage, Plain, descriptor::layout};
use crate::FixedText;
use crate::ids::{AccountId, CharacterId};

/// A cell of a map (`s_point_str`); the map without `.gat`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Point {
    /// The map.
    pub map: FixedText<16>,
    /// Column, from the west.
    pub x: u16,
    /// Row, from the south.
    pub y: u16,
}

impl Plain for Point {
    const SIZE: usize = 20;

    fn load(bytes: &[u8]) -> Self {
        let (map, cell) = bytes.split_at_checked(16).unwrap_or_default();
        let (x, y) = cell.split_at_checked(2).unwrap_or_default();
        Self { map: Plain::load(map), x: Plain::load(x), y: Plain::load(y) }
    }

    fn store(&self, bytes: &mut [u8]) {
        let (map, cell) = bytes.split_at_mut_checked(16).unwrap_or_default();
        let (x, y) = cell.split_at_mut_checked(2).unwrap_or_default();
        self.map.store(map);
        self.x.store(x);
        self.y.store(y);
    }
}

layout! {
    /// The fields of a character, without skills, friends, hotkeys and memo points.
    pub struct CharacterStatus of CharacterImage, "mmo_charstatus";
    fields {
        character, set_character: CharacterId = "char_id" @ 0;
        account, set_account: AccountId = "account_id" @ 4;
        partner, set_partner: CharacterId = "partner_id" @ 8;
        father, set_father: CharacterId = "father" @ 12;
        mother, set_mother: CharacterId = "mother" @ 16;
        child, set_child: CharacterId = "child" @ 20;
        base_exp, set_base_exp: u64 = "base_exp" @ 24;
        job_exp, set_job_exp: u64 = "job_exp" @ 32;
        zeny, set_zeny: i32 = "zeny" @ 40;
        /// Job id.
        class, set_class: i16 = "class_" @ 44;
        status_point, set_status_point: u32 = "status_point" @ 48;
        skill_point, set_skill_point: u32 = "skill_point" @ 52;
        trait_point, set_trait_point: u32 = "trait_point" @ 56;
        hp, set_hp: i32 = "hp" @ 60;
        max_hp, set_max_hp: i32 = "max_hp" @ 64;
        sp, set_sp: i32 = "sp" @ 68;
        max_sp, set_max_sp: i32 = "max_sp" @ 72;
        ap, set_ap: i32 = "ap" @ 76;
        max_ap, set_max_ap: i32 = "max_ap" @ 80;
        /// `enum e_option`: cart, falcon, riding, hidden.
        option, set_option: u32 = "option" @ 84;
        /// Minutes muted when negative.
        manner, set_manner: i16 = "manner" @ 88;
        karma, set_karma: u8 = "karma" @ 90;
        hair, set_hair: i16 = "hair" @ 92;
        hair_color, set_hair_color: i16 = "hair_color" @ 94;
        clothes_color, set_clothes_color: i16 = "clothes_color" @ 96;
        /// The job id its body looks like.
        body, set_body: i16 = "body" @ 98;
        party, set_party: i32 = "party_id" @ 100;
        guild, set_guild: i32 = "guild_id" @ 104;
        pet, set_pet: i32 = "pet_id" @ 108;
        homunculus, set_homunculus: i32 = "hom_id" @ 112;
        mercenary, set_mercenary: i32 = "mer_id" @ 116;
        elemental, set_elemental: i32 = "ele_id" @ 120;
        clan, set_clan: i32 = "clan_id" @ 124;
        fame, set_fame: i32 = "fame" @ 128;
        arch_faith, set_arch_faith: i32 = "arch_faith" @ 132;
        arch_calls, set_arch_calls: i32 = "arch_calls" @ 136;
        spear_faith, set_spear_faith: i32 = "spear_faith" @ 140;
        spear_calls, set_spear_calls: i32 = "spear_calls" @ 144;
        sword_faith, set_sword_faith: i32 = "sword_faith" @ 148;
        sword_calls, set_sword_calls: i32 = "sword_calls" @ 152;
        weapon, set_weapon: i16 = "weapon" @ 156;
        shield, set_shield: i16 = "shield" @ 158;
        head_top, set_head_top: i16 = "head_top" @ 160;
        head_mid, set_head_mid: i16 = "head_mid" @ 162;
        head_bottom, set_head_bottom: i16 = "head_bottom" @ 164;
        robe, set_robe: i16 = "robe" @ 166;
        /// Where it looks.
        body_direction, set_body_direction: u8 = "body_direction" @ 168;
        name, set_name: FixedText<24> = "name" @ 169;
        base_level, set_base_level: u32 = "base_level" @ 196;
        job_level, set_job_level: u32 = "job_level" @ 200;
        str, set_str: u16 = "str" @ 204;
        agi, set_agi: u16 = "agi" @ 206;
        vit, set_vit: u16 = "vit" @ 208;
        int, set_int: u16 = "int_" @ 210;
        dex, set_dex: u16 = "dex" @ 212;
        luk, set_luk: u16 = "luk" @ 214;
        pow, set_pow: u16 = "pow" @ 216;
        sta, set_sta: u16 = "sta" @ 218;
        wis, set_wis: u16 = "wis" @ 220;
        spl, set_spl: u16 = "spl" @ 222;
        con, set_con: u16 = "con" @ 224;
        crt, set_crt: u16 = "crt" @ 226;
        /// Slot in the selection screen.
        slot, set_slot: u8 = "slot" @ 228;
        /// 0 female, 1 male.
        sex, set_sex: u8 = "sex" @ 229;
        /// Not used by either server.
        map_ip, set_map_ip: u32 = "mapip" @ 232;
        map_port, set_map_port: u16 = "mapport" @ 236;
        /// Where it stood last, and enters.
        last_point, set_last_point: Point = "last_point" @ 238;
        /// Instance of the last point; 0 none.
        last_instance, set_last_instance: i32 = "last_point_instanceid" @ 260;
        /// Where it returns to.
        save_point, set_save_point: Point = "save_point" @ 264;
        show_equip, set_show_equip: u8 = "show_equip" @ 8796;
        disable_call, set_disable_call: u8 = "disable_call" @ 8797;
        disable_partyinvite, set_disable_partyinvite: u8 = "disable_partyinvite" @ 8798;
        disable_showcostumes, set_disable_showcostumes: u8 = "disable_showcostumes" @ 8799;
        /// How often it still may be renamed.
        renames, set_renames: i16 = "rename" @ 8800;
        /// Unix time it may be deleted; 0 when not queued.
        delete_date, set_delete_date: i64 = "delete_date" @ 8808;
        /// Unix time its ban ends; 0 when not banned.
        unban_time, set_unban_time: i64 = "unban_time" @ 8816;
        moves, set_moves: u32 = "character_moves" @ 8824;
        font, set_font: u8 = "font" @ 8828;
        cashshop_sent, set_cashshop_sent: u8 = "cashshop_sent" @ 8829;
        unique_items, set_unique_items: u32 = "uniqueitem_counter" @ 8832;
        hotkey_rowshift, set_hotkey_rowshift: u8 = "hotkey_rowshift" @ 8836;
        hotkey_rowshift2, set_hotkey_rowshift2: u8 = "hotkey_rowshift2" @ 8837;
        title, set_title: u64 = "title_id" @ 8840;
        /// Slots of its inventory.
        inventory_slots, set_inventory_slots: u16 = "inventory_slots" @ 8848;
    }
    blocks {
        "memo_point" @ 284 [60];
        "skill" @ 344 [6564];
        "friends" @ 6908 [1280];
        "hotkeys" @ 8188 [608];
    }
}

/// What a new character starts with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewCharacter {
    /// Its account.
    pub account: AccountId,
    /// Its id.
    pub character: CharacterId,
    /// Its name.
    pub name: FixedText<24>,
    /// Its slot in the selection screen.
    pub slot: u8,
    /// 0 female, 1 male.
    pub sex: u8,
    /// Its job.
    pub class: i16,
    /// Hair style.
    pub hair: i16,
    /// Hair colour.
    pub hair_color: i16,
    /// Where it starts, and returns to.
    pub start: Point,
    /// Points to raise its stats with.
    pub status_point: u32,
    /// Money.
    pub zeny: i32,
}

/// `INVENTORY_BASE_SIZE`: slots every inventory has.
pub const INVENTORY_SLOTS: u16 = 100;

impl CharacterImage {
    /// A character of level 1 with all stats 1, as `char_make_new_char` and then `char_mmo_char_fromsql` make it.
    #[must_use]
    pub fn fresh(new: &NewCharacter) -> Self {
        let mut image = Self::zeroed();
        let (hp, sp) = (40 * (100 + 1) / 100, 11 * (100 + 1) / 100);
        let view = CharacterStatus {
            account: new.account,
            character: new.character,
            name: new.name,
            slot: new.slot,
            sex: new.sex,
            class: new.class,
            body: new.class,
            hair: new.hair,
            hair_color: new.hair_color,
            base_level: 1,
            job_level: 1,
            str: 1,
            agi: 1,
            vit: 1,
            int: 1,
            dex: 1,
            luk: 1,
            hp,
            max_hp: hp,
            sp,
            max_sp: sp,
            status_point: new.status_point,
            zeny: new.zeny,
            last_point: new.start,
            save_point: new.start,
            inventory_slots: INVENTORY_SLOTS,
            ..image.view()
        };
        image.update(&view);
        image
    }
}
