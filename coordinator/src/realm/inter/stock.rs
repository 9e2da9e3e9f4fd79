//! What a stock map-server asks besides, answered so that it and its players are content: there are no parties, guilds,
//! clans, mails, pets and auctions here. Quests and achievements are kept.
//!
//! Ids, lengths and offsets: `integration.md` 1.1-1.4 and the files named at each.

use bifrost_protocol::ids::CharacterId;
use bifrost_protocol::{DecodeError, Reader, WireRead, Writer};
use bytes::Bytes;

use super::{Link, Trouble, entry};
use crate::store::Belonging;

/// `sizeof(struct guild_castle)`, its id in front.
const CASTLE_SIZE: usize = 224;
/// Castles that fit one 0x3840.
const MAX_CASTLES: usize = 290;
/// `sizeof(struct mail_data)`.
const MAIL_DATA_SIZE: usize = 30_728;
/// `sizeof(struct mail_message)`, its id in front.
const MAIL_SIZE: usize = 1_024;
/// Flag of 0x3802: the target is not logged in (`mapif_wis_reply`).
const WHISPER_NOBODY: u8 = 1;
/// Operation result of 0x2b0f: no such player (`chmapif_parse_fwlog_changestatus`).
const NO_SUCH_PLAYER: u16 = 1;

impl Link<'_> {
    /// Serves a packet that is framed but has no type of its own.
    pub(super) async fn stock(&mut self, id: u16, packet: &[u8]) -> Result<Vec<Bytes>, Trouble> {
        match id {
            0x2b1a => return Ok(vec![entry::no_fame().encode()]),
            // broadcasts: to all others, as they are (`mapif_broadcast`, `mapif_parse_broadcast_item`)
            0x3000 | 0x3009 => {
                self.context.board.broadcast(&renamed(id.saturating_add(0x0800), packet), self.server);
                return Ok(Vec::new());
            }
            0x2b08 => return self.name_of(packet).await,
            0x3060 | 0x3062 => return self.quests(id, packet).await,
            0x3061 | 0x3063 => return self.save_quests(id, packet).await,
            _ => {}
        }
        let answer = refusal(id, &mut body(packet))?;
        if answer.is_none() {
            self.ignored(id);
        }
        Ok(answer.into_iter().collect())
    }

    /// 0x2b08: a character's name (`chmapif_parse_reqcharname`). Unknown ones are called as `char_loadName` calls them.
    async fn name_of(&self, packet: &[u8]) -> Result<Vec<Bytes>, Trouble> {
        let character = CharacterId::read(&mut body(packet), "character")?;
        let row = self.context.store.character(character).await;
        let row = row.inspect_err(|error| tracing::warn!(%character, %error, "name cannot be read")).ok().flatten();
        let name = row.map_or_else(|| b"Unknown".to_vec(), |row| row.name);
        let mut answer = Writer::packet(0x2b09);
        answer.u32(character.0).bytes(super::name(&String::from_utf8_lossy(&name)).raw());
        Ok(vec![answer.finish()])
    }

    /// 0x3060 and 0x3062: quests and achievements (`mapif_parse_quest_load`, `mapif_parse_load_achievements`).
    async fn quests(&mut self, id: u16, packet: &[u8]) -> Result<Vec<Bytes>, Trouble> {
        let character = CharacterId::read(&mut body(packet), "character")?;
        let (kind, answer) = match id {
            0x3060 => (Belonging::Quests, 0x3860),
            _ => (Belonging::Achievements, 0x3862),
        };
        let store = &self.context.store;
        let kept = self.insist(|| store.belonging(kind, character)).await?.unwrap_or_default();
        let mut answer = sized(answer);
        answer.u32(character.0).bytes(&kept);
        Ok(vec![answer.finish_sized()])
    }

    /// 0x3061 and 0x3063 (`mapif_parse_quest_save`, `mapif_parse_save_achievements`).
    async fn save_quests(&mut self, id: u16, packet: &[u8]) -> Result<Vec<Bytes>, Trouble> {
        let mut body = sized_body(packet);
        let character = CharacterId::read(&mut body, "character")?;
        let (kind, answer) = match id {
            0x3061 => (Belonging::Quests, 0x3861),
            _ => (Belonging::Achievements, 0x3863),
        };
        let known = self.owned(character).await?.is_some();
        if known {
            self.keep_belonging(kind, character, body.rest()).await?;
        }
        let mut answer = Writer::packet(answer);
        answer.u32(character.0).u8(u8::from(known));
        Ok(vec![answer.finish()])
    }
}

