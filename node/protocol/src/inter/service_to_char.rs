//! Map-server to char-server: what players want of parties, guilds, clans, mail, log books and companions (`intif.cpp`),
//! and the rest of `chrif.cpp`.

use super::{
    Achievement, Elemental, GuildMember, GuildPosition, Homunculus, MailMessage, Mercenary, PartyMember, Pet, Quest,
};
use crate::ids::{AccountId, CharacterId};
use crate::layout::{Padding, StorageImage};
use crate::packet::packets;
use crate::{FixedText, List};

packets! {
    /// What a map-server asks a char-server on behalf of players. Texts end with their NUL.
    pub enum ServiceToChar;

    /// Takes `friend` out of the list of `list`, which is somebody else's (`chrif_removefriend`).
    0x2b07 [10] FriendRemove { list: CharacterId, friend: CharacterId }
    /// Asks for a character's name (`chrif_searchcharid`). Answer: 0x2b09.
    0x2b08 [6] NameRequest { character: CharacterId }
    /// Fame of a character in the ranking `kind` (`chrif_updatefamelist`).
    0x2b10 [11] FameUpdate { character: CharacterId, fame: i32, kind: u8 }
    /// Ends a marriage (`chrif_divorce`). Answer to all: 0x2b12.
    0x2b11 [10] Divorce { one: CharacterId, other: CharacterId }

    /// A whisper to a character elsewhere (`intif_wis_message`). Answer: 0x3802.
    0x3001 [..] WhisperSend { level: u32, from: FixedText<24>, to: FixedText<24>, text: Vec<u8> }
    /// What became of the whisper 0x3801 (`intif_wis_reply`): 0 shown, 1 not here, 2 ignored, 3 all are ignored.
    0x3002 [7] WhisperAnswer { id: u32, result: u8 }
    /// Tells all game masters with a permission (`intif_wis_message_to_gm`).
    0x3003 [..] MastersTell { from: FixedText<24>, permission: u32, text: Vec<u8> }
    /// Whether a pet (1) or homunculus (2) may have the name (`intif_rename`). Answer: 0x3806.
    0x3006 [36] NameCheck { account: AccountId, character: CharacterId, kind: u8, name: FixedText<24>, padding: Padding<1> }
    /// Somebody got something special (`intif_broadcast_obtain_special_item`); from an NPC (2) with a second name of 24 bytes.
    0x3009 [..] ItemAnnounce { item: u32, source: u16, kind: u8, name: FixedText<24>, npc: Vec<u8> }

    /// Asks for a guild's storage (`intif_request_guild_storage`). Answer: 0x3818.
    0x3018 [10] GuildStorageRequest { account: AccountId, guild: i32 }
    /// A guild's storage to be saved (`intif_send_guild_storage`). Answer: 0x3819.
    0x3019 [..] GuildStorageSave { account: AccountId, guild: i32, image: StorageImage }

    /// Founds a party (`intif_create_party`). Answer: 0x3820.
    0x3020 [..] PartyCreate { name: FixedText<24>, item: u8, item2: u8, leader: PartyMember }
    /// Asks for a party (`intif_request_partyinfo`). Answer: 0x3821.
    0x3021 [10] PartyRequest { party: i32, character: CharacterId }
    /// Somebody accepted an invitation (`intif_party_addmember`). Answer: 0x3822.
    0x3022 [..] PartyAdd { party: i32, member: PartyMember }
    /// How the party shares (`intif_party_changeoption`). Answer: 0x3823.
    0x3023 [14] PartyOptions { party: i32, account: AccountId, exp: i16, item: i16 }
    /// Somebody leaves (0) or is expelled (1) (`intif_party_leave`). Answer to all: 0x3824.
    0x3024 [39] PartyLeave { party: i32, account: AccountId, character: CharacterId, name: FixedText<24>, kind: u8 }
    /// A member is online, on a map, of a level (`intif_party_changemap`). To all when it changed: 0x3825.
    0x3025 [33] PartyMove {
        party: i32, account: AccountId, character: CharacterId, online: u8, level: u16, map: FixedText<16>,
    }
    /// Ends a party (`intif_break_party`). Answer to all: 0x3826.
    0x3026 [6] PartyBreak { party: i32 }
    /// Says something to the party (`intif_party_message`). To the others: 0x3827.
    0x3027 [..] PartySay { party: i32, account: AccountId, text: Vec<u8> }
    /// Another member leads (`intif_party_leaderchange`). There is no answer.
    0x3029 [14] PartyLead { party: i32, account: AccountId, character: CharacterId }

    /// Founds a guild (`intif_guild_create`). Answer: 0x3830.
    0x3030 [..] GuildCreate { account: AccountId, name: FixedText<24>, master: GuildMember }
    /// Asks for a guild (`intif_guild_request_info`). Answer: 0x3831.
    0x3031 [6] GuildRequest { guild: i32 }
    /// Somebody accepted an invitation (`intif_guild_addmember`). Answer: 0x3832.
    0x3032 [..] GuildAdd { guild: i32, member: GuildMember }
    /// Another member becomes master (`intif_guild_change_gm`). Answer to all: 0x3843.
    0x3033 [..] GuildHandOver { guild: i32, name: Vec<u8> }
    /// Somebody leaves (0) or is expelled (1) (`intif_guild_leave`). Answer to all: 0x3834.
    0x3034 [55] GuildLeave {
        guild: i32, account: AccountId, character: CharacterId, expelled: u8, reason: FixedText<40>,
    }
    /// A member is online, of a level and class (`intif_guild_memberinfoshort`). To all: 0x3835.
    0x3035 [19] GuildSeen {
        guild: i32, account: AccountId, character: CharacterId, online: u8, level: i16, class: i16,
    }
    /// Ends a guild (`intif_guild_break`). Answer to all: 0x3836.
    0x3036 [6] GuildBreak { guild: i32 }
    /// Says something to the guild (`intif_guild_message`). To the others: 0x3837.
    0x3037 [..] GuildSay { guild: i32, account: AccountId, text: Vec<u8> }
    /// Something about a member changes: `GMI_*` and its value (`intif_guild_change_memberinfo`). To all: 0x383a.
    0x303a [..] GuildMemberChange {
        guild: i32, account: AccountId, character: CharacterId, kind: u16, value: Vec<u8>,
    }
    /// A rank changes (`intif_guild_position`). To all: 0x383b.
    0x303b [..] GuildRank { guild: i32, index: i32, position: GuildPosition }
    /// A skill of the guild grows (`intif_guild_skillup`). To all: 0x383c.
    0x303c [18] GuildSkillUp { guild: i32, skill: i32, account: AccountId, max: i32 }
    /// Two guilds become (bit 3: are no longer) allies (0) or enemies (1) (`intif_guild_alliance`). To all: 0x383d.
    0x303d [19] GuildAlly { guild: i32, other: i32, account: AccountId, other_account: AccountId, kind: u8 }
    /// The guild's notice (`intif_guild_notice`). To all: 0x383e.
    0x303e [186] GuildNotice { guild: i32, subject: FixedText<60>, text: FixedText<120> }
    /// The guild's emblem (`intif_guild_emblem`). To all: 0x383f.
    0x303f [..] GuildEmblem { guild: i32, zero: u32, data: Vec<u8> }
    /// The guild's emblem at the web server (`intif_guild_emblem_version`). To all: 0x3841.
    0x3042 [10] GuildEmblemVersion { guild: i32, version: i32 }

    /// Asks for a character's mail (`intif_Mail_requestinbox`). Answer: 0x3848.
    0x3048 [8] MailRequest { character: CharacterId, flag: u8, kind: u8 }
    /// A mail was read (`intif_Mail_read`).
    0x3049 [6] MailRead { mail: i32 }
    /// Takes zeny (1), items (2) or both out of a mail (`intif_mail_getattach`). Answer: 0x384a.
    0x304a [11] MailTake { character: CharacterId, mail: i32, what: u8 }
    /// Deletes a mail, whoever's it is (`intif_Mail_delete`). Answer: 0x384b.
    0x304b [10] MailDelete { character: CharacterId, mail: i32 }
    /// Sends a mail back (`intif_Mail_return`). Answer: 0x384c.
    0x304c [10] MailReturn { character: CharacterId, mail: i32 }
    /// Sends a mail (`intif_Mail_send`). Answer: 0x384d, and 0x3849 to all.
    0x304d [..] MailSend { account: AccountId, message: MailMessage }
    /// Who a name is (`intif_mail_checkreceiver`). Answer: 0x384e.
    0x304e [30] MailReceiver { character: CharacterId, name: FixedText<24> }

    /// Moves guild-bound items of somebody expelled to the guild's storage (`intif_itembound_guild_retrieve`).
    0x3056 [12] BoundItems { character: CharacterId, account: AccountId, guild: u16 }

    /// Asks for quests (`intif_request_questlog`). Answer: 0x3860.
    0x3060 [6] QuestsRequest { character: CharacterId }
    /// Quests to be saved (`intif_quest_save`). Answer: 0x3861.
    0x3061 [..] QuestsSave { character: CharacterId, quests: List<Quest> }
    /// Asks for achievements (`intif_request_achievements`). Answer: 0x3862.
    0x3062 [6] AchievementsRequest { character: CharacterId }
    /// Achievements to be saved (`intif_achievement_save`). Answer: 0x3863.
    0x3063 [..] AchievementsSave { character: CharacterId, achievements: List<Achievement> }
    /// Claims an achievement's reward, which the map-server names (`intif_achievement_reward`). Answer: 0x3864.
    0x3064 [90] AchievementReward {
        character: CharacterId, achievement: i32, item: u32, amount: u16, name: FixedText<24>, title: FixedText<50>,
    }

    /// Hires a mercenary (`intif_mercenary_create`). Answer: 0x3870.
    0x3070 [..] MercenaryCreate { mercenary: Mercenary }
    /// Asks for a mercenary (`intif_mercenary_request`). Answer: 0x3870.
    0x3071 [10] MercenaryRequest { mercenary: i32, character: CharacterId }
    /// Ends a mercenary's contract (`intif_mercenary_delete`).
    0x3072 [6] MercenaryDelete { mercenary: i32 }
    /// A mercenary to be saved (`intif_mercenary_save`).
    0x3073 [..] MercenarySave { mercenary: Mercenary }
    /// Calls an elemental (`intif_elemental_create`). Answer: 0x387c.
    0x307c [..] ElementalCreate { elemental: Elemental }
    /// Asks for an elemental (`intif_elemental_request`). Answer: 0x387c.
    0x307d [10] ElementalRequest { elemental: i32, character: CharacterId }
    /// Sends an elemental away (`intif_elemental_delete`).
    0x307e [6] ElementalDelete { elemental: i32 }
    /// An elemental to be saved (`intif_elemental_save`).
    0x307f [..] ElementalSave { elemental: Elemental }

    /// Catches a pet (`intif_create_pet`). Answer: 0x3880.
    0x3080 [52] PetCreate {
        account: AccountId, character: CharacterId, class: i16, level: i16, egg: u32, equip: u32, intimate: i16,
        hungry: i16, renamed: u8, incubate: u8, name: FixedText<24>,
    }
    /// Asks for a pet (`intif_request_petdata`). Answer: 0x3881.
    0x3081 [14] PetRequest { account: AccountId, character: CharacterId, pet: i32 }
    /// A pet to be saved (`intif_save_petdata`).
    0x3082 [..] PetSave { account: AccountId, pet: Pet }
    /// A pet is gone (`intif_delete_petdata`).
    0x3083 [6] PetDelete { pet: i32 }
    /// Makes a homunculus (`intif_homunculus_create`). Answer: 0x3890.
    0x3090 [..] HomunculusCreate { account: AccountId, homunculus: Homunculus }
    /// Asks for a homunculus, whoever's it is (`intif_homunculus_requestload`). Answer: 0x3891.
    0x3091 [10] HomunculusRequest { account: AccountId, homunculus: i32 }
    /// A homunculus to be saved (`intif_homunculus_requestsave`).
    0x3092 [..] HomunculusSave { account: AccountId, homunculus: Homunculus }
    /// A homunculus is gone (`intif_homunculus_requestdelete`).
    0x3093 [6] HomunculusDelete { homunculus: i32 }

    /// Says something to the clan (`intif_clan_message`). To the others: 0x38a1.
    0x30a1 [..] ClanSay { clan: i32, account: AccountId, text: Vec<u8> }
    /// A member of the clan went offline (`intif_clan_member_left`). To the others: 0x38a2.
    0x30a2 [6] ClanLeft { clan: i32 }
    /// A member of the clan came online (`intif_clan_member_joined`). To the others: 0x38a2.
    0x30a3 [6] ClanJoined { clan: i32 }
}
