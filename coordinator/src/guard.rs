//! What a host may say on behalf of its engine, packet by packet: the first layer of trust (design, section 8).
//!
//! A char-server believes whatever map-servers say, down to its memory's safety. Engines run on strangers' machines, so each
//! packet of theirs has one rule in one list ([`rules`]): answered here, forwarded after a check, rewritten, dropped, or a
//! breach; and each packet of the char-server has its way. What is in no list closes the link. `docs/guard.md` shows both
//! lists.
//!
//! All packets are in the canonical layout (Linux x86-64, PACKETVER 20211103, pre-renewal). [`Guard`] is pure: it knows no
//! socket and no clock. It remembers what the char-server said of players, parties, guilds, mail and companions, and asks
//! [`Sessions`] for the rest. It does not judge what a host *gives* its players: experience, zeny, items. A later layer does,
//! from what an [`AcceptedSave`] holds.

mod asked;
mod character;
mod classes;
mod companions;
mod down;
mod effects;
mod guilds;
mod items;
mod knowledge;
mod link;
mod logbooks;
mod mail;
mod parties;
mod players;
mod rate;
mod registry;
pub mod rules;
mod ruling;
mod save;
mod storage;
mod subject;
mod talk;
#[cfg(test)]
mod tests;
mod text;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{GuildSeen, PartyMove, char_to_map, map_to_char};
use bifrost_protocol::layout::CharacterImage;
use bifrost_protocol::{DecodeError, Packet, Writer};
use bytes::Bytes;

pub use ruling::{Forward, Ruling, Share, Violation, Way};
pub use save::AcceptedSave;
pub use subject::{EngineKey, Sessions, Subject};

use asked::Asked;
use knowledge::Knowledge;
use rate::{Buckets, Rate};
use ruling::{Refusal, Verdict, insist};

/// Breaches in packets that were let through without the part that broke a rule, kept until they are asked for.
const MAX_CUT: usize = 1_024;

/// Judges what engines say, and finds the way for what the char-server says. One for the whole fleet.
#[derive(Debug, Default)]
pub struct Guard {
    knowledge: Knowledge,
    engines: BTreeMap<EngineKey, Engine>,
    greeting: Greeting,
    cut: VecDeque<(EngineKey, Violation)>,
}

/// What is remembered of an engine's link.
#[derive(Debug, Default)]
struct Engine {
    /// Whether it has logged in.
    connected: bool,
    buckets: Buckets,
}

/// What the char-server says once to the fleet, and each engine has to hear.
#[derive(Debug, Default)]
struct Greeting {
    /// 0x388c.
    storage_tables: Option<Bytes>,
    /// The numbers in it.
    storages: BTreeSet<u8>,
    /// 0x2afb.
    accepted: Option<Bytes>,
    /// 0x2b1b.
    fame: Option<Bytes>,
    /// The name the server whispers under.
    whisper_name: Option<Vec<u8>>,
}

impl Greeting {
    /// Whether accounts have a storage of this number. The first one they always have.
    fn has_storage(&self, number: u8) -> bool {
        number == 0 || self.storages.contains(&number)
    }
}

impl Guard {
    /// Judges a packet of an engine that is not part of a save.
    ///
    /// # Errors
    /// [`Violation`] when it breaks a rule: it is not to be forwarded; its answers, if any, are for the engine.
    pub fn up(
        &mut self,
        engine: EngineKey,
        packet: &Bytes,
        sessions: &dyn Sessions,
        now: Duration,
    ) -> Result<Ruling, Violation> {
        let rule = rules::up(packet);
        let name = rule.map_or("unknown", |rule| rule.name);
        let verdict = self.judge_up(engine, rule, packet, sessions, now);
        named(name, verdict, Ruling::Drop)
    }

    /// Judges all packets of one save of one character, whole and in order. `None`: the player has just left, and what is
    /// saved of it now changes nothing.
    ///
    /// # Errors
    /// [`Violation`]: nothing of the save is to be kept.
    pub fn save(
        &mut self,
        engine: EngineKey,
        character: CharacterId,
        packets: &Bytes,
        sessions: &dyn Sessions,
        now: Duration,
    ) -> Result<Option<AcceptedSave>, Violation> {
        let verdict = self.spend(engine, Rate::Free, now).and_then(|()| {
            insist(self.engine(engine).connected, "order", || "a save before the login".to_owned())?;
            save::judge(&mut Asked { guard: self, engine, packet: packets, sessions, now }, character)
        });
        match verdict {
            Ok(accepted) => Ok(Some(accepted)),
            Err(Refusal::Breach(violation)) => Err(Violation { packet: "save", ..violation }),
            Err(Refusal::Late) => Ok(None),
        }
    }

    /// Where a packet of the char-server goes. It learns from it.
    ///
    /// # Errors
    /// [`DecodeError`]: the char-server does not say this, or not so.
    pub fn down(&mut self, packet: &Bytes) -> Result<Way, DecodeError> {
        let id = packet_id(packet)?;
        if char_to_map().measure(packet)? != Some(packet.len()) {
            return Err(DecodeError::BadLength { id, len: packet.len() });
        }
        let rule = rules::down(id).ok_or(DecodeError::UnknownId { id })?;
        (rule.way)(self, packet)
    }