/// The answer that says there is no such thing; none where rAthena would not answer either.
fn refusal(id: u16, body: &mut Reader<'_>) -> Result<Option<Bytes>, DecodeError> {
    Ok(match id {
        0x2b0e => Some(operation_failed(body)?),
        0x3001 => Some(whisper_failed(body)?),
        0x3006 => Some(rename_failed(body)?),
        // guild storage, party, guild (`mapif_load_guild_storage`, `mapif_party_noinfo`, `mapif_guild_noinfo`)
        0x3018 => Some(pair(0x3818, body.u32("account")?, 0)),
        0x3020 => Some(party_failed(body)?),
        0x3021 => {
            let party = body.u32("party")?;
            Some(pair(0x3821, body.u32("character")?, party))
        }
        0x3030 => {
            body.skip("len", 2)?;
            let mut answer = Writer::packet(0x3830);
            answer.u32(body.u32("account")?).u32(0);
            Some(answer.finish())
        }
        0x3031 => {
            let mut answer = sized(0x3831);
            answer.u32(body.u32("guild")?);
            Some(answer.finish_sized())
        }
        0x3040 => Some(castles(body)?),
        0x3048 => Some(empty_inbox(body)?),
        0x304b => Some(mail_failed(0x384b, body)?),
        0x304c => Some(mail_failed(0x384c, body)?),
        0x304d => Some(mail_not_sent(body)?),
        0x304e => Some(no_receiver(body)?),
        0x3064 => Some(not_rewarded(body)?),
        // clans (`mapif_clan_info`)
        0x30a0 => Some(sized(0x38a0).finish_sized()),
        _ => None,
    })
}

/// 0x3802 (`mapif_wis_reply`): players on other map-servers cannot be whispered to.
fn whisper_failed(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    body.skip("len, level", 6)?;
    let mut answer = Writer::packet(0x3802);
    answer.bytes(body.bytes("source", 24)?).u8(WHISPER_NOBODY);
    Ok(answer.finish())
}

/// 0x3820 (`mapif_party_created`), flag 1: no party. The map-server finds its player in the leader's record.
fn party_failed(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    body.skip("name, options", 28)?;
    let (account, character) = (body.u32("account")?, body.u32("character")?);
    let mut answer = Writer::packet(0x3820);
    answer.u32(account).u32(character).u8(1).zeros(28);
    Ok(answer.finish())
}

/// 0x3806 (`mapif_namechange_ack`), flag 0: not renamed.
fn rename_failed(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let (account, character, kind) = (body.u32("account")?, body.u32("character")?, body.u8("kind")?);
    let mut answer = Writer::packet(0x3806);
    answer.u32(account).u32(character).u8(kind).u8(0).bytes(body.bytes("name", 24)?).zeros(1);
    Ok(answer.finish())
}

/// 0x2b0f: bans and the like are the operator's, not a map-server's.
fn operation_failed(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let account = body.u32("account")?;
    let mut answer = Writer::packet(0x2b0f);
    answer.u32(account).bytes(body.bytes("name", 24)?).u16(body.u16("operation")?).u16(NO_SUCH_PLAYER);
    Ok(answer.finish())
}

