//! What a character may gain, counted in whole units.

use std::collections::BTreeMap;
use std::fmt;

use bifrost_protocol::layout::{Item, StorageImage};

use super::facts::ItemId;

/// Something that can be gained.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Commodity {
    /// Zeny.
    Zeny,
    /// Base experience, levels included.
    BaseExperience,
    /// Job experience, levels included.
    JobExperience,
    /// Points for stats, spent ones included, beyond those of the levels gained.
    StatusPoints,
    /// Points for skills, spent ones included, beyond those of the levels gained.
    SkillPoints,
    /// An item, wherever it lies, or a card in a slot.
    Item(ItemId),
    /// One level of refinement of an item.
    Refine(ItemId),
}

impl Commodity {
    /// The label of findings about it in metrics.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Zeny => "zeny",
            Self::BaseExperience => "base_experience",
            Self::JobExperience => "job_experience",
            Self::StatusPoints => "status_points",
            Self::SkillPoints => "skill_points",
            Self::Item(_) => "item",
            Self::Refine(_) => "refine",
        }
    }

    /// Whether one player's loss can be another's gain.
    pub(super) const fn is_passed_on(self) -> bool {
        matches!(self, Self::Zeny | Self::Item(_) | Self::Refine(_))
    }
}

impl fmt::Display for Commodity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(item) => write!(out, "item {item}"),
            Self::Refine(item) => write!(out, "refinement of item {item}"),
            Self::Zeny | Self::BaseExperience | Self::JobExperience | Self::StatusPoints | Self::SkillPoints => {
                out.write_str(&self.rule().replace('_', " "))
            }
        }
    }
}

/// How much of what.
pub type Amounts = BTreeMap<Commodity, u64>;

/// Adds one entry.
pub(super) fn add(amounts: &mut Amounts, commodity: Commodity, amount: u64) {
    if amount > 0 {
        let entry = amounts.entry(commodity).or_default();
        *entry = entry.saturating_add(amount);
    }
}

/// Adds all of another's.
pub(super) fn add_all(amounts: &mut Amounts, more: &Amounts) {
    more.iter().for_each(|(commodity, amount)| add(amounts, *commodity, *amount));
}

/// `CARD0_PET`: an egg. Whose pets are whose is the guard's to know; an egg comes and goes with its animal.
const EGG: u32 = 0x100;
/// `CARD0_FORGE` and `CARD0_CREATE`: the other cards name who made it.
const MADE: [u32; 2] = [0x00ff, 0x00fe];

/// What lies in a storage.
pub(super) fn contents(image: &StorageImage) -> Amounts {
    let mut amounts = Amounts::new();
    image.items().for_each(|(_, item)| count(&mut amounts, &item));
    amounts
}

/// What these items are.
pub(super) fn items_in(items: &[Item]) -> Amounts {
    let mut amounts = Amounts::new();
    items.iter().filter(|item| item.kind != 0).for_each(|item| count(&mut amounts, item));
    amounts
}

fn count(amounts: &mut Amounts, item: &Item) {
    let [first, ..] = item.cards.0;
    let amount = u64::try_from(item.amount).unwrap_or_default();
    if first == EGG {
        return;
    }
    add(amounts, Commodity::Item(item.kind), amount);
    add(amounts, Commodity::Refine(item.kind), amount.saturating_mul(item.refine.into()));
    if !MADE.contains(&first) {
        let cards = item.cards.0.iter().filter(|card| **card != 0);
        cards.for_each(|card| add(amounts, Commodity::Item(*card), amount));
    }
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::layout::Few;

    use super::*;

    #[test]
    fn cards_in_slots_count_as_loose_ones_and_names_of_makers_do_not() {
        let sword = Item { kind: 1_101, amount: 1, refine: 7, cards: Few([4_001, 0, 4_001, 0]), ..Item::default() };
        let forged = Item { kind: 1_102, amount: 1, cards: Few([0xff, 5, 0x1234, 0x2]), ..Item::default() };
        let egg = Item { kind: 9_001, amount: 1, cards: Few([EGG, 1, 2, 3]), ..Item::default() };
        let arrows = Item { kind: 1_750, amount: 300, ..Item::default() };
        let found = items_in(&[sword, forged, egg, arrows, Item::default()]);
        let expected = [
            (Commodity::Item(1_101), 1),
            (Commodity::Item(1_102), 1),
            (Commodity::Item(1_750), 300),
            (Commodity::Item(4_001), 2),
            (Commodity::Refine(1_101), 7),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }
}
