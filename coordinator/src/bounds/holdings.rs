//! What a character has, as far as its saves say, and what changed from one to the next.

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::ids::{AccountId, GroupName};
use bifrost_protocol::inter::{StorageKind, StorageSave};
use bifrost_protocol::layout::{CharacterImage, StorageImage};
use bifrost_protocol::save::fingerprint;

use super::Saved;
use super::commodity::{Amounts, Commodity, add, add_all, contents};
use super::facts::Economy;
use super::progress::Progress;

/// Where a character's things lie.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Spot {
    Inventory,
    Cart,
    /// A storage of the account, by number.
    Storage(u8),
}

impl Spot {
    pub(super) fn of(kind: StorageKind, number: u8) -> Option<Self> {
        match kind {
            StorageKind::INVENTORY => Some(Self::Inventory),
            StorageKind::CART => Some(Self::Cart),
            StorageKind::STORAGE => Some(Self::Storage(number)),
            _ => None,
        }
    }
}

/// One storage. Nearly every save brings it as it was: its fingerprint tells so without looking into it.
#[derive(Clone, Debug)]
pub(super) struct Container {
    print: [u8; 16],
    pub(super) amounts: Amounts,
}

impl Container {
    pub(super) fn of(image: &StorageImage) -> Self {
        Self { print: fingerprint(image.as_bytes()), amounts: contents(image) }
    }

    fn is(&self, image: &StorageImage) -> bool {
        self.print == fingerprint(image.as_bytes())
    }
}

/// What one save gained and lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) gained: Vec<(Commodity, u64)>,
    pub(super) lost: Amounts,
    /// Experience of the level it is on: base and job.
    pub(super) of_a_level: (u64, u64),
}

impl Changes {
    pub(super) fn between(before: &Amounts, after: &Amounts) -> Self {
        let mut changes = Self::default();
        let amount = |of: &Amounts, commodity: &Commodity| of.get(commodity).copied().unwrap_or_default();
        for (commodity, now) in after {
            let then = amount(before, commodity);
            if *now > then {
                changes.gained.push((*commodity, now - then));
            }
        }
        for (commodity, then) in before {
            add(&mut changes.lost, *commodity, then.saturating_sub(amount(after, commodity)));
        }
        changes
    }

    /// Puts changes of another storage to these: what went from the one into the other is none.
    pub(super) fn merge(&mut self, more: Self) {
        let mut gained: Amounts = self.gained.drain(..).collect();
        more.gained.into_iter().for_each(|(commodity, amount)| add(&mut gained, commodity, amount));
        add_all(&mut self.lost, &more.lost);
        for (commodity, amount) in &mut gained {
            if let Some(lost) = self.lost.get_mut(commodity) {
                let both = (*lost).min(*amount);
                *lost -= both;
                *amount -= both;
            }
        }
        self.lost.retain(|_, amount| *amount > 0);
        self.gained = gained.into_iter().filter(|(_, amount)| *amount > 0).collect();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty()
    }
}

/// A character of the fleet.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) account: AccountId,
    /// Whether it can make items by command: then nothing it gains is judged.
    pub(super) master: bool,
    /// Whether it was there before a restart.
    restored: bool,
    /// Whose engine it is on.
    pub(super) group: Option<GroupName>,
    pub(super) entered: Duration,
    /// When a save last brought all it carries.
    pub(super) saved: Duration,
    progress: Progress,
    zeny: u64,
    pub(super) containers: BTreeMap<Spot, Container>,
}

/// What a save makes of a player.
#[derive(Debug)]
pub(super) struct After {
    pub(super) changes: Changes,
}

impl Player {
    pub(super) fn new(image: &CharacterImage, master: bool, restored: bool) -> Self {
        Self {
            account: image.view().account,
            master,
            restored,
            group: None,
            entered: Duration::ZERO,
            saved: Duration::ZERO,
            progress: Progress::of(image),
            zeny: zeny(image),
            containers: BTreeMap::new(),
        }
    }

    pub(super) fn enters(&mut self, group: &GroupName, now: Duration) {
        self.group = Some(group.clone());
        (self.entered, self.saved) = (now, now);
    }

    /// Whether it can take zeny from monsters.
    pub(super) fn is_rogue(&self) -> bool {
        self.progress.is_rogue()
    }

    /// What changed. A storage that nobody loaded holds nothing: a host cannot bring one along. After a restart of the
    /// coordinator nobody saw what was loaded: then the first save is where counting starts.
    pub(super) fn after(&self, save: &Saved<'_>, economy: &Economy) -> After {
        let progress = Progress::of(save.image);
        let (mut before, mut after) = (Amounts::new(), Amounts::new());
        add(&mut before, Commodity::Zeny, self.zeny);
        add(&mut after, Commodity::Zeny, zeny(save.image));
        for storage in save.storages {
            let Some(spot) = spot(storage) else { continue };
            match self.containers.get(&spot) {
                Some(container) if container.is(&storage.image) => {}
                None if self.restored => {}
                known => {
                    known.iter().for_each(|container| add_all(&mut before, &container.amounts));
                    add_all(&mut after, &contents(&storage.image));
                }
            }
        }
        let mut changes = Changes::between(&before, &after);
        changes.gained.extend(progress.gained_since(&self.progress, economy));
        let level = |commodity| progress.of_a_level(commodity, economy);
        changes.of_a_level = (level(Commodity::BaseExperience), level(Commodity::JobExperience));
        After { changes }
    }

    /// What lies where a save does not look: it may be less by now.
    pub(super) fn unsaved(&self, storages: &[StorageSave]) -> impl Iterator<Item = &Amounts> {
        let looked = move |at: Spot| storages.iter().any(|storage| spot(storage) == Some(at));
        let carried = [Spot::Inventory, Spot::Cart].into_iter().filter(move |at| !looked(*at));
        carried.filter_map(|at| self.containers.get(&at)).map(|container| &container.amounts)
    }

    pub(super) fn take_over(&mut self, save: &Saved<'_>, group: &GroupName, now: Duration) {
        if self.group.as_ref() != Some(group) {
            self.enters(group, now);
        }
        self.progress = Progress::of(save.image);
        self.zeny = zeny(save.image);
        for storage in save.storages {
            let Some(spot) = spot(storage) else { continue };
            if !self.containers.get(&spot).is_some_and(|container| container.is(&storage.image)) {
                self.containers.insert(spot, Container::of(&storage.image));
            }
        }
        if save.storages.iter().any(|storage| storage.kind == StorageKind::INVENTORY) {
            self.saved = now;
        }
    }

    /// Adds all it has with it.
    pub(super) fn add_to(&self, amounts: &mut Amounts) {
        add(amounts, Commodity::Zeny, self.zeny);
        self.containers.values().for_each(|container| add_all(amounts, &container.amounts));
    }
}

fn spot(storage: &StorageSave) -> Option<Spot> {
    Spot::of(storage.kind, storage.image.view().storage)
}

fn zeny(image: &CharacterImage) -> u64 {
    u64::try_from(image.view().zeny).unwrap_or_default()
}
