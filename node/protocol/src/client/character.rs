//! Char-server (`char_clif.cpp`, `packets.hpp`).
//!
//! The client opens with [`Enter`]; the server answers with the account id as four raw bytes ([`greeting`]), then
//! [`Slots`], [`Characters`], [`PageCount`], [`Blocked`] and [`PinState`]. [`Page`] answers each [`PageRequest`].

use bytes::Bytes;

use super::login::CloseReason;
use crate::codes::codes;
use crate::ids::{AccountId, CharacterId};
use crate::layout::CharacterStatus;
use crate::packet::{packets, records};
use crate::{FixedText, Ipv4Be, List, Secret, WireWrite, Writer};

/// `MAX_CHARS`: character slots an account can have, and so the most a server lists.
pub const MAX_CHARACTERS: usize = 15;

/// The server's first answer to [`Enter`]: the account id without packet id (`chclif_parse_reqtoconnect`).
#[must_use]
pub fn greeting(account: AccountId) -> Bytes {
    let mut writer = Writer::default();
    account.write(&mut writer);
    writer.finish()
}

packets! {
    /// What a client sends to the char-server.
    pub enum ClientToChar;

    /// Enters with the session ids of the login-server (`chclif_parse_reqtoconnect`).
    0x0065 [17] Enter {
        account: AccountId,
        login_id1: Secret<u32>,
        login_id2: Secret<u32>,
        unknown: u16,
        sex: u8,
    }

    /// Plays a character (`CH_SELECT_CHAR`).
    0x0066 [3] Select { slot: u8 }

    /// Keeps the connection, every 12 s (`PING`). Not answered.
    0x0187 [6] Ping { account: AccountId }

    /// Asks for a page of the list (`CH_CHARLIST_REQ`).
    0x09a1 [2] PageRequest {}

    /// Makes a character (`CH_MAKE_CHAR`).
    0x0a39 [36] Create {
        name: FixedText<24>,
        slot: u8,
        hair_color: u16,
        hair_style: u16,
        job: u32,
        sex: u8,
    }

    /// Deletes a character at once (`CH_DELETE_CHAR`); `key` is e-mail address or birth date.
    0x01fb [56] Delete { character: CharacterId, key: Secret<FixedText<50>> }

    /// Puts a character in the deletion queue (`CH_DELETE_CHAR3_RESERVED`).
    0x0827 [6] DeleteReserve { character: CharacterId }

    /// Deletes a queued character (`CH_DELETE_CHAR3`); birth date as YYMMDD.
    0x0829 [12] DeleteConfirm { character: CharacterId, birth_date: Secret<[u8; 6]> }

    /// Takes a character out of the deletion queue (`CH_DELETE_CHAR3_CANCEL`).
    0x082b [6] DeleteCancel { character: CharacterId }

    /// Asks whether a new name would do (`CH_REQ_IS_VALID_CHARNAME`).
    0x028d [34] CheckName { account: AccountId, character: CharacterId, name: FixedText<24> }

    /// Renames a character (`CH_REQ_CHANGE_CHARNAME`).
    0x08fc [30] Rename { character: CharacterId, name: FixedText<24> }

    /// Moves a character to another slot (`CH_REQ_CHANGE_CHARACTER_SLOT`).
    0x08d4 [8] MoveSlot { from: u16, to: u16, remaining: u16 }

    /// Chooses a map in place of one that no server has (`CH_SELECT_ACCESSIBLE_MAPNAME`).
    0x0841 [4] SelectMap { slot: u8, map: u8 }

    /// Enters the PIN (`CH_SECOND_PASSWD_ACK`), enciphered with the seed of [`PinState`].
    0x08b8 [10] Pin { account: AccountId, pin: Secret<[u8; 4]> }

    /// Sets the first PIN (`CH_MAKE_SECOND_PASSWD`).
    0x08ba [10] PinSet { account: AccountId, pin: Secret<[u8; 4]> }

    /// Changes the PIN (`CH_EDIT_SECOND_PASSWD`).
    0x08be [14] PinChange { account: AccountId, old_pin: Secret<[u8; 4]>, new_pin: Secret<[u8; 4]> }

    /// Asks for the PIN window (`CH_AVAILABLE_SECOND_PASSWD`).
    0x08c5 [6] PinWindow { account: AccountId }
}

