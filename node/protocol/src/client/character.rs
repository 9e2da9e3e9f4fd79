//! Char-server (`char_clif.cpp`, `packets.hpp`).
//!
//! The client opens with [`Enter`]; the server answers with the account id as four raw bytes ([`greeting`]), then
//! [`Slots`], [`Characters`], [`PageCount`], [`Blocked`] and [`PinState`]. [`Page`] answers each [`PageRequest`].

mod info;

pub use info::CharacterInfo;

use bytes::Bytes;

use super::login::CloseReason;
use crate::codes::codes;
use crate::ids::{AccountId, CharacterId};
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
