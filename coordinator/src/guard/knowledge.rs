//! What the char-server's answers taught: who is in which party and guild, whose companions, mail and scripts these are.
//!
//! Only players of the fleet are remembered, from their 0x2afd until the fleet forgets them, so memory is bounded by
//! players. Parties and guilds live as long as one of their members is here.

mod belongings;
mod guilds;
mod parties;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{BabyRemoved, Divorced};
use bifrost_protocol::layout::CharacterImage;

pub(super) use belongings::{Belongings, CARD0_PET, Companion, eggs, items};
pub(super) use guilds::{EXP, EXPEL, GuildFacts, INVITE, MASTER_POSITION, POSITION};
pub(super) use parties::PartyFacts;

use super::EngineKey;
use super::ruling::Way;

/// Whispers that wait for an answer: the char-server itself forgets them after a minute.
const MAX_WHISPERS: usize = 4_096;

/// Names that were asked for.
const MAX_LOOKUPS: usize = 4_096;

/// Engines that asked for the clans.
const MAX_CLAN_REQUESTS: usize = 256;

/// Guilds that ended and members that left one, remembered for what engines say right afterwards.
const MAX_PARTINGS: usize = 256;

/// What the char-server last said of a player.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its account.
    pub(super) account: AccountId,
    /// Its name, without padding.
    pub(super) name: Vec<u8>,
    /// Its party; 0 none.
    pub(super) party: i32,
    /// Its guild; 0 none.
    pub(super) guild: i32,
    /// Its clan; 0 none.
    pub(super) clan: i32,
    /// Whom it is married to; 0 nobody.
    pub(super) partner: CharacterId,
    /// Its child; 0 none.
    pub(super) child: CharacterId,
    /// Whether 0x2b0d changed its sex, so that the next save may have the other one.
    pub(super) sex_changed: bool,
}

/// Everything there is to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    members: BTreeMap<CharacterId, Known>,
    characters: BTreeMap<AccountId, CharacterId>,
    names: BTreeMap<Vec<u8>, CharacterId>,
    pub(super) parties: BTreeMap<i32, PartyFacts>,
    pub(super) guilds: BTreeMap<i32, GuildFacts>,
    /// Companions, mail and scripts.
    pub(super) belongings: Belongings,
    whispers: VecDeque<(u32, CharacterId)>,
    lookups: VecDeque<(CharacterId, EngineKey)>,
    clan_requests: VecDeque<EngineKey>,
    /// Who asked for guild-bound items of a guild; only its low 16 bits come back.
    pub(super) bound_requests: BTreeMap<u16, EngineKey>,
    /// Guilds that have ended lately.
    ended: VecDeque<i32>,
    /// Who has left which guild lately, and whether somebody fetched its guild-bound items.
    parted: VecDeque<(i32, CharacterId, bool)>,
}

impl Knowledge {
    /// A player came to the fleet, with this character.
    pub(super) fn enters(&mut self, image: &CharacterImage) {
        let status = image.view();
        if let Some(before) = self.characters.insert(status.account, status.character)
            && before != status.character
        {
            self.forget(before, status.account);
        }
        let known = Known {
            account: status.account,
            name: status.name.as_bytes().to_vec(),
            party: status.party,
            guild: status.guild,
            clan: status.clan,
            partner: status.partner,
            child: status.child,
            sex_changed: false,
        };
        self.names.insert(known.name.clone(), status.character);
        self.members.insert(status.character, known);
        self.joins_party(status.character, status.party);
        self.joins_guild(status.character, status.guild);
        self.belongings.enters(&status);
    }

    /// The player is gone from the fleet.
    pub(super) fn forget(&mut self, character: CharacterId, account: AccountId) {
        self.joins_party(character, 0);
        self.joins_guild(character, 0);
        self.belongings.forget(character);
        if self.characters.get(&account) == Some(&character) {
            self.characters.remove(&account);
        }
        if let Some(known) = self.members.remove(&character)
            && self.names.get(&known.name) == Some(&character)
        {
            self.names.remove(&known.name);
        }
    }

    /// An engine's link has ended.
    pub(super) fn engine_gone(&mut self, engine: EngineKey) {
        self.lookups.retain(|(_, asked)| *asked != engine);
        self.clan_requests.retain(|asked| *asked != engine);
        self.bound_requests.retain(|_, asked| *asked != engine);
        for facts in self.guilds.values_mut() {
            facts.storage_holder = facts.storage_holder.filter(|holder| *holder != engine);
        }
        self.guilds.retain(|_, facts| !facts.here.is_empty() || facts.storage_holder.is_some());
    }

    /// The char-server's link has ended: nothing asked of it comes back.
    pub(super) fn char_gone(&mut self) {
        self.whispers.clear();
        self.lookups.clear();
        self.clan_requests.clear();
        self.bound_requests.clear();
    }

    /// A player of the fleet.
    pub(super) fn member(&self, character: CharacterId) -> Option<&Known> {
        self.members.get(&character)
    }

    /// How many players there are.
    #[cfg(test)]
    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    /// A player of the fleet, to be taught.
    pub(super) fn member_mut(&mut self, character: CharacterId) -> Option<&mut Known> {
        self.members.get_mut(&character)
    }

    /// The character an account plays.
    pub(super) fn character_of(&self, account: AccountId) -> Option<CharacterId> {
        self.characters.get(&account).copied()
    }

