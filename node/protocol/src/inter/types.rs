//! Records and codes that stand in chrif packets.

use crate::codes::codes;
use crate::ids::{AccountId, CharacterId};
use crate::layout::Padding;
use crate::packet::records;
use crate::{DecodeError, FixedText, Reader, WireRead, WireWrite, Writer};

/// A 16-bit count and that many records, to the end of the packet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counted<T>(pub Vec<T>);

impl<T: WireRead> WireRead for Counted<T> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let count = reader.u16(field)?;
        (0..count).map(|_| T::read(reader, field)).collect::<Result<_, _>>().map(Self)
    }
}

impl<T: WireWrite> WireWrite for Counted<T> {
    fn write(&self, writer: &mut Writer) {
        writer.u16(u16::try_from(self.0.len()).unwrap_or(u16::MAX));
        self.0.iter().for_each(|item| item.write(writer));
    }
}

records! {
    /// A player that is on the map-server.
    pub struct OnlinePlayer { account: AccountId, character: CharacterId }

    /// A status effect (`status_change_data`, 48 bytes); `tick` in milliseconds left, -1 for ever.
    pub struct StatusChange {
        kind: u16,
        padding: Padding<6>,
        val1: i64,
        val2: i64,
        val3: i64,
        val4: i64,
        tick: i64,
    }

    /// A skill that cannot be used yet (`s_skill_cooldown_data`, 16 bytes); `tick` in milliseconds left.
    #[derive(Copy, Default)]
    pub struct SkillCooldown { skill: u16, padding: Padding<6>, tick: i64 }

    /// A script that changes a character's status for a time (`bonus_script_data`, 528 bytes).
    pub struct BonusScript {
        script: FixedText<512>,
        tick: i64,
        flag: u16,
        icon: i16,
        kind: u8,
        padding: Padding<3>,
    }

    /// A place in the ranking (`fame_list`, 32 bytes).
    pub struct FameEntry { character: CharacterId, fame: u32, name: FixedText<24> }

    /// A storage that characters can have (`s_storage_table`, 284 bytes).
    pub struct StorageTable { name: FixedText<24>, table: FixedText<256>, max_items: u16, id: u8, padding: Padding<1> }
}

codes! {
    /// How a char-server answers a map-server's login. All but [`ACCEPTED`](Self::ACCEPTED) make a stock map-server exit.
    pub struct LoginResult(u8) {
        /// Accepted.
        ACCEPTED = 0,
        /// Wrong name or password, or no room.
        REFUSED = 3,
    }

    /// Why a player has to be disconnected (`chrif_disconnectplayer`).
    pub struct KickReason(u8) {
        /// The server closes.
        SERVER_CLOSED = 1,
        /// Somebody else logged in to the account.
        OTHER_LOGIN = 2,
        /// The server is full.
        OVERPOPULATED = 3,
        /// Paid time is over.
        OUT_OF_TIME = 4,
        /// A game master wants it.
        GAME_MASTER = 5,
    }

    /// What a storage packet carries (`enum storage_type`: `TABLE_*`).
    pub struct StorageKind(u8) {
        /// What the character carries: up to 200 items.
        INVENTORY = 1,
        /// Its cart: up to 100 items.
        CART = 2,
        /// The account's storage: up to 600 items.
        STORAGE = 3,
    }

    /// What ended a player's account or character (`chrif_ban`).
    pub struct BanKind(u8) {
        /// The account's status changed.
        STATUS = 0,
        /// The account is banned.
        ACCOUNT = 1,
        /// The character is banned.
        CHARACTER = 2,
    }
}
