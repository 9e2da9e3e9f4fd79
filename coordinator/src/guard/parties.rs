//! Parties: the char-server does what any map-server says about any of them (`int_party.cpp`).

use bifrost_protocol::Packet;
use bifrost_protocol::inter::{
    PartyAdd, PartyCreate, PartyLead, PartyLeave, PartyMember, PartyMove, PartyOptions, PartyRequest,
};
use bifrost_protocol::layout::Padding;

use super::asked::Asked;
use super::ruling::{Verdict, demand, insist};
use super::{Ruling, Subject, text};

/// Levels a character may gain between two saves before its party and guild learn of the rest with the next.
pub(super) const MAX_LEVEL_STEP: u32 = 20;

/// `PARTY_MEMBER_WITHDRAW_LEAVE`.
const LEAVES: u8 = 0;

/// `PARTY_MEMBER_WITHDRAW_EXPEL`.
const EXPELLED: u8 = 1;

/// A level somebody claims to have, held to what its last save allows.
pub(super) fn level(subject: &Subject<'_>, claimed: u32) -> u16 {
    let saved = subject.image.view().base_level;
    u16::try_from(claimed.clamp(saved, saved.saturating_add(MAX_LEVEL_STEP))).unwrap_or(u16::MAX)
}

/// A member as the coordinator knows it; map and level as the engine says, where that can be.
fn member(asked: &Asked<'_>, claimed: &PartyMember, leads: bool) -> Verdict<PartyMember> {
    let subject = asked.pair(claimed.account, claimed.character)?;
    let map = text::map(&claimed.map)?;
    demand(asked.sessions.is_map(&map), "map_unknown", || format!("{map} is no map of the realm"))?;
    let status = subject.image.view();
    Ok(PartyMember {
        account: subject.account,
        character: subject.character,
        name: subject.name,
        class: status.class.cast_unsigned(),
        map: text::clean(&claimed.map),
        level: level(&subject, u32::from(claimed.level)),
        flags: u8::from(leads) | 2,
        padding: Padding::default(),
    })
}

/// Demands that the player is in no party.
fn free(asked: &Asked<'_>, member: &PartyMember) -> Verdict<()> {
    let party = asked.guard.knowledge.member(member.character).map_or(0, |known| known.party);
    demand(party == 0, "party", || format!("character {} is in party {party}", member.character))
}

/// 0x3020.
pub(super) fn create(asked: &mut Asked<'_>) -> Verdict {
    let mut said: PartyCreate = asked.read()?;
    text::named(&said.name)?;
    said.leader = member(asked, &said.leader, true)?;
    free(asked, &said.leader)?;
    said.name = text::clean(&said.name);
    Ok(Ruling::forward(said.encode()))
}

/// 0x3021.
pub(super) fn request(asked: &mut Asked<'_>) -> Verdict {
    let said: PartyRequest = asked.read()?;
    let subject = asked.character(said.character)?;
    asked.in_party(&subject, said.party)?;
    asked.forward()
}

/// 0x3022: a player here took the invitation of the leader, who is here as well.
pub(super) fn add(asked: &mut Asked<'_>) -> Verdict {
    let mut said: PartyAdd = asked.read()?;
    said.member = member(asked, &said.member, false)?;
    free(asked, &said.member)?;
    asked.led_here(said.party)?;
    Ok(Ruling::forward(said.encode()))
}

/// 0x3023.
pub(super) fn options(asked: &mut Asked<'_>) -> Verdict {
    let said: PartyOptions = asked.read()?;
    let (_, leader) = asked.led_here(said.party)?;
    demand(leader.account == said.account, "party_leader", || format!("account {} does not lead", said.account))?;
    insist(matches!(said.exp, 0 | 1) && matches!(said.item, 0..=3), "party_options", || {
        format!("shares {} and {}", said.exp, said.item)
    })?;
    asked.forward()
}

/// 0x3024: a player here leaves, or the leader, who is here, expels a member.
pub(super) fn leave(asked: &mut Asked<'_>) -> Verdict {
    let mut said: PartyLeave = asked.read()?;
    said.name = match said.kind {
        LEAVES => {
            let subject = asked.pair(said.account, said.character)?;
            asked.in_party(&subject, said.party)?;
            subject.name
        }
        EXPELLED => {
            let (facts, _) = asked.led_here(said.party)?;
            let found = facts.member(said.character).filter(|member| member.account == said.account);
            let Some(found) = found else {
                let detail = format!("character {} is not in party {}", said.character, said.party);
                return Err(super::ruling::Violation::light("party", detail).into());
            };
            found.name
        }
        kind => {
            insist(false, "party_leave", || format!("kind {kind}"))?;
            return Ok(Ruling::Drop);
        }
    };
    said.name = text::clean(&said.name);
    Ok(Ruling::forward(said.encode()))
}

/// 0x3025.
pub(super) fn moved(asked: &mut Asked<'_>) -> Verdict {
    let mut said: PartyMove = asked.read()?;
    let subject = asked.pair(said.account, said.character)?;
    asked.in_party(&subject, said.party)?;
    insist(said.online <= 1, "online", || format!("online {}", said.online))?;
    let map = text::map(&said.map)?;
    demand(asked.sessions.is_map(&map), "map_unknown", || format!("{map} is no map of the realm"))?;
    said.level = level(&subject, u32::from(said.level));
    Ok(Ruling::forward(said.encode()))
}

/// 0x3029: the leader, who is here, hands the party to a member. Nobody is told, so it is remembered here.
pub(super) fn lead(asked: &mut Asked<'_>) -> Verdict {
    let said: PartyLead = asked.read()?;
    let (facts, _) = asked.led_here(said.party)?;
    let is_member = facts.member(said.character).is_some_and(|member| member.account == said.account);
    demand(is_member, "party", || format!("character {} is not in party {}", said.character, said.party))?;
    if let Some(facts) = asked.knowledge().parties.get_mut(&said.party) {
        facts.leader = Some(said.character);
    }
    asked.forward()
}
