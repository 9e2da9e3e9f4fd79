//! Char-server to map-server: parties, guilds, clans, mail and companions (`inter.cpp`, `int_*.cpp`), as far as their
//! content matters on the way.

use super::{Elemental, Guild, GuildPosition, Homunculus, MailMessage, Mercenary, Party, Pet};
use crate::FixedText;
use crate::ids::{AccountId, CharacterId};
use crate::layout::{Few, Item, Padding};
use crate::packet::packets;

packets! {
    /// What a char-server answers to [`ServiceToChar`](super::ServiceToChar) or tells all map-servers.
    pub enum ServiceToMap;

    /// Answer to 0x2b08 (`chmapif_parse_reqcharname`).
    0x2b09 [30] NameFound { character: CharacterId, name: FixedText<24> }
    /// Two are no longer married (`chmapif_send_ackdivorce`).
    0x2b12 [10] Divorced { one: CharacterId, other: CharacterId }
    /// A child left its parents (`char_divorce_char_sql`, deletion of a character).
    0x2b25 [14] BabyRemoved { father: CharacterId, mother: CharacterId, child: CharacterId }

    /// A whisper for somebody who may be here (`mapif_wis_message`). Answer: 0x3002.
    0x3801 [..] WhisperReceived { id: u32, level: u32, from: FixedText<24>, to: FixedText<24>, text: Vec<u8> }
    /// Answer to 0x3001 (`mapif_wis_reply`): 0 shown, 1 nowhere, 2 ignored, 3 all are ignored.
    0x3802 [27] WhisperResult { from: FixedText<24>, result: u8 }

    /// Answer to 0x3020 (`mapif_party_created`).
    0x3820 [39] PartyCreated {
        account: AccountId, character: CharacterId, failed: u8, party: i32, name: FixedText<24>,
    }
    /// A party (`mapif_party_info`); with 12 bytes there is none.
    0x3821 [..] PartyInfo { character: CharacterId, party: Party }
    /// Answer to 0x3022 (`mapif_party_memberadded`).
    0x3822 [15] PartyAdded { party: i32, account: AccountId, character: CharacterId, failed: u8 }
    /// Somebody has left (`mapif_party_withdraw`).
    0x3824 [39] PartyLeft { party: i32, account: AccountId, character: CharacterId, name: FixedText<24>, kind: u8 }
    /// A party has ended (`mapif_party_broken`).
    0x3826 [7] PartyBroken { party: i32, flag: u8 }
    /// Said to the party (`mapif_party_message`).
    0x3827 [..] PartySaid { party: i32, account: AccountId, text: Vec<u8> }

    /// Answer to 0x3030 (`mapif_guild_created`); guild 0: not founded.
    0x3830 [10] GuildCreated { account: AccountId, guild: i32 }
    /// A guild (`mapif_guild_info`); with 8 bytes there is none.
    0x3831 [..] GuildInfo { guild: Guild }
    /// Answer to 0x3032 (`mapif_guild_memberadded`).
    0x3832 [15] GuildAdded { guild: i32, account: AccountId, character: CharacterId, failed: u8 }
    /// Somebody has left (`mapif_guild_withdraw`).
    0x3834 [79] GuildLeft {
        guild: i32, account: AccountId, character: CharacterId, expelled: u8, reason: FixedText<40>, name: FixedText<24>,
    }
    /// A guild has ended (`mapif_guild_broken`).
    0x3836 [7] GuildBroken { guild: i32, flag: u8 }
    /// Said to the guild (`mapif_guild_message`).
    0x3837 [..] GuildSaid { guild: i32, account: AccountId, text: Vec<u8> }
    /// Something about a member has changed (`mapif_guild_memberinfochanged`).
    0x383a [..] GuildMemberChanged {
        guild: i32, account: AccountId, character: CharacterId, kind: u16, value: Vec<u8>,
    }
    /// A rank has changed (`mapif_guild_position`).
    0x383b [..] GuildRankChanged { guild: i32, index: i32, position: GuildPosition }
    /// Another member is master (`mapif_guild_master_changed`).
    0x3843 [18] GuildMasterChanged { guild: i32, account: AccountId, character: CharacterId, time: u32 }

    /// Answer to 0x3048 (`mapif_Mail_sendinbox`).
    0x3848 [..] MailInbox {
        character: CharacterId, flag: u8, kind: u8, amount: i16, full: u8, padding: Padding<1>, unchecked: i16,
        unread: i16, messages: Few<MailMessage, 30>,
    }
    /// Answer to 0x304a (`mapif_Mail_getattach`).
    0x384a [..] MailTaken { character: CharacterId, mail: i32, zeny: i32, items: Few<Item, 5> }
    /// Answer to 0x304d (`mapif_Mail_send`).
    0x384d [..] MailSent { message: MailMessage }

    /// Answer to 0x3070 and 0x3071 (`mapif_mercenary_send`); not `ok`: the rest means nothing.
    0x3870 [..] MercenaryLoaded { ok: u8, mercenary: Mercenary }
    /// Answer to 0x307c and 0x307d (`mapif_elemental_send`); not `ok`: the rest means nothing.
    0x387c [..] ElementalLoaded { ok: u8, elemental: Elemental }
    /// Answer to 0x3080 for an egg (`mapif_pet_created`); pet 0: not caught.
    0x3880 [12] PetCreated { account: AccountId, class: i16, pet: i32 }
    /// Answer to 0x3081 (`mapif_pet_info`).
    0x3881 [..] PetLoaded { account: AccountId, failed: u8, pet: Pet }
    /// Answer to 0x3090 (`mapif_homunculus_created`).
    0x3890 [..] HomunculusCreated { account: AccountId, ok: u8, homunculus: Homunculus }
    /// Answer to 0x3091 (`mapif_homunculus_loaded`).
    0x3891 [..] HomunculusLoaded { account: AccountId, ok: u8, homunculus: Homunculus }

    /// Said to the clan (`mapif_parse_clan_message`).
    0x38a1 [..] ClanSaid { clan: i32, account: AccountId, text: Vec<u8> }
}
