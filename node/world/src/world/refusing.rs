//! Requests that nothing here can fulfil. They get the refusal a stock server gives, or the client waits for ever.

use bifrost_protocol::client::map::{
    ChatRoomAck, GuildCreated, ItemDropped, ItemTaken, PartyCreated, PartyInviteAck, RefusedRequest, SkillFailed,
    StatRaised, TradeAck, TradeResult, UseItemAck,
};
use bifrost_protocol::ids::{AccountId, SessionId};
use bifrost_protocol::{FixedText, Packet};
use bytes::Bytes;

use super::World;

/// [`PartyCreated`]: not on this map.
const NO_PARTIES_HERE: u8 = 3;
/// [`PartyInviteAck`]: refused (`PARTY_REPLY_REJECTED`).
const INVITATION_REFUSED: u32 = 1;
/// [`ChatRoomAck`]: there are too many.
const TOO_MANY_ROOMS: u8 = 1;
/// [`GuildCreated`]: the item that it needs is missing.
const ITEM_MISSING: u8 = 3;
/// [`ItemTaken`]: there is nothing (`ADDITEM_OVERAMOUNT` and others; clients only look whether it is 0).
const NOTHING_TAKEN: u8 = 6;

impl World {
    pub(super) fn refuse(&mut self, session: SessionId, request: &RefusedRequest) {
        let Some(player) = self.players.get(&session) else { return };
        let refusal = refusal(request, player.account);
        self.send_bytes(session, refusal);
    }
}

fn refusal(request: &RefusedRequest, account: AccountId) -> Bytes {
    let skill_failed = |skill| SkillFailed { skill, detail: 0, item: 0, flag: 0, cause: 0 }.encode();
    match request {
        RefusedRequest::RaiseStat(raise) => StatRaised { status: raise.status, ok: 0, value: 0 }.encode(),
        RefusedRequest::AskTrade(_) => TradeAck { result: TradeResult::FAILED, target: 0, level: 0 }.encode(),
        RefusedRequest::CreateParty(_) | RefusedRequest::CreatePartyWithRules(_) => {
            PartyCreated { result: NO_PARTIES_HERE }.encode()
        }
        RefusedRequest::Invite(_) => invitation_refused(FixedText::default()),
        RefusedRequest::InviteByName(invite) => invitation_refused(FixedText::new(invite.name.as_bytes())),
        RefusedRequest::CreateChatRoom(_) => ChatRoomAck { result: TOO_MANY_ROOMS }.encode(),
        RefusedRequest::CreateGuild(_) => GuildCreated { result: ITEM_MISSING }.encode(),
        RefusedRequest::UseSkill(used) => skill_failed(used.skill),
        RefusedRequest::UseSkillAt(used) => skill_failed(used.skill),
        RefusedRequest::UseItem(used) => UseItemAck { index: used.index, item: 0, account, left: 0, ok: 0 }.encode(),
        RefusedRequest::DropItem(dropped) => ItemDropped { index: dropped.index, amount: 0 }.encode(),
        RefusedRequest::TakeItem(_) => nothing_taken(),
    }
}

fn invitation_refused(name: FixedText<24>) -> Bytes {
    PartyInviteAck { name, result: INVITATION_REFUSED }.encode()
}

fn nothing_taken() -> Bytes {
    let nothing = ItemTaken {
        index: 0,
        amount: 0,
        item: 0,
        identified: 0,
        damaged: 0,
        cards: [0; 16],
        location: 0,
        kind: 0,
        result: NOTHING_TAKEN,
        rest: [0; 36],
    };
    nothing.encode()
}