packets! {
    /// What the char-server sends to a client.
    pub enum CharToClient;

    /// How many slots there are (`HC_ACCEPT_ENTER2`).
    0x082d [..] Slots {
        normal: u8,
        premium: u8,
        billing: u8,
        producible: u8,
        valid: u8,
        extension: [u8; 20],
    }

    /// The account's characters (`HC_ACCEPT_ENTER`).
    0x006b [..] Characters {
        total: u8,
        premium_start: u8,
        premium_end: u8,
        extension: [u8; 20],
        characters: List<CharacterInfo>,
    }

    /// How many pages the list has (`HC_CHARLIST_NOTIFY`): three slots each.
    0x09a0 [6] PageCount { total: u32 }

    /// The characters again (`HC_ACK_CHARINFO_PER_PAGE`). After one with exactly three, an empty one has to follow.
    0x0b72 [..] Page { characters: List<CharacterInfo> }

    /// Characters that may not be played (`HC_BLOCK_CHARACTER`).
    0x020d [..] Blocked { characters: List<BlockedCharacter> }

    /// What the PIN window has to do (`HC_SECOND_PASSWD_LOGIN`).
    0x08b9 [12] PinState { seed: u32, account: AccountId, state: PinStep }

    /// The map-server to go to (`HC_NOTIFY_ZONESVR`); the map with `.gat`, the address big-endian, the port not.
    0x0ac5 [156] MapServer {
        character: CharacterId,
        map: FixedText<16>,
        ip: Ipv4Be,
        port: u16,
        domain: FixedText<128>,
    }

    /// No server has the character's map: cities to choose from (`HC_NOTIFY_ACCESSIBLE_MAPNAME`).
    0x0840 [..] Maps { maps: List<AccessibleMap> }

    /// Refuses to enter or to play a character (`HC_REFUSE_ENTER`). rAthena only sends 0.
    0x006c [3] Refused { reason: u8 }

    /// A character was made (`HC_ACCEPT_MAKECHAR`).
    0x0b6f [177] Created { character: CharacterInfo }

    /// No character was made (`HC_REFUSE_MAKECHAR`).
    0x006e [3] CreateRefused { reason: CreateRefusal }

    /// A character was deleted at once (`HC_ACCEPT_DELETECHAR`).
    0x006f [2] Deleted {}

    /// A character was not deleted (`HC_REFUSE_DELETECHAR`).
    0x0070 [3] DeleteRefused { reason: DeleteRefusal }

    /// Answer to [`DeleteReserve`] (`HC_DELETE_CHAR3_RESERVED`); `seconds` until it may be deleted.
    0x0828 [14] DeleteReserved { character: CharacterId, result: ReserveResult, seconds: u32 }

    /// Answer to [`DeleteConfirm`] (`HC_DELETE_CHAR3`).
    0x082a [10] DeleteConfirmed { character: CharacterId, result: ConfirmResult }

    /// Answer to [`DeleteCancel`] (`HC_DELETE_CHAR3_CANCEL`): 1 done, 2 failed.
    0x082c [10] DeleteCancelled { character: CharacterId, result: i32 }

    /// Answer to [`CheckName`] (`HC_ACK_IS_VALID_CHARNAME`): 1 when the name would do.
    0x028e [4] NameChecked { valid: u16 }

    /// Answer to [`Rename`] (`HC_ACK_CHANGE_CHARNAME`): 0 done, else see `chclif_rename_response`.
    0x08fd [6] Renamed { result: u32 }

    /// Answer to [`MoveSlot`] (`HC_ACK_CHANGE_CHARACTER_SLOT`): 0 done, 1 failed.
    0x0b70 [..] SlotMoved { reason: u16, moves: u16 }

    /// Ends the connection (`SC_NOTIFY_BAN`).
    0x0081 [3] Closed { reason: CloseReason }
}

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

    /// A character that may not be played, until a time.
    pub struct BlockedCharacter { character: CharacterId, unblock_time: FixedText<20> }

    /// A city in [`Maps`]: status 0 can be chosen.
    pub struct AccessibleMap { status: i32, map: FixedText<16> }
}