    /// Breaches in packets that were let through without the part that broke a rule: to be counted as the others are.
    pub fn take_cut(&mut self) -> Vec<(EngineKey, Violation)> {
        self.cut.drain(..).collect()
    }

    /// A player is in the fleet that no 0x2afd announced: after a restart of the coordinator. Returns what to ask the
    /// char-server, so that its answers teach what is missing.
    pub fn enters(&mut self, image: &CharacterImage) -> Vec<Bytes> {
        self.knowledge.enters(image);
        let status = image.view();
        let mut questions = Vec::new();
        if status.party > 0 {
            let mut writer = Writer::packet(0x3021);
            writer.i32(status.party).u32(status.character.0);
            questions.push(writer.finish());
        }
        if status.guild > 0 {
            let mut writer = Writer::packet(0x3031);
            writer.i32(status.guild);
            questions.push(writer.finish());
        }
        questions
    }

    /// What the char-server has to hear for party and guild when a player leaves the game: its engine says so only after it
    /// let the player go, when it is no longer listened to.
    #[must_use]
    pub fn farewell(&self, account: AccountId, image: &CharacterImage) -> Vec<Bytes> {
        let status = image.view();
        let Some(known) = self.knowledge.member(status.character) else { return Vec::new() };
        let character = status.character;
        let mut packets = Vec::new();
        if known.party > 0 {
            let level = u16::try_from(status.base_level).unwrap_or(u16::MAX);
            let map = status.last_point.map;
            packets.push(PartyMove { party: known.party, account, character, online: 0, level, map }.encode());
        }
        if known.guild > 0 {
            let level = i16::try_from(status.base_level).unwrap_or(i16::MAX);
            let class = status.class;
            packets.push(GuildSeen { guild: known.guild, account, character, online: 0, level, class }.encode());
        }
        packets
    }

    /// Party and guild of a player of the fleet, as the char-server said last; 0 for none.
    #[must_use]
    pub fn memberships(&self, character: CharacterId) -> Option<(i32, i32)> {
        self.knowledge.member(character).map(|known| (known.party, known.guild))
    }

    /// Whether an engine holds the storage of a guild.
    #[must_use]
    pub fn holds_storage(&self, guild: i32) -> bool {
        self.knowledge.guilds.get(&guild).is_some_and(|facts| facts.storage_holder.is_some())
    }

    /// An engine's link has ended.
    pub fn engine_gone(&mut self, engine: EngineKey) {
        self.engines.remove(&engine);
        self.knowledge.engine_gone(engine);
        self.cut.retain(|(from, _)| *from != engine);
    }

    /// The char-server's link has ended.
    pub fn char_gone(&mut self) {
        self.knowledge.char_gone();
    }

    /// A player is no longer in the fleet.
    pub fn forget(&mut self, character: CharacterId, account: AccountId) {
        self.knowledge.forget(character, account);
    }

    /// How many players it remembers.
    #[cfg(test)]
    fn knowledge_size(&self) -> usize {
        self.knowledge.members()
    }

    fn judge_up(
        &mut self,
        engine: EngineKey,
        rule: Option<&'static rules::UpRule>,
        packet: &Bytes,
        sessions: &dyn Sessions,
        now: Duration,
    ) -> Verdict {
        self.spend(engine, rule.map_or(Rate::Free, |rule| rule.rate), now)?;
        let Some(rule) = rule else {
            return Err(Violation::grave("unknown", format!("{:02x?}", packet.get(..2).unwrap_or_default())).into());
        };
        let whole = map_to_char().measure(packet).ok().flatten() == Some(packet.len());
        insist(whole, "frame", || format!("{} bytes that are not one packet", packet.len()))?;
        let first = rule.id == FIRST;
        insist(first || self.engine(engine).connected, "order", || "before the login".to_owned())?;
        (rule.judge)(&mut Asked { guard: self, engine, packet, sessions, now })
    }

    fn spend(&mut self, engine: EngineKey, rate: Rate, now: Duration) -> Verdict<()> {
        match self.engine(engine).buckets.spend(rate, now) {
            Ok(()) => Ok(()),
            Err(true) => Err(Violation::grave("flood", "too many packets").into()),
            Err(false) => Err(Violation::light("rate", format!("{rate:?}")).into()),
        }
    }

    fn engine(&mut self, engine: EngineKey) -> &mut Engine {
        self.engines.entry(engine).or_default()
    }

    /// Remembers a breach in a packet that goes on without it.
    fn cut(&mut self, engine: EngineKey, violation: Violation) {
        if self.cut.len() < MAX_CUT {
            self.cut.push_back((engine, violation));
        }
    }
}

/// 0x2af8: what a link starts with.
const FIRST: u16 = 0x2af8;

/// A verdict to the outside, under the packet's name.
fn named<T>(packet: &'static str, verdict: Verdict<T>, late: T) -> Result<T, Violation> {
    match verdict {
        Ok(ruling) => Ok(ruling),
        Err(Refusal::Late) => Ok(late),
        Err(Refusal::Breach(violation)) => Err(Violation { packet, ..violation }),
    }
}
