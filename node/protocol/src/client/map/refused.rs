//! What clients ask of servers with items, skills and parties.

use super::StatusKind;
use crate::FixedText;
use crate::ids::{CharacterId, ObjectId};
use crate::packet::packets;

packets! {
    /// Requests that an embedded engine refuses, because a client that gets no answer waits for it.
    pub enum RefusedRequest;

    /// Raises a stat (`clif_parse_StatusUp`).
    0x00bb [5] RaiseStat { status: StatusKind, amount: u8 }

    /// Asks a player to trade (`clif_parse_TradeRequest`).
    0x00e4 [6] AskTrade { object: ObjectId }

    /// Makes a party (`CZ_MAKE_GROUP`).
    0x00f9 [26] CreateParty { name: FixedText<24> }

    /// Makes a party with rules for items (`CZ_MAKE_GROUP2`).
    0x01e8 [28] CreatePartyWithRules { name: FixedText<24>, pick_up: u8, share: u8 }

    /// Invites a player to a party (`CZ_REQ_JOIN_GROUP`).
    0x00fc [6] Invite { object: ObjectId }

    /// Invites a player to a party by name (`CZ_PARTY_JOIN_REQ`).
    0x02c4 [26] InviteByName { name: FixedText<24> }

    /// Opens a chat room (`CZ_CREATE_CHATROOM`).
    0x00d5 [..] CreateChatRoom { room: Vec<u8> }

    /// Makes a guild (`clif_parse_CreateGuild`).
    0x0165 [30] CreateGuild { character: CharacterId, name: FixedText<24> }

    /// Uses a skill on somebody (`clif_parse_UseSkillToId`).
    0x0438 [10] UseSkill { level: u16, skill: u16, target: ObjectId }

    /// Uses a skill on a cell (`clif_parse_UseSkillToPos`).
    0x0366 [10] UseSkillAt { level: u16, skill: u16, x: u16, y: u16 }

    /// Uses an item (`clif_parse_UseItem`).
    0x0439 [8] UseItem { index: u16, target: ObjectId }

    /// Drops an item (`clif_parse_DropItem`).
    0x0363 [6] DropItem { index: u16, amount: u16 }

    /// Picks an item up (`clif_parse_TakeItem`).
    0x0362 [6] TakeItem { object: ObjectId }
}
