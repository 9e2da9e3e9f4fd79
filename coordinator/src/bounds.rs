//! What a host may give its players: the third layer of trust (design, section 8).
//!
//! A stock map-server on a stranger's machine reports what its players have. Here that is held against what the realm's own
//! files say its maps can give ([`facts`]), save by save: [`holdings`] says what a character has, [`ledger`] what a group of
//! maps had to give, [`meter`] how much chance may add, [`finding`] what becomes of the rest. [`standing`] remembers how hosts
//! behaved, the fourth layer. `docs/bounds.md` says it for operators.
//!
//! All of it is pure: values and the time in, values out.

mod commodity;
mod convert;
mod cover;
pub mod facts;
mod finding;
mod holdings;
mod ledger;
mod limits;
mod meter;
mod progress;
pub mod standing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::ids::{AccountId, CharacterId, GroupName, HostId};
use bifrost_protocol::inter::{StorageKind, StorageSave};
use bifrost_protocol::layout::{CharacterImage, Item, StorageImage};

pub use commodity::{Amounts, Commodity};
pub use finding::{Finding, Grade};

use commodity::{contents, items_in};
use convert::Realm;
use facts::Economy;
use holdings::{Changes, Container, Player, Spot};
use ledger::{Ledger, Place};

/// What the operator sets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// How far honest play may exceed what the files say in the long run.
    pub slack: f64,
    /// Highest factor on the experience of a kill ([`facts::BONUS`]), besides what is shared.
    pub experience: f64,
    /// Highest factor on what a kill drops ([`facts::ITEM_BONUS`]).
    pub items: f64,
    /// Whether a grave finding keeps a save from being taken.
    pub enforce: bool,
}

/// One save that the guard has let through.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// Whose.
    pub character: CharacterId,
    /// The character's new state.
    pub image: &'a CharacterImage,
    /// The storages that came with it.
    pub storages: &'a [StorageSave],
    /// The guild's storage, if it came with it.
    pub guild: Option<(i32, &'a StorageImage)>,
}

/// What hosts gave, all groups together. Memory is bounded by the players of the fleet, the guilds whose storage is open, and
/// what was gained and lost on each group in the last minutes ([`limits`]).
#[derive(Debug)]
pub struct Bounds {
    realm: Realm,
    groups: BTreeMap<GroupName, Ledger>,
    players: BTreeMap<CharacterId, Player>,
    guilds: BTreeMap<i32, Container>,
}

impl Bounds {
    /// Judges by what a realm's files say.
    #[must_use]
    pub fn new(economy: Economy, rules: Rules) -> Self {
        Self {
            realm: Realm::new(economy, rules),
            groups: BTreeMap::new(),
            players: BTreeMap::new(),
            guilds: BTreeMap::new(),
        }
    }

    /// An engine starts to serve a group: everything that lives there lives.
    pub fn opened(&mut self, group: &GroupName, now: Duration) {
        self.ledger(group).open(now);
    }

    /// A character comes to the fleet, or comes back: this is what it has. `restored`: from before a restart, so that nobody
    /// saw its storages loaded.
    pub fn arrives(&mut self, image: &CharacterImage, group_id: u32, restored: bool) {
        let player = Player::new(image, group_id >= limits::MASTER_GROUP, restored);
        self.players.insert(image.view().character, player);
    }

    /// A character is on its way to the engine of a group.
    pub fn enters(&mut self, character: CharacterId, group: &GroupName, now: Duration) {
        if let Some(player) = self.players.get_mut(&character) {
            player.enters(group, now);
        }
    }

    /// A character is no longer on an engine, and not on its way to one.
    pub fn leaves(&mut self, character: CharacterId) {
        if let Some(player) = self.players.get_mut(&character) {
            player.group = None;
        }
    }

    /// A character is gone from the fleet.
    pub fn forget(&mut self, character: CharacterId) {
        self.players.remove(&character);
    }

    /// The char-server hands out an inventory, a cart or a storage (0x388a). Only the first answer of a stay counts: what is
    /// asked for again is older than what was saved since.
    pub fn loaded(&mut self, account: AccountId, kind: StorageKind, image: &StorageImage) {
        let number = image.view().storage;
        let player = self.players.values_mut().find(|player| player.account == account);
        if let (Some(player), Some(spot)) = (player, Spot::of(kind, number)) {
            player.containers.entry(spot).or_insert_with(|| Container::of(image));
        }
    }

    /// The char-server hands out a guild's storage (0x3818).
    pub fn guild_loaded(&mut self, guild: i32, image: &StorageImage) {
        if guild > 0 {
            self.guilds.entry(guild).or_insert_with(|| Container::of(image));
        }
    }

    /// Nobody has the storage of a guild any more: whoever asks next gets it anew.
    pub fn guild_closed(&mut self, still_held: impl Fn(i32) -> bool) {
        self.guilds.retain(|guild, _| still_held(*guild));
    }

    /// The char-server gave zeny and items to a character (an attachment, 0x384a, or mail that could not be sent).
    pub fn received(&mut self, group: &GroupName, zeny: u32, items: &[Item], now: Duration) {
        let mut given = items_in(items);
        commodity::add(&mut given, Commodity::Zeny, zeny.into());
        self.ledger(group).credit(&given, now);
    }

