//! Guilds, as the char-server describes them.

use std::collections::{BTreeMap, BTreeSet};

use bifrost_protocol::ids::{AccountId, CharacterId};
use bifrost_protocol::inter::{
    Guild, GuildAdded, GuildCreated, GuildLeft, GuildMasterChanged, GuildMemberChanged, GuildRankChanged,
};

use super::Knowledge;
use crate::guard::EngineKey;
use crate::guard::ruling::Way;

/// `GUILD_PERM_INVITE`: the rank may invite.
pub(in crate::guard) const INVITE: i32 = 0x001;

/// `GUILD_PERM_EXPEL`: the rank may expel.
pub(in crate::guard) const EXPEL: i32 = 0x010;

/// The master's rank.
pub(in crate::guard) const MASTER_POSITION: i16 = 0;

/// `GMI_POSITION`: a member's rank.
pub(in crate::guard) const POSITION: u16 = 0;

/// `GMI_EXP`: what a member gave.
pub(in crate::guard) const EXP: u16 = 1;

/// A member of a guild, here or elsewhere.
#[derive(Clone, Debug, Default)]
pub(in crate::guard) struct Fellow {
    /// Its account.
    pub(in crate::guard) account: AccountId,
    /// Its name, without padding.
    pub(in crate::guard) name: Vec<u8>,
    /// Its rank.
    pub(in crate::guard) position: i16,
    /// What it gave to the guild.
    pub(in crate::guard) exp: u64,
}

/// A guild with members in the fleet.
#[derive(Clone, Debug, Default)]
pub(in crate::guard) struct GuildFacts {
    /// Members that are here.
    pub(in crate::guard) here: BTreeSet<CharacterId>,
    /// Its master; not known before its first 0x3831.
    pub(in crate::guard) master: Option<CharacterId>,
    /// All members (at most 76), once it was described.
    pub(in crate::guard) members: BTreeMap<CharacterId, Fellow>,
    /// What each rank may do.
    pub(in crate::guard) modes: [i32; 20],
    /// The one engine that has the guild's storage in memory. It keeps it until its link ends: a stock map-server never
    /// says that it dropped its copy.
    pub(in crate::guard) storage_holder: Option<EngineKey>,
}

impl GuildFacts {
    /// Whether the member's rank may do this; the master may do everything.
    pub(in crate::guard) fn may(&self, character: CharacterId, permission: i32) -> bool {
        let position = self.members.get(&character).map(|fellow| fellow.position);
        let mode = position.and_then(|place| self.modes.get(usize::try_from(place).ok()?));
        self.master == Some(character) || mode.is_some_and(|mode| mode & permission != 0)
    }
}

impl Knowledge {
    /// A player of the fleet is in this guild now, and in no other; 0: in none.
    pub(in crate::guard) fn joins_guild(&mut self, character: CharacterId, guild: i32) {
        let Some(known) = self.member_mut(character) else { return };
        let before = std::mem::replace(&mut known.guild, guild);
        if before != guild
            && let Some(facts) = self.guilds.get_mut(&before)
        {
            facts.here.remove(&character);
            if facts.here.is_empty() && facts.storage_holder.is_none() {
                self.guilds.remove(&before);
            }
        }
        if guild != 0 {
            self.guilds.entry(guild).or_default().here.insert(character);
        }
    }

    /// The way to the members that are here.
    pub(in crate::guard) fn way_to_guild(&self, guild: i32) -> Way {
        self.guilds.get(&guild).map_or(Way::Drop, |facts| self.way_to_all(&facts.here))
    }

    /// The way to the members of two guilds.
    pub(in crate::guard) fn way_to_guilds(&self, guilds: [i32; 2]) -> Way {
        let facts = guilds.iter().filter_map(|guild| self.guilds.get(guild));
        self.way_to_all(facts.flat_map(|facts| &facts.here))
    }

    /// Answer to a founding.
    pub(in crate::guard) fn guild_created(&mut self, said: &GuildCreated) -> Way {
        if said.guild != 0
            && let Some(character) = self.character_of(said.account)
        {
            self.joins_guild(character, said.guild);
            if let Some(facts) = self.guilds.get_mut(&said.guild) {
                facts.master = Some(character);
            }
        }
        Way::Account(said.account)
    }