/// 0x3840 (`mapif_guild_castle_dataload`): nobody owns a castle.
fn castles(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    body.skip("len", 2)?;
    let mut answer = sized(0x3840);
    let mut count = 0;
    while body.left() > 0 {
        count += 1;
        if count > MAX_CASTLES {
            return Err(DecodeError::Invalid { field: "castles", problem: "are more than one answer can hold" });
        }
        answer.u32(body.u32("castle")?).zeros(CASTLE_SIZE - 4);
    }
    Ok(answer.finish_sized())
}

/// 0x3848 (`mapif_Mail_sendinbox`).
fn empty_inbox(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let mut answer = sized(0x3848);
    answer.u32(body.u32("character")?).u8(body.u8("flag")?).u8(body.u8("type")?).zeros(MAIL_DATA_SIZE);
    Ok(answer.finish_sized())
}

/// 0x384b and 0x384c: not deleted, not returned.
fn mail_failed(id: u16, body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let mut answer = Writer::packet(id);
    answer.u32(body.u32("character")?).u32(body.u32("mail")?).u8(1);
    Ok(answer.finish())
}

/// 0x384d (`mapif_Mail_send`): a mail without id was not sent, and the map-server gives back what was in it.
fn mail_not_sent(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    body.skip("len, account, id", 10)?;
    let mut answer = sized(0x384d);
    answer.u32(0).bytes(body.bytes("mail", MAIL_SIZE - 4)?);
    Ok(answer.finish_sized())
}

/// 0x384e (`mapif_Mail_receiver_send`): no such character.
fn no_receiver(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let mut answer = Writer::packet(0x384e);
    answer.u32(body.u32("character")?).zeros(8).bytes(body.bytes("name", 24)?);
    Ok(answer.finish())
}

/// 0x3864 (`mapif_achievement_reward`): no reward was mailed.
fn not_rewarded(body: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let mut answer = Writer::packet(0x3864);
    answer.u32(body.u32("character")?).u32(body.u32("achievement")?).u32(0);
    Ok(answer.finish())
}

/// A packet of 12 bytes with its length and two numbers.
fn pair(id: u16, first: u32, second: u32) -> Bytes {
    let mut answer = sized(id);
    answer.u32(first).u32(second);
    answer.finish_sized()
}

fn sized(id: u16) -> Writer {
    let mut writer = Writer::packet(id);
    writer.u16(0);
    writer
}

/// Behind the id.
fn body(packet: &[u8]) -> Reader<'_> {
    Reader::new(packet.get(2..).unwrap_or_default())
}

/// Behind id and length.
fn sized_body(packet: &[u8]) -> Reader<'_> {
    Reader::new(packet.get(4..).unwrap_or_default())
}

fn renamed(id: u16, packet: &[u8]) -> Bytes {
    let mut writer = Writer::packet(id);
    writer.bytes(packet.get(2..).unwrap_or_default());
    writer.finish()
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::frame::packet_id;
    use bifrost_protocol::inter::{char_to_map, map_to_char};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn castles_have_no_owner_and_inboxes_no_mail() {
        let mut ask = sized(0x3040);
        ask.u32(33).u32(1);
        let answer = refusal(0x3040, &mut body(&ask.finish_sized())).expect("decodes").expect("answers");
        assert_eq!((answer.len(), answer[4], answer[228]), (4 + 2 * CASTLE_SIZE, 33, 1));
        let inbox = refusal(0x3048, &mut Reader::new(&[1, 0, 0, 0, 0, 2])).expect("decodes").expect("answers");
        assert_eq!((inbox.len(), inbox[4], inbox[9]), (30_738, 1, 2));
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_answer_is_one_whole_packet_of_the_link(
            id in (0x3000_u16..0x30b0).prop_union(0x2b00..0x2b30),
            bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
        ) {
            if map_to_char().get(id).is_some()
                && let Ok(Some(answer)) = refusal(id, &mut Reader::new(&bytes))
            {
                prop_assert_eq!(char_to_map().measure(&answer), Ok(Some(answer.len())), "0x{:04x}", packet_id(&answer)?);
            }
        }
    }
}