    /// A character sends zeny and items away (0x304d) before a save says that it has them no longer.
    pub fn sends(
        &mut self,
        group: &GroupName,
        host: &HostId,
        character: CharacterId,
        (zeny, items): (u32, &[Item]),
        now: Duration,
    ) -> Vec<Finding> {
        let mut sent = items_in(items);
        commodity::add(&mut sent, Commodity::Zeny, zeny.into());
        let changes = Changes { gained: sent.into_iter().collect(), ..Changes::default() };
        let mut own = Amounts::new();
        self.players.get(&character).iter().for_each(|player| player.add_to(&mut own));
        self.book(group, host, Some(character), changes, &[own], now).unwrap_or_else(|grave| grave)
    }

    /// The guild's storage is saved by itself, in nobody's name (0x3019).
    pub fn guild_saved(
        &mut self,
        group: &GroupName,
        host: &HostId,
        (guild, image): (i32, &StorageImage),
        now: Duration,
    ) -> Vec<Finding> {
        let after = Container::of(image);
        let changes = self.guilds.get(&guild).map(|before| Changes::between(&before.amounts, &after.amounts));
        match self.book(group, host, None, changes.unwrap_or_default(), &[], now) {
            Ok(findings) => {
                self.guilds.insert(guild, after);
                findings
            }
            Err(grave) => grave,
        }
    }

    /// Judges a save that a host made of a character on a group. With enforcement and a grave finding nothing is remembered
    /// of it: the last good state stays.
    pub fn saved(&mut self, group: &GroupName, host: &HostId, save: &Saved<'_>, now: Duration) -> Vec<Finding> {
        let Some(player) = self.players.get(&save.character) else { return Vec::new() };
        let guild = save.guild.and_then(|(guild, image)| Some((self.guilds.get(&guild)?, image)));
        let after = player.after(save, &self.realm.economy);
        let mut changes = after.changes;
        if let Some((before, image)) = guild {
            changes.merge(Changes::between(&before.amounts, &contents(image)));
        }
        let unsaved: Vec<Amounts> = player.unsaved(save.storages).cloned().collect();
        match self.book(group, host, Some(save.character), changes, &unsaved, now) {
            Ok(findings) => {
                self.observe(group, save, now);
                findings
            }
            Err(grave) => grave,
        }
    }

    /// Takes over what a save says without judging it.
    pub fn observe(&mut self, group: &GroupName, save: &Saved<'_>, now: Duration) {
        if let Some((guild, image)) = save.guild {
            self.guilds.insert(guild, Container::of(image));
        }
        if let Some(player) = self.players.get_mut(&save.character) {
            player.take_over(save, group, now);
        }
    }

    /// What is owed for too long.
    pub fn due(&mut self, now: Duration) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (group, ledger) in &mut self.groups {
            if master_on(&self.players, group) {
                ledger.forgive();
            }
            let last = |character: Option<CharacterId>, since: Duration| {
                let others = self.players.iter().filter(|(id, player)| {
                    Some(**id) != character && player.group.as_ref() == Some(group) && player.entered <= since
                });
                others.map(|(_, player)| player.saved).min()
            };
            findings.extend(ledger.due(group, &self.realm, last, now));
        }
        findings
    }

    /// How much is remembered: players, and lines of all ledgers.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.players.len(), self.groups.values().map(Ledger::size).sum())
    }

    fn ledger(&mut self, group: &GroupName) -> &mut Ledger {
        self.groups.entry(group.clone()).or_default()
    }

    /// Books what changed. `Err`: findings so grave that nothing was booked.
    fn book(
        &mut self,
        group: &GroupName,
        host: &HostId,
        character: Option<CharacterId>,
        changes: Changes,
        unsaved: &[Amounts],
        now: Duration,
    ) -> Result<Vec<Finding>, Vec<Finding>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let players = &self.players;
        if master_on(players, group) {
            self.groups.entry(group.clone()).or_default().credit(&changes.lost, now);
            return Ok(Vec::new());
        }
        let held = || {
            let here =
                players.iter().filter(|(id, player)| Some(**id) != character && player.group.as_ref() == Some(group));
            let mut all = Amounts::new();
            here.for_each(|(_, player)| player.add_to(&mut all));
            unsaved.iter().for_each(|amounts| commodity::add_all(&mut all, amounts));
            all
        };
        let ledger = self.groups.entry(group.clone()).or_default();
        if players.values().any(|player| player.is_rogue() && player.group.as_ref() == Some(group)) {
            ledger.rogues(now);
        }
        let place = Place { group, host, character, realm: &self.realm, held: &held, now };
        // What could only be grave is tried on a copy first: of what is refused nothing may stay, no loss either.
        if self.realm.rules.enforce && changes.gained.iter().any(|gain| self.realm.may_be_grave(gain)) {
            let mut tried = ledger.clone();
            let findings = tried.book(&changes, &place);
            if findings.iter().any(|finding| finding.grade == Grade::Grave) {
                return Err(findings);
            }
            *ledger = tried;
            return Ok(findings);
        }
        Ok(ledger.book(&changes, &place))
    }
}

/// Whether somebody on a group can make anything by command: what is handed out then is not for a host to answer for.
fn master_on(players: &BTreeMap<CharacterId, Player>, group: &GroupName) -> bool {
    players.values().any(|player| player.master && player.group.as_ref() == Some(group))
}