    /// Who has this name in the fleet.
    pub(super) fn named(&self, name: &[u8]) -> Option<CharacterId> {
        self.names.get(name).copied()
    }

    /// The way to a character's engine.
    pub(super) fn way_to(&self, character: CharacterId) -> Way {
        self.member(character).map_or(Way::Drop, |known| Way::Account(known.account))
    }

    /// The way to all of these.
    pub(super) fn way_to_all<'a>(&self, characters: impl IntoIterator<Item = &'a CharacterId>) -> Way {
        let accounts = characters.into_iter().filter_map(|character| self.member(*character));
        let accounts: BTreeSet<AccountId> = accounts.map(|known| known.account).collect();
        if accounts.is_empty() { Way::Drop } else { Way::Accounts(accounts.into_iter().collect()) }
    }

    /// A clan's members in the fleet.
    pub(super) fn clan_members(&self, clan: i32) -> Vec<CharacterId> {
        let members = self.members.iter().filter(|(_, known)| clan != 0 && known.clan == clan);
        members.map(|(character, _)| *character).collect()
    }

    /// The way to a clan's members.
    pub(super) fn way_to_clan(&self, clan: i32) -> Way {
        self.way_to_all(&self.clan_members(clan))
    }

    /// A whisper went to a player's engine.
    pub(super) fn whispered(&mut self, id: u32, to: CharacterId) {
        if self.whispers.len() == MAX_WHISPERS {
            self.whispers.pop_front();
        }
        self.whispers.push_back((id, to));
    }

    /// The whisper's receiver, when it is still to be answered; it is not afterwards.
    pub(super) fn whisper_answered(&mut self, id: u32, may_answer: impl Fn(CharacterId) -> bool) -> bool {
        let place = self.whispers.iter().position(|(found, to)| *found == id && may_answer(*to));
        place.and_then(|place| self.whispers.remove(place)).is_some()
    }

    /// An engine asks for a name.
    pub(super) fn name_asked(&mut self, character: CharacterId, engine: EngineKey) {
        if !self.lookups.contains(&(character, engine)) {
            if self.lookups.len() == MAX_LOOKUPS {
                self.lookups.pop_front();
            }
            self.lookups.push_back((character, engine));
        }
    }

    /// The engines that asked for a name.
    pub(super) fn name_answered(&mut self, character: CharacterId) -> Vec<EngineKey> {
        let asked = self.lookups.iter().filter(|(found, _)| *found == character).map(|(_, engine)| *engine).collect();
        self.lookups.retain(|(found, _)| *found != character);
        asked
    }

    /// An engine asks for the clans.
    pub(super) fn clans_asked(&mut self, engine: EngineKey) {
        if self.clan_requests.len() == MAX_CLAN_REQUESTS {
            self.clan_requests.pop_front();
        }
        self.clan_requests.push_back(engine);
    }

    /// The engine the clans are for: the char-server answers in order.
    pub(super) fn clans_answered(&mut self) -> Option<EngineKey> {
        self.clan_requests.pop_front()
    }

    /// A guild has ended.
    fn ends(&mut self, guild: i32) {
        if self.ended.len() == MAX_PARTINGS {
            self.ended.pop_front();
        }
        self.ended.push_back(guild);
    }

    /// Whether a guild has ended lately.
    pub(super) fn has_ended(&self, guild: i32) -> bool {
        self.ended.contains(&guild)
    }

    /// Somebody has left a guild.
    fn parts(&mut self, guild: i32, character: CharacterId) {
        if self.parted.len() == MAX_PARTINGS {
            self.parted.pop_front();
        }
        self.parted.push_back((guild, character, false));
    }

    /// The guild, known by its low 16 bits, that a character has left lately.
    pub(super) fn parted_from(&self, guild: u16, character: CharacterId) -> Option<i32> {
        let mut parted = self.parted.iter().rev();
        let fits = |(from, who, _): &&(i32, CharacterId, bool)| *who == character && from & 0xffff == i32::from(guild);
        parted.find(fits).map(|(guild, ..)| *guild)
    }

    /// Whether guild-bound items of a character that has left may be fetched: once, and not while it is in the fleet, where
    /// its own engine takes them away.
    pub(super) fn fetch_bound(&mut self, guild: i32, character: CharacterId) -> bool {
        let here = self.members.contains_key(&character);
        let mut parted = self.parted.iter_mut().rev();
        let fetched = parted.find(|(from, who, _)| *from == guild && *who == character).map(|(.., fetched)| fetched);
        !here && fetched.is_some_and(|fetched| !std::mem::replace(fetched, true))
    }

    /// Two are no longer married.
    pub(super) fn divorced(&mut self, said: &Divorced) -> Way {
        for (who, from) in [(said.one, said.other), (said.other, said.one)] {
            if let Some(known) = self.member_mut(who)
                && known.partner == from
            {
                known.partner = CharacterId(0);
            }
        }
        self.way_to_all(&[said.one, said.other])
    }

    /// A child has left its parents.
    pub(super) fn baby_removed(&mut self, said: &BabyRemoved) -> Way {
        for parent in [said.father, said.mother] {
            if let Some(known) = self.member_mut(parent)
                && known.child == said.child
            {
                known.child = CharacterId(0);
            }
        }
        self.way_to_all(&[said.father, said.mother])
    }
}
