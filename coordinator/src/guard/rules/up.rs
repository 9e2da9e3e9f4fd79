//! What engines send.

use super::super::{companions, guilds, link, logbooks, mail, parties, players, registry, storage, talk};
use super::{Rate, UpRule};

macro_rules! rules {
    ($( $id:literal $name:ident $rate:ident $judge:path, $becomes:literal, $demands:literal; )*) => {
        &[$( UpRule {
            id: $id,
            name: stringify!($name),
            rate: Rate::$rate,
            judge: $judge,
            becomes: $becomes,
            demands: $demands,
        }, )*]
    };
}

/// All rules, by id. "Here" is on the engine that speaks; "own" is what the char-server said belongs to a player here.
pub(in crate::guard) const UP: &[UpRule] = rules! {
    0x2af8 login Free link::login, "answered: 2af9, 388c", "first on the link, once; user, password and address are not used";
    0x2afa maps Free link::maps, "answered: 2afb, 2b1b; the fleet adds 2b04", "at most 1,500 legal names, all of the engine's group";
    0x2afc status_request Load players::statuses, "forwarded", "account and character here";
    0x2afe user_count Free link::dropped, "dropped: the fleet counts", "";
    0x2aff online Free link::players, "for the fleet, which tells the char-server itself", "exact count; only players here are believed";
    0x2b01 save Free link::part, "only in a save", "see saves";
    0x2b02 character_select Free players::select, "for the fleet, which sends the real login ids", "account here; both login ids are this host's pseudonyms";
    0x2b05 change_server Free players::change_server, "for the fleet, which sends the real login ids, sex, address and group", "account and character here; pseudonyms; group as known; a map of the realm, at its server's address";
    0x2b07 remove_friend Lookup players::friend_remove, "forwarded", "the friend that is taken off somebody's list is here";
    0x2b08 name_request Lookup players::name, "forwarded", "";
    0x2b0a cooldown_request Load players::cooldowns, "forwarded", "account and character here";
    0x2b0c change_email Free link::dropped, "dropped", "";
    0x2b0e change_account Free link::dropped, "dropped", "";
    0x2b10 fame_update Say players::fame, "forwarded", "character here; no less than saved, at most 1,000 more; a ranking there is";
    0x2b11 divorce Say players::divorce, "forwarded", "one is here and married to the other";
    0x2b13 public_address Free link::dropped, "dropped: the coordinator says it", "";
    0x2b15 cooldown_save Free link::part, "only in a save", "see saves";
    0x2b17 went_offline Free players::offline, "for the fleet", "account and character here, else dropped";
    0x2b18 all_offline Free link::nobody, "for the fleet", "";
    0x2b19 came_online Free players::online, "for the fleet", "account and character here";
    0x2b1a fame_request Free link::dropped, "dropped", "";
    0x2b1c status_save Free link::part, "only in a save", "see saves";
    0x2b23 ping Free link::ping, "for the fleet: liveness", "";
    0x2b26 authenticate Free players::authenticate, "for the fleet, which answers 2afd once; else answered 2b27", "without autotrade; a player that was sent here and not asked for yet, by its pseudonym";
    0x2b28 ban Free link::dropped, "dropped", "";
    0x2b2a unban Free link::dropped, "dropped", "";
    0x2b2d bonus_request Load players::bonuses, "forwarded", "character here";
    0x2b2e bonus_save Free link::part, "only in a save", "see saves";
    0x3000 broadcast Free link::dropped, "dropped", "";
    0x3001 whisper Say talk::whisper, "forwarded; level at most the group, texts cleaned", "the speaker is here; a name; 2 to 511 bytes with one NUL at the end";
    0x3002 whisper_answer Say talk::whisper_answer, "forwarded", "3801 with this number was sent here and is not answered";
    0x3003 whisper_to_masters Shout talk::to_masters, "forwarded", "the speaker is here, or the server; 2 to 512 bytes with one NUL at the end";
    0x3004 registry_save Free registry::save, "forwarded without `##` values and currencies", "account and character here; every name and kind of value possible; at most 32 and 254 bytes";
    0x3005 registry_request Load players::registry, "forwarded", "account and character here";
    0x3006 name_check Lookup players::name_check, "forwarded", "account and character here; for a pet or homunculus; a name";
    0x3007 account_info Free link::dropped, "dropped", "";
    0x3009 item_broadcast Shout talk::item_announce, "forwarded, and to the other engines as 3809", "exactly 35 bytes, or 59 from an NPC; the speaker is here";
    0x3018 guild_storage_request Load storage::guild_request, "forwarded; dropped while another engine holds it", "account here and in the guild";
    0x3019 guild_storage_save Free storage::guild_save, "forwarded, answered 3819; also in a save", "this engine holds it; account here and in the guild, or 0; items possible, none worn";
    0x3020 party_create Load parties::create, "forwarded; the founder as the coordinator knows it", "founder here and in no party; a name; a map of the realm";
    0x3021 party_request Load parties::request, "forwarded", "character here and in the party";
    0x3022 party_add Load parties::add, "forwarded; the member as the coordinator knows it", "member here and in no party; the party's leader is here";
    0x3023 party_options Load parties::options, "forwarded", "account here and leader; exp 0 to 1, items 0 to 3";
    0x3024 party_leave Load parties::leave, "forwarded with the member's name", "leaving: here and in the party; expelled: the leader is here, a member";
    0x3025 party_member_moved Load parties::moved, "forwarded; level held to the last save and 20 more", "account and character here and in the party; a map of the realm";
    0x3026 party_break Free link::dropped, "dropped: nothing sends it", "";
    0x3027 party_message Say talk::party, "forwarded, and to the party's other engines as 3827", "account here and in the party; at most 256 bytes that start with its name, one NUL at the end";
    0x3029 party_leader Load parties::lead, "forwarded", "the leader is here; a member";
    0x302a party_share_level Free link::dropped, "dropped", "";
    0x3030 guild_create Load guilds::create, "forwarded; the master as the coordinator knows it", "master here and in no guild; a name";
    0x3031 guild_request Load guilds::request, "forwarded", "a member is here";
    0x3032 guild_add Load guilds::add, "forwarded; the member as the coordinator knows it", "member here and in no guild; somebody who may invite is here";
    0x3033 guild_master Load guilds::hand_over, "forwarded", "the master is here; a member's name of at most 24 bytes";
    0x3034 guild_leave Load guilds::leave, "forwarded, text cleaned", "leaving: here and in the guild; expelled: somebody who may expel is here, a member that is not master";
    0x3035 guild_member_update Load guilds::seen, "forwarded; level held to the last save and 20 more", "account and character here and in the guild; a class that can be";
    0x3036 guild_break Load guilds::end, "forwarded", "the master is here";
    0x3037 guild_message Say talk::guild, "forwarded, and to the guild's other engines as 3837", "account here and in the guild; at most 256 bytes that start with its name, one NUL at the end";
    0x3039 guild_info Free link::dropped, "dropped: only commands of game masters send it", "";
    0x303a guild_member_info Load guilds::member_change, "forwarded", "rank 1 to 19: the master is here, a member; experience: own, 8 bytes, not falling; hair: own, 2 bytes";
    0x303b guild_position Load guilds::rank, "forwarded, text cleaned", "the master is here; rank 0 to 19, known permissions, 0 to 100 %";
    0x303c guild_skill Load guilds::skill_up, "forwarded with the skill's own maximum", "account here and master; a guild skill";
    0x303d guild_alliance Load guilds::ally, "forwarded", "the first guild's master is here; for an alliance the other's too; to leave a guild that has ended: a member";
    0x303e guild_notice Load guilds::notice, "forwarded, texts cleaned", "the master is here; both texts end";
    0x303f guild_emblem Load guilds::emblem, "forwarded", "the master is here; at most 2,000 bytes";
    0x3040 castle_request Free guilds::castles, "answered 3840 without castles: they are the operator's", "whole numbers";
    0x3041 castle_save Free link::dropped, "dropped", "";
    0x3042 guild_emblem_version Load guilds::emblem_version, "forwarded", "the master is here";
    0x3048 mail_inbox Load mail::request, "forwarded", "character here; an inbox there is";
    0x3049 mail_read Load mail::read, "forwarded", "in the inbox (3848) of somebody here";
    0x304a mail_attachment Load mail::take, "forwarded", "character here; in its inbox; zeny, items or both";
    0x304b mail_delete Load mail::delete, "forwarded", "character here; in its inbox";
    0x304c mail_return Load mail::give_back, "forwarded", "character here; in its inbox";
    0x304d mail_send Load mail::send, "forwarded; sender and state as known, texts cleaned", "account and sender here; a name; texts end; zeny 0 to 2^31-1; items possible, none worn";
    0x304e mail_receiver_check Lookup mail::receiver, "forwarded", "character here; a name";
    0x3050 auction_list Free link::dropped, "dropped: hosts have no auctions", "";
    0x3051 auction_register Free link::dropped, "dropped", "";
    0x3052 auction_cancel Free link::dropped, "dropped", "";
    0x3053 auction_close Free link::dropped, "dropped", "";
    0x3055 auction_bid Free link::dropped, "dropped", "";
    0x3056 bound_items_retrieve Load guilds::bound_items, "forwarded; dropped for the second that asks, without a member here, while the character is in the fleet, or another engine holds the guild's storage", "the character has just left the guild (3834)";
    0x3060 quests_request Load players::of_character, "forwarded", "character here";
    0x3061 quests_save Free logbooks::quests, "forwarded; also in a save", "character here; each quest once, state 0 to 2, counts not negative";
    0x3062 achievements_request Load players::of_character, "forwarded", "character here";
    0x3063 achievements_save Free logbooks::achievements, "forwarded; also in a save", "character here; each once, counts not negative, rewarded only when completed";
    0x3064 achievement_reward Load players::achievement_reward, "answered 3864: not now", "character here";
    0x3070 mercenary_create Load companions::mercenary_create, "forwarded", "character here; without a number; state possible";
    0x3071 mercenary_request Load companions::mercenary_request, "forwarded", "character here; own";
    0x3072 mercenary_delete Load companions::mercenary_delete, "forwarded", "own of somebody here";
    0x3073 mercenary_save Free companions::mercenary_save, "forwarded; also in a save", "character here; own; state possible";
    0x307c elemental_create Load companions::elemental_create, "forwarded", "character here; without a number";
    0x307d elemental_request Load companions::elemental_request, "forwarded", "character here; own";
    0x307e elemental_delete Load companions::elemental_delete, "forwarded", "own of somebody here";
    0x307f elemental_save Free companions::elemental_save, "forwarded; also in a save", "character here; own; state possible";
    0x3080 pet_create Load companions::pet_create, "forwarded", "account and character here; a name; state possible";
    0x3081 pet_request Load companions::pet_request, "forwarded", "account and character here; own, or an egg in its bags";
    0x3082 pet_save Free companions::pet_save, "forwarded; also in a save", "account here; own; in its own name or as an egg; state possible";
    0x3083 pet_delete Load companions::pet_delete, "forwarded", "own of somebody here";
    0x308a storage_request Load players::storage, "forwarded", "account and character here; inventory, cart, or a storage there is";
    0x308b storage_save Free link::part, "only in a save", "see saves";
    0x3090 homunculus_create Load companions::homunculus_create, "forwarded", "account and character here; without a number; state possible";
    0x3091 homunculus_request Load companions::homunculus_request, "forwarded", "account here; own";
    0x3092 homunculus_save Free companions::homunculus_save, "forwarded; also in a save", "account and character here; own; state possible";
    0x3093 homunculus_delete Load companions::homunculus_delete, "forwarded", "own of somebody here";
    0x30a0 clans_request Load talk::clans, "forwarded", "";
    0x30a1 clan_message Say talk::clan, "forwarded, and to the clan's other engines as 38a1", "account here and in the clan; at most 256 bytes that start with its name, one NUL at the end";
    0x30a2 clan_member_left Say talk::clan_member, "forwarded", "a member is here";
    0x30a3 clan_member_joined Say talk::clan_member, "forwarded", "a member is here";
};
