//! One packet of one engine, on its way through its rule.

use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bytes::Bytes;

use super::knowledge::{GuildFacts, Knowledge, PartyFacts};
use super::ruling::{Refusal, Verdict, Violation, demand, insist};
use super::{EngineKey, Guard, Ruling, Sessions, Subject};

/// What a rule has before it.
pub(super) struct Asked<'a> {
    /// All that is remembered.
    pub(super) guard: &'a mut Guard,
    /// Who speaks.
    pub(super) engine: EngineKey,
    /// What it says.
    pub(super) packet: &'a Bytes,
    /// Its players and maps.
    pub(super) sessions: &'a dyn Sessions,
    /// When.
    pub(super) now: Duration,
}

impl<'a> Asked<'a> {
    /// The packet, decoded.
    pub(super) fn read<P: Packet>(&self) -> Verdict<P> {
        Ok(P::decode(self.packet)?)
    }

    /// What is remembered of players.
    pub(super) fn knowledge(&mut self) -> &mut Knowledge {
        &mut self.guard.knowledge
    }

    /// The packet goes to the char-server as it is.
    pub(super) fn forward(&self) -> Verdict {
        Ok(Ruling::forward(self.packet.clone()))
    }

    /// The player of an account on this engine.
    pub(super) fn account(&self, account: AccountId) -> Verdict<Subject<'a>> {
        let sessions = self.sessions;
        sessions.by_account(account).ok_or_else(|| stranger(sessions, Some(account), None))
    }

    /// The player of a character on this engine.
    pub(super) fn character(&self, character: CharacterId) -> Verdict<Subject<'a>> {
        let sessions = self.sessions;
        sessions.by_character(character).ok_or_else(|| stranger(sessions, None, Some(character)))
    }

    /// The player with this account and character on this engine.
    pub(super) fn pair(&self, account: AccountId, character: CharacterId) -> Verdict<Subject<'a>> {
        let sessions = self.sessions;
        let subject = sessions.by_account(account).filter(|subject| subject.character == character);
        subject.ok_or_else(|| stranger(sessions, Some(account), Some(character)))
    }

    /// The party a player is in, as the char-server said; 0 none.
    pub(super) fn party_of(&self, subject: &Subject<'_>) -> i32 {
        let known = self.guard.knowledge.member(subject.character);
        known.map_or_else(|| subject.image.view().party, |known| known.party)
    }

    /// The guild a player is in, as the char-server said; 0 none.
    pub(super) fn guild_of(&self, subject: &Subject<'_>) -> i32 {
        let known = self.guard.knowledge.member(subject.character);
        known.map_or_else(|| subject.image.view().guild, |known| known.guild)
    }

    /// Demands that the player is in the party.
    pub(super) fn in_party(&self, subject: &Subject<'_>, party: i32) -> Verdict<()> {
        let found = self.party_of(subject);
        demand(party > 0 && found == party, "party", || {
            format!("character {} is in party {found}, not {party}", subject.character)
        })
    }

    /// Demands that the player is in the guild.
    pub(super) fn in_guild(&self, subject: &Subject<'_>, guild: i32) -> Verdict<()> {
        let found = self.guild_of(subject);
        demand(guild > 0 && found == guild, "guild", || {
            format!("character {} is in guild {found}, not {guild}", subject.character)
        })
    }

    /// The party and its leader, who has to be on this engine.
    pub(super) fn led_here(&self, party: i32) -> Verdict<(&PartyFacts, Subject<'a>)> {
        let facts = self.guard.knowledge.parties.get(&party);
        let leader = facts.and_then(|facts| facts.leader).and_then(|leader| self.sessions.by_character(leader));
        facts
            .zip(leader)
            .ok_or_else(|| Violation::light("party_leader", format!("the leader of party {party} is not here")).into())
    }

    /// The guild and its master, who has to be on this engine.
    pub(super) fn mastered_here(&self, guild: i32) -> Verdict<(&GuildFacts, Subject<'a>)> {
        let facts = self.guard.knowledge.guilds.get(&guild);
        let master = facts.and_then(|facts| facts.master).and_then(|master| self.sessions.by_character(master));
        facts
            .zip(master)
            .ok_or_else(|| Violation::light("guild_master", format!("the master of guild {guild} is not here")).into())
    }

    /// Demands that a member of the guild with this permission is on this engine.
    pub(super) fn permitted_here(&self, guild: i32, permission: i32) -> Verdict<&GuildFacts> {
        let facts = self.guard.knowledge.guilds.get(&guild).filter(|facts| {
            let mut here = facts.here.iter().filter(|member| facts.may(**member, permission));
            here.any(|member| self.sessions.by_character(*member).is_some())
        });
        facts.ok_or_else(|| {
            let detail = format!("nobody here has permission {permission:#x} in guild {guild}");
            Violation::light("guild_permission", detail).into()
        })
    }

    /// Demands that a member of the guild is on this engine.
    pub(super) fn member_here(&self, guild: i32) -> Verdict<()> {
        let facts = self.guard.knowledge.guilds.get(&guild);
        let here = facts.is_some_and(|facts| facts.here.iter().any(|member| self.character(*member).is_ok()));
        demand(here, "guild", || format!("nobody here is in guild {guild}"))
    }

    /// Demands that the packet has one of these lengths.
    pub(super) fn lengths(&self, allowed: &[usize]) -> Verdict<()> {
        insist(allowed.contains(&self.packet.len()), "length", || {
            format!("{} bytes, not {allowed:?}", self.packet.len())
        })
    }
}

/// Why a player cannot be spoken for.
fn stranger(sessions: &dyn Sessions, account: Option<AccountId>, character: Option<CharacterId>) -> Refusal {
    if sessions.left(account, character) {
        return Refusal::Late;
    }
    let who = |kind: &str, id: Option<u32>| id.map(|id| format!(" {kind} {id}")).unwrap_or_default();
    let detail = format!(
        "not here:{}{}",
        who("account", account.map(|account| account.0)),
        who("character", character.map(|character| character.0))
    );
    Violation::light("not_hosted", detail).into()
}