    /// Somebody was taken in, or not.
    pub(in crate::guard) fn guild_added(&mut self, said: &GuildAdded) -> Way {
        if said.failed == 0 {
            self.joins_guild(said.character, said.guild);
        }
        Way::Account(said.account)
    }

    /// A guild is described.
    pub(in crate::guard) fn guild_described(&mut self, guild: &Guild) -> Way {
        let members: Vec<_> = guild.members.0.iter().filter(|member| member.character != CharacterId(0)).collect();
        for member in &members {
            let free = self.member(member.character).is_some_and(|known| known.guild == 0 || known.guild == guild.id);
            if free {
                self.joins_guild(member.character, guild.id);
            }
        }
        if let Some(facts) = self.guilds.get_mut(&guild.id) {
            facts.master =
                members.iter().find(|member| member.position == MASTER_POSITION).map(|found| found.character);
            facts.members = members
                .iter()
                .map(|member| {
                    let name = member.name.as_bytes().to_vec();
                    let (account, position, exp) = (member.account, member.position, member.exp);
                    (member.character, Fellow { account, name, position, exp })
                })
                .collect();
            facts.modes = guild.positions.0.map(|position| position.mode);
        }
        self.way_to_guild(guild.id)
    }

    /// Somebody has left. It is told as well.
    pub(in crate::guard) fn guild_left(&mut self, said: &GuildLeft) -> Way {
        let here = self.guilds.get(&said.guild).map(|facts| facts.here.clone()).unwrap_or_default();
        let way = self.way_to_all(here.iter().chain([&said.character]));
        if self.member(said.character).is_some_and(|known| known.guild == said.guild) {
            self.joins_guild(said.character, 0);
        }
        if let Some(facts) = self.guilds.get_mut(&said.guild) {
            facts.members.remove(&said.character);
        }
        self.parts(said.guild, said.character);
        way
    }

    /// A guild has ended.
    pub(in crate::guard) fn guild_broken(&mut self, guild: i32) -> Way {
        let way = self.way_to_guild(guild);
        for character in self.guilds.get(&guild).map(|facts| facts.here.clone()).unwrap_or_default() {
            self.joins_guild(character, 0);
        }
        self.guilds.remove(&guild);
        self.ends(guild);
        way
    }

    /// Something about a member has changed.
    pub(in crate::guard) fn guild_member_changed(&mut self, said: &GuildMemberChanged) -> Way {
        let fellow = self.guilds.get_mut(&said.guild).and_then(|facts| facts.members.get_mut(&said.character));
        if let Some(fellow) = fellow {
            match (said.kind, said.value.as_slice()) {
                (POSITION, [low, high, ..]) => fellow.position = i16::from_le_bytes([*low, *high]),
                (EXP, value) => {
                    if let Some(exp) = value.first_chunk() {
                        fellow.exp = u64::from_le_bytes(*exp);
                    }
                }
                _ => {}
            }
        }
        self.way_to_guild(said.guild)
    }

    /// A rank has changed.
    pub(in crate::guard) fn guild_rank_changed(&mut self, said: &GuildRankChanged) -> Way {
        let facts = self.guilds.get_mut(&said.guild);
        let index = usize::try_from(said.index).ok();
        if let Some(mode) = facts.zip(index).and_then(|(facts, index)| facts.modes.get_mut(index)) {
            *mode = said.position.mode;
        }
        self.way_to_guild(said.guild)
    }

    /// Another member is master; it and the former one changed places and ranks.
    pub(in crate::guard) fn guild_master_changed(&mut self, said: &GuildMasterChanged) -> Way {
        if let Some(facts) = self.guilds.get_mut(&said.guild) {
            let rank = facts.members.get(&said.character).map_or(MASTER_POSITION, |fellow| fellow.position);
            if let Some(former) = facts.master.and_then(|master| facts.members.get_mut(&master)) {
                former.position = rank;
            }
            if let Some(new) = facts.members.get_mut(&said.character) {
                new.position = MASTER_POSITION;
            }
            facts.master = Some(said.character);
        }
        self.way_to_guild(said.guild)
    }
}