codes! {
    /// What the PIN window has to do (`chclif_pincode_sendstate`).
    pub struct PinStep(u16) {
        /// PINs are off, or it was right.
        PASSED = 0,
        /// Enter it.
        ASK = 1,
        /// Choose one.
        NEW = 2,
        /// It has to be changed.
        EXPIRED = 3,
        /// It is not allowed.
        ILLEGAL = 5,
        /// It was wrong.
        WRONG = 8,
    }

    /// Why no character was made (`chclif_createnewchar_refuse`).
    pub struct CreateRefusal(u8) {
        /// The name is taken.
        NAME_TAKEN = 0,
        /// The player is too young.
        UNDERAGED = 1,
        /// The name has symbols that are not allowed.
        ILLEGAL_NAME = 2,
        /// The slot cannot be used.
        ILLEGAL_SLOT = 3,
        /// Denied, without saying why.
        DENIED = 0xff,
    }

    /// Why a character was not deleted at once (`chclif_refuse_delchar`).
    pub struct DeleteRefusal(u8) {
        /// The e-mail address or birth date is wrong.
        WRONG_KEY = 0,
        /// There is no such character.
        ILLEGAL_SLOT = 1,
        /// It is in a party or guild.
        IN_GROUP = 2,
    }

    /// What became of [`DeleteReserve`] (`chclif_char_delete2_ack`).
    pub struct ReserveResult(i32) {
        /// Already queued, or an unknown error.
        UNKNOWN = 0,
        /// Queued.
        DONE = 1,
        /// No such character, or the database failed.
        DATABASE = 3,
        /// It has to leave its guild first.
        IN_GUILD = 4,
        /// It has to leave its party first.
        IN_PARTY = 5,
    }

    /// What became of [`DeleteConfirm`] (`chclif_char_delete2_accept_ack`).
    pub struct ConfirmResult(i32) {
        /// Deleted.
        DONE = 1,
        /// The server does not allow it.
        FORBIDDEN = 2,
        /// No such character, or the database failed.
        DATABASE = 3,
        /// Not queued, or too early.
        TOO_EARLY = 4,
        /// The birth date is wrong.
        WRONG_BIRTH_DATE = 5,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Packet;

    #[test]
    fn a_captured_character_list_is_read_and_written_the_same() {
        let packet = hex::decode(concat!(
            "6b00ca000f0f0f0000000000000000000000000000000000000000",
            "f2490200",
            "a800000000000000",
            "e8030000",
            "4600000000000000",
            "0a000000",
            "00000000",
            "00000000",
            "00000000",
            "00000000",
            "00000000",
            "0000",
            "ca01000000000000",
            "ca01000000000000",
            "4200000000000000",
            "4200000000000000",
            "9600",
            "0000",
            "0000",
            "0000",
            "0000",
            "3200",
            "0000",
            "0000",
            "0000",
            "0000",
            "0000",
            "0000",
            "0000",
            "426f743030303200000000000000000000000000000000003c3c3c0a3c0a00000100",
            "7072745f66696c6430382e6761740000",
            "00000000",
            "00000000",
            "00000000",
            "00000000",
            "01",
        ))
        .expect("hex");
        let list = Characters::decode(&packet).expect("decodes");
        let character = &list.characters.0[0];
        assert_eq!((character.name.to_text(), character.map.to_text()), ("Bot0002".into(), "prt_fild08.gat".into()));
        assert_eq!((character.base_level, character.job_level, character.hp), (50, 10, 458));
        assert_eq!(list.encode(), packet);
    }
}
