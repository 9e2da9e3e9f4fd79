//! Parties, as the char-server describes them.

use std::collections::BTreeSet;

use bifrost_protocol::FixedText;
use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{Party, PartyAdded, PartyCreated, PartyLeft};

use super::Knowledge;
use crate::guard::ruling::Way;

/// A member of a party, here or elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::guard) struct Comrade {
    /// Its account.
    pub(in crate::guard) account: AccountId,
    /// Its character.
    pub(in crate::guard) character: CharacterId,
    /// Its name.
    pub(in crate::guard) name: FixedText<24>,
}

/// A party with members in the fleet.
#[derive(Clone, Debug, Default)]
pub(in crate::guard) struct PartyFacts {
    /// Members that are here.
    pub(in crate::guard) here: BTreeSet<CharacterId>,
    /// Who leads it; not known before its first 0x3821.
    pub(in crate::guard) leader: Option<CharacterId>,
    /// All members (at most 12), once it was described.
    pub(in crate::guard) members: Vec<Comrade>,
}

impl PartyFacts {
    /// The member with this character.
    pub(in crate::guard) fn member(&self, character: CharacterId) -> Option<&Comrade> {
        self.members.iter().find(|member| member.character == character)
    }
}

impl Knowledge {
    /// A player of the fleet is in this party now, and in no other; 0: in none.
    pub(in crate::guard) fn joins_party(&mut self, character: CharacterId, party: i32) {
        let Some(known) = self.member_mut(character) else { return };
        let before = std::mem::replace(&mut known.party, party);
        if before != party
            && let Some(facts) = self.parties.get_mut(&before)
        {
            facts.here.remove(&character);
            if facts.here.is_empty() {
                self.parties.remove(&before);
            }
        }
        if party != 0 {
            self.parties.entry(party).or_default().here.insert(character);
        }
    }

    /// The way to the members that are here.
    pub(in crate::guard) fn way_to_party(&self, party: i32) -> Way {
        self.parties.get(&party).map_or(Way::Drop, |facts| self.way_to_all(&facts.here))
    }

    /// Answer to a founding.
    pub(in crate::guard) fn party_created(&mut self, said: &PartyCreated) -> Way {
        if said.failed == 0 {
            self.joins_party(said.character, said.party);
            if let Some(facts) = self.parties.get_mut(&said.party) {
                facts.leader = Some(said.character);
            }
        }
        Way::Account(said.account)
    }

    /// Somebody was taken in, or not.
    pub(in crate::guard) fn party_added(&mut self, said: &PartyAdded) -> Way {
        if said.failed == 0 {
            self.joins_party(said.character, said.party);
        }
        Way::Account(said.account)
    }

    /// A party is described. The founder's own description comes before the answer to the founding.
    pub(in crate::guard) fn party_described(&mut self, asked: CharacterId, party: &Party) -> Way {
        let members: Vec<_> = party.members.0.iter().filter(|member| member.character != CharacterId(0)).collect();
        for member in &members {
            let free = self.member(member.character).is_some_and(|known| known.party == 0 || known.party == party.id);
            if free {
                self.joins_party(member.character, party.id);
            }
        }
        if let Some(facts) = self.parties.get_mut(&party.id) {
            facts.leader = members.iter().find(|member| member.flags & 1 != 0).map(|member| member.character);
            facts.members = members
                .iter()
                .map(|member| Comrade { account: member.account, character: member.character, name: member.name })
                .collect();
        }
        let here = self.parties.get(&party.id).map(|facts| facts.here.clone()).unwrap_or_default();
        self.way_to_all(here.iter().chain([&asked]))
    }

    /// Somebody has left. It is told as well.
    pub(in crate::guard) fn party_left(&mut self, said: &PartyLeft) -> Way {
        let here = self.parties.get(&said.party).map(|facts| facts.here.clone()).unwrap_or_default();
        let way = self.way_to_all(here.iter().chain([&said.character]));
        if self.member(said.character).is_some_and(|known| known.party == said.party) {
            self.joins_party(said.character, 0);
        }
        if let Some(facts) = self.parties.get_mut(&said.party) {
            facts.members.retain(|member| member.character != said.character);
        }
        way
    }

    /// A party has ended.
    pub(in crate::guard) fn party_broken(&mut self, party: i32) -> Way {
        let way = self.way_to_party(party);
        for character in self.parties.get(&party).map(|facts| facts.here.clone()).unwrap_or_default() {
            self.joins_party(character, 0);
        }
        way
    }
}
