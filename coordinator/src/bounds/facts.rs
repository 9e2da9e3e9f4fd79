//! What a realm's own files say about what its maps can give. `rathena::economy` reads it, `bounds` judges by it.

use std::collections::{BTreeMap, BTreeSet};

/// An item's number in `item_db`.
pub type ItemId = u32;

/// Highest factor by which one kill's experience grows beyond the realm's rates, unless the operator says otherwise: Battle
/// Manuals, a party's even share, a guild's skill.
pub const BONUS: f64 = 3.0;

/// Highest factor by which the items of one kill grow beyond [`Yield::items`]: gum of the strongest kind makes three of one
/// (`SC_ITEMBOOST` 200), and before it dies a thief may steal one more, half again as likely as it drops (`pc_steal_item`).
pub const ITEM_BONUS: f64 = 4.5;

/// What can come into being in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// At the same moment: everything that lives there is killed at once.
    pub at_once: f64,
    /// A second, from then on: everything that comes back is killed as soon as it does.
    pub per_second: f64,
}

/// What the maps of a group can give.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Yield {
    /// Monsters killed.
    pub kills: Rate,
    /// Base experience, by the realm's rates.
    pub base_experience: Rate,
    /// Job experience, by the realm's rates.
    pub job_experience: Rate,
    /// Zeny that monsters drop.
    pub zeny: Rate,
    /// Zeny that rogues can take out of them besides, at most.
    pub purses: Rate,
    /// Items that monsters drop: how many are to be expected.
    pub items: BTreeMap<ItemId, Rate>,
    /// Items that an NPC there sells, and the lowest price of each, in zeny, after the best discount.
    pub sold: BTreeMap<ItemId, u32>,
    /// Whether an NPC there buys from players.
    pub buys: bool,
    /// Whether an NPC there refines, puts cards in or changes items in another way.
    pub works_on_items: bool,
    /// What scripts there give.
    pub scripted: Scripted,
}

/// What scripts give, as far as their text says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scripted {
    /// Items they name where they give some.
    pub items: BTreeSet<ItemId>,
    /// Whether they give items that their text does not name.
    pub any_item: bool,
    /// Whether they give zeny.
    pub zeny: bool,
    /// Whether they give experience or levels.
    pub experience: bool,
}

/// What is known of an item.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ItemFacts {
    /// `AegisName`.
    pub name: String,
    /// Whether several lie in one place.
    pub stacks: bool,
    /// What an NPC pays for it at most, in zeny, with the best overcharge.
    pub sells_for: u32,
    /// Slots for cards.
    pub slots: u8,
    /// Whether it may be refined.
    pub refinable: bool,
    /// Whether it is a card that is put into others.
    pub card: bool,
}

/// What using one of an item up gives at most, besides items ([`Economy::made_of`]): branches by the strongest monster they
/// may bring, and books by what they say. `f64::INFINITY`: nobody can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// Base experience, by the realm's rates.
    pub base_experience: f64,
    /// Job experience, by the realm's rates.
    pub job_experience: f64,
    /// Zeny.
    pub zeny: f64,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Economy {
    /// Every item there is.
    pub items: BTreeMap<ItemId, ItemFacts>,
    /// What an item can be made of by skills, boxes, arrows' quivers and the like: any one of these, used up, may become it.
    pub made_of: BTreeMap<ItemId, BTreeSet<ItemId>>,
    /// Base experience from level 1 to each level (index: level - 1), by class; classes that are not listed have none.
    pub base_levels: BTreeMap<u16, Vec<u64>>,
    /// Job experience likewise.
    pub job_levels: BTreeMap<u16, Vec<u64>>,
    /// What more attackers and a party's even share add to one kill's experience, at most, as a part of it: 2.75 is 3.75 times
    /// in all. By the realm's rates; [`BONUS`] comes on top.
    pub shared: f64,
    /// What any kill may give besides what the monster drops, by the killer's skills and clothes: how many are to be expected
    /// at most.
    pub any_kill: BTreeMap<ItemId, f64>,
    /// Items that give something else than items when they are used up.
    pub used: BTreeMap<ItemId, Used>,
    /// Items that players make of nothing: stones that thieves pick up.
    pub of_nothing: BTreeSet<ItemId>,
    /// What the maps of each group give, in the order the groups were asked for.
    pub groups: BTreeMap<String, Yield>,
}

impl Rate {
    /// So much for each of it.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { at_once: self.at_once * factor, per_second: self.per_second * factor }
    }

    /// What comes in an hour at most, after what is there at once.
    #[must_use]
    pub fn per_hour(self) -> f64 {
        self.per_second * 3_600.0
    }
}

impl std::ops::AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        self.at_once += other.at_once;
        self.per_second += other.per_second;
    }
}
