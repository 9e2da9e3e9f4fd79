//! What players say to each other, near and far.

use bifrost_protocol::Packet;
use bifrost_protocol::inter::{
    ClanJoined, ClanSaid, ClanSay, GuildSaid, GuildSay, ItemAnnounce, MastersTell, PartySaid, PartySay, WhisperAnswer,
    WhisperSend,
};
use bytes::{Bytes, BytesMut};

use super::asked::Asked;
use super::ruling::{Verdict, demand, insist};
use super::{Ruling, text};

/// `WHISPER_MESSAGE_SIZE`: a whisper the char-server takes is shorter, its NUL included.
const MAX_WHISPER: usize = 511;

/// What goes to game masters: the char-server copies it into 2,048 bytes (`mapif_parse_WisToGM`).
const MAX_TO_MASTERS: usize = 512;

/// 0x3001: from a player here; its level as far as its group allows.
pub(super) fn whisper(asked: &mut Asked<'_>) -> Verdict {
    let mut said: WhisperSend = asked.read()?;
    text::terminated(&said.from)?;
    text::named(&said.to)?;
    text::said(&said.text, MAX_WHISPER)?;
    let from = asked.guard.knowledge.named(said.from.as_bytes());
    let from = from.and_then(|from| asked.sessions.by_character(from));
    let Some(from) = from else {
        return Err(super::ruling::Violation::light("speaker", "whispers as nobody who is here").into());
    };
    said.level = said.level.min(from.group_id);
    said.from = from.name;
    said.to = text::clean(&said.to);
    Ok(Ruling::forward(said.encode()))
}

/// 0x3002: for a whisper that was sent to this engine, once.
pub(super) fn whisper_answer(asked: &mut Asked<'_>) -> Verdict {
    let said: WhisperAnswer = asked.read()?;
    insist(said.result <= 3, "whisper_result", || format!("result {}", said.result))?;
    let sessions = asked.sessions;
    let waited = asked.knowledge().whisper_answered(said.id, |to| sessions.by_character(to).is_some());
    demand(waited, "not_asked", || format!("whisper {} does not wait for this engine", said.id))?;
    asked.forward()
}

/// 0x3003: from a player here, or what the map-server itself found suspicious.
pub(super) fn to_masters(asked: &mut Asked<'_>) -> Verdict {
    let said: MastersTell = asked.read()?;
    text::terminated(&said.from)?;
    text::said(&said.text, MAX_TO_MASTERS)?;
    let from = asked.guard.knowledge.named(said.from.as_bytes());
    let here = from.is_some_and(|from| asked.sessions.by_character(from).is_some());
    let server = asked.guard.greeting.whisper_name.as_ref().is_some_and(|name| name == said.from.as_bytes());
    demand(here || server, "speaker", || "tells game masters as nobody who is here".to_owned())?;
    asked.forward()
}

/// 0x3009: exactly 35 bytes, or 59 from an NPC: the char-server copies whatever comes into 59 (`mapif_parse_broadcast_item`).
pub(super) fn item_announce(asked: &mut Asked<'_>) -> Verdict {
    asked.lengths(&[35, 59])?;
    let said: ItemAnnounce = asked.read()?;
    insist((said.kind == 2) == (asked.packet.len() == 59), "length", || {
        format!("kind {} with {} bytes", said.kind, asked.packet.len())
    })?;
    demand(said.kind <= 2 && said.item != 0, "announcement", || format!("kind {} item {}", said.kind, said.item))?;
    text::terminated(&said.name)?;
    let from = asked.guard.knowledge.named(said.name.as_bytes());
    let here = from.is_some_and(|from| asked.sessions.by_character(from).is_some());
    demand(here, "speaker", || "announces for nobody who is here".to_owned())?;
    Ok(Ruling::shared(asked.packet.clone(), super::Way::All, renumbered(asked.packet, 0x3809)))
}

/// 0x3027.
pub(super) fn party(asked: &mut Asked<'_>) -> Verdict {
    let said: PartySay = asked.read()?;
    let subject = asked.account(said.account)?;
    asked.in_party(&subject, said.party)?;
    text::said_by(&subject.name, &said.text)?;
    let way = asked.guard.knowledge.way_to_party(said.party);
    let copy = PartySaid { party: said.party, account: said.account, text: said.text };
    Ok(Ruling::shared(asked.packet.clone(), way, copy.encode()))
}

/// 0x3037.
pub(super) fn guild(asked: &mut Asked<'_>) -> Verdict {
    let said: GuildSay = asked.read()?;
    let subject = asked.account(said.account)?;
    asked.in_guild(&subject, said.guild)?;
    text::said_by(&subject.name, &said.text)?;
    let way = asked.guard.knowledge.way_to_guild(said.guild);
    let copy = GuildSaid { guild: said.guild, account: said.account, text: said.text };
    Ok(Ruling::shared(asked.packet.clone(), way, copy.encode()))
}

/// 0x30a1: the char-server copies it into 500 bytes (`mapif_parse_clan_message`).
pub(super) fn clan(asked: &mut Asked<'_>) -> Verdict {
    let said: ClanSay = asked.read()?;
    let subject = asked.account(said.account)?;
    let clan = subject.image.view().clan;
    demand(clan > 0 && clan == said.clan, "clan", || {
        format!("character {} is in clan {clan}, not {}", subject.character, said.clan)
    })?;
    text::said_by(&subject.name, &said.text)?;
    let way = asked.guard.knowledge.way_to_clan(said.clan);
    let copy = ClanSaid { clan: said.clan, account: said.account, text: said.text };
    Ok(Ruling::shared(asked.packet.clone(), way, copy.encode()))
}

/// 0x30a2 and 0x30a3: a clan somebody of the fleet is in.
pub(super) fn clan_member(asked: &mut Asked<'_>) -> Verdict {
    let mut reader = bifrost_protocol::Reader::new(asked.packet);
    reader.skip("id", 2)?;
    let said = ClanJoined { clan: reader.i32("clan")? };
    let members = asked.guard.knowledge.clan_members(said.clan);
    let here = members.into_iter().any(|member| asked.sessions.by_character(member).is_some());
    demand(here, "clan", || format!("nobody here is in clan {}", said.clan))?;
    asked.forward()
}

/// 0x30a0.
pub(super) fn clans(asked: &mut Asked<'_>) -> Verdict {
    let engine = asked.engine;
    asked.knowledge().clans_asked(engine);
    asked.forward()
}

/// The packet under another id.
fn renumbered(packet: &Bytes, id: u16) -> Bytes {
    let mut copy = BytesMut::from(packet.as_ref());
    if let Some(slot) = copy.get_mut(..2) {
        slot.copy_from_slice(&id.to_le_bytes());
    }
    copy.freeze()
}
