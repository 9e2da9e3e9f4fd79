//! Parties, guilds, mail and log books: the structs that travel inside their packets (mmo.hpp).

use crate::FixedText;
use crate::ids::{AccountId, CharacterId};
use crate::layout::{Few, Item, Padding};
use crate::packet::records;

records! {
    /// A member of a party (`party_member`, 56 bytes).
    #[derive(Copy, Default)]
    pub struct PartyMember {
        account: AccountId,
        character: CharacterId,
        name: FixedText<24>,
        class: u16,
        map: FixedText<16>,
        level: u16,
        /// Bit 0: leads the party, bit 1: is online.
        flags: u8,
        padding: Padding<3>,
    }

    /// A party (`party`, 704 bytes).
    pub struct Party {
        id: i32,
        name: FixedText<24>,
        /// How many members are online.
        count: u8,
        /// Bit 0: experience is shared, bits 1 and 2: items are.
        options: u8,
        padding: Padding<2>,
        members: Few<PartyMember, 12>,
    }

    /// A member of a guild (`guild_member`, 80 bytes).
    #[derive(Copy, Default)]
    pub struct GuildMember {
        account: AccountId,
        character: CharacterId,
        hair: i16,
        hair_color: i16,
        gender: i16,
        class: i16,
        level: i16,
        padding: Padding<6>,
        /// Experience it gave to the guild.
        exp: u64,
        online: i16,
        /// Its rank: an index into the guild's positions. 0 is the master's.
        position: i16,
        name: FixedText<24>,
        padding2: Padding<4>,
        /// A pointer of the map-server that sent it.
        pointer: u64,
        modified: u8,
        padding3: Padding<3>,
        /// Unix time.
        last_login: u32,
    }

    /// A rank of a guild (`guild_position`, 36 bytes).
    #[derive(Copy, Default)]
    pub struct GuildPosition {
        name: FixedText<24>,
        /// `GUILD_PERM_*`: 0x001 may invite, 0x010 may expel, 0x100 may use the storage.
        mode: i32,
        /// Share of its experience that goes to the guild, in percent.
        exp_mode: i32,
        modified: u8,
        padding: Padding<3>,
    }

    /// A guild (`mmo_guild`, 12,072 bytes).
    pub struct Guild {
        id: i32,
        level: i16,
        connected: i16,
        max_members: i16,
        average_level: i16,
        padding: Padding<4>,
        exp: u64,
        next_exp: u64,
        skill_points: i32,
        name: FixedText<24>,
        master: FixedText<24>,
        padding2: Padding<4>,
        members: Few<GuildMember, 76>,
        positions: Few<GuildPosition, 20>,
        notice_subject: FixedText<60>,
        notice: FixedText<120>,
        emblem_len: i32,
        emblem: i32,
        emblem_data: FixedText<2048>,
        /// Alliances, expulsions, skills and when the master changed.
        rest: FixedText<2948>,
    }

    /// A mail (`mail_message`, 1,024 bytes).
    #[derive(Copy, Default)]
    pub struct MailMessage {
        /// 0 when it was not stored.
        id: i32,
        from: CharacterId,
        from_name: FixedText<24>,
        to: CharacterId,
        to_name: FixedText<24>,
        title: FixedText<40>,
        body: FixedText<500>,
        /// 0 from a player, 1 to an account, 2 returned.
        kind: i32,
        padding: Padding<4>,
        /// Unix time it is deleted.
        deletion: i64,
        status: i32,
        padding2: Padding<4>,
        /// Unix time it was sent.
        sent: i64,
        zeny: u32,
        items: Few<Item, 5>,
        padding3: Padding<3>,
    }

    /// A quest in a character's log (`quest`, 24 bytes).
    #[derive(Copy, Default)]
    pub struct Quest {
        id: i32,
        /// Unix time it ends; 0 never.
        time: u32,
        /// What has been killed for each objective.
        counts: Few<i32, 3>,
        /// 0 inactive, 1 active, 2 complete.
        state: u8,
        padding: Padding<3>,
    }

    /// An achievement of a character (`achievement`, 72 bytes).
    #[derive(Copy, Default)]
    pub struct Achievement {
        id: i32,
        counts: Few<i32, 10>,
        padding: Padding<4>,
        /// Unix time; 0 not yet.
        completed: i64,
        /// Unix time; 0 not yet.
        rewarded: i64,
        score: i32,
        padding2: Padding<4>,
    }
}
