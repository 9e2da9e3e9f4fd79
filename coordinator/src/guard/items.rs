//! Items, as far as they can be judged without the realm's item database: where they may lie is in [`super::storage`].

use bifrost_protocol::layout::Item;

use super::knowledge::CARD0_PET;
use super::ruling::{Verdict, demand};

/// `MAX_AMOUNT`.
const MAX_AMOUNT: i16 = 30_000;

/// `MAX_REFINE`, pre-renewal (status.hpp).
const MAX_REFINE: u8 = 10;

/// `MAX_ENCHANTGRADE`.
const MAX_GRADE: u8 = 4;

/// `BOUND_CHAR`.
const MAX_BOUND: u8 = 4;

/// `CARD0_FORGE` and `CARD0_CREATE`: the other cards name who made it; such things may lie in stacks.
const MADE: [u32; 2] = [0x00ff, 0x00fe];

/// `enum equip_pos`: all places there are.
const EQUIP_PLACES: u32 = 0x3f_bfff;

/// `EQP_AMMO`: the one place that takes a stack.
const AMMUNITION: u32 = 0x8000;

/// What every item has to be, wherever it lies.
pub(super) fn plain(item: &Item) -> Verdict<()> {
    let wrong = |what: &str, value: i64| format!("item {}: {what} {value}", item.kind);
    demand((1..=MAX_AMOUNT).contains(&item.amount), "item_amount", || wrong("amount", item.amount.into()))?;
    demand(item.identified <= 1, "item_flags", || wrong("identified", item.identified.into()))?;
    demand(item.attribute <= 1, "item_flags", || wrong("attribute", item.attribute.into()))?;
    demand(item.favorite <= 1, "item_flags", || wrong("favorite", item.favorite.into()))?;
    demand(item.refine <= MAX_REFINE, "item_refine", || wrong("refine", item.refine.into()))?;
    demand(item.bound <= MAX_BOUND, "item_bound", || wrong("bound", item.bound.into()))?;
    demand(item.enchant_grade <= MAX_GRADE, "item_grade", || wrong("grade", item.enchant_grade.into()))?;
    demand(item.id >= 0, "item_row", || wrong("row", item.id.into()))?;
    demand(item.amount == 1 || !single(item), "item_stack", || {
        wrong("is one of a kind, and there are", item.amount.into())
    })
}

/// Whether it has something that no stack has: refinement, cards, options, an animal, an end.
fn single(item: &Item) -> bool {
    let [first, ..] = item.cards.0;
    let carded = first == CARD0_PET || !MADE.contains(&first) && item.cards.0.iter().any(|card| *card != 0);
    let optioned = item.options.0.iter().any(|option| option.id != 0);
    item.refine > 0 || item.attribute > 0 || carded || optioned || item.enchant_grade > 0
}

/// Where items may be worn: each place once, one thing at a place unless it is ammunition.
pub(super) fn worn<'a>(items: impl Iterator<Item = &'a Item>) -> Verdict<()> {
    let (mut worn, mut switched) = (0_u32, 0_u32);
    for item in items {
        let legal = item.equip & !EQUIP_PLACES == 0 && item.equip_switch & !EQUIP_PLACES == 0;
        demand(legal, "item_equip", || format!("item {} at {:#x}/{:#x}", item.kind, item.equip, item.equip_switch))?;
        let twice = worn & item.equip | switched & item.equip_switch;
        demand(twice == 0, "item_equip", || format!("item {} where something is worn: {twice:#x}", item.kind))?;
        let stack = item.amount > 1 && item.equip & !AMMUNITION != 0;
        demand(!stack, "item_equip", || format!("{} of item {} are worn", item.amount, item.kind))?;
        worn |= item.equip;
        switched |= item.equip_switch;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bifrost_protocol::layout::{Few, ItemOption};

    use super::*;

    fn sword() -> Item {
        Item { kind: 1101, amount: 1, identified: 1, ..Item::default() }
    }

    #[test]
    fn an_item_that_can_be_is_let_through() {
        let potion = Item { kind: 501, amount: 30_000, identified: 1, ..Item::default() };
        let brewed = Item { cards: Few([0xfe, 0, 0x49f1, 2]), amount: 40, ..potion };
        let refined = Item { refine: 10, cards: Few([4001, 0, 0, 0]), equip: 2, ..sword() };
        for item in [potion, brewed, refined] {
            assert_eq!(plain(&item), Ok(()), "{item:?}");
        }
        let arrows = Item { kind: 1750, amount: 200, equip: AMMUNITION, ..Item::default() };
        assert_eq!(worn([refined, arrows].iter()), Ok(()));
    }

    #[test]
    fn every_field_that_cannot_be_is_refused() {
        let option = ItemOption { id: 1, value: 1, param: 0 };
        let forged = [
            Item { amount: 0, ..sword() },
            Item { amount: -1, ..sword() },
            Item { amount: 30_001, ..sword() },
            Item { identified: 2, ..sword() },
            Item { attribute: 2, ..sword() },
            Item { favorite: 2, ..sword() },
            Item { refine: 11, ..sword() },
            Item { bound: 5, ..sword() },
            Item { enchant_grade: 5, ..sword() },
            Item { id: -1, ..sword() },
            Item { amount: 2, refine: 1, ..sword() },
            Item { amount: 2, attribute: 1, ..sword() },
            Item { amount: 2, cards: Few([4001, 0, 0, 0]), ..sword() },
            Item { amount: 2, cards: Few([CARD0_PET, 7, 0, 0]), ..sword() },
            Item { amount: 2, options: Few([option; 5]), ..sword() },
        ];
        for item in forged {
            assert!(plain(&item).is_err(), "{item:?}");
        }
    }

    #[test]
    fn nothing_is_worn_twice_or_where_there_is_no_place() {
        let worn_at = |equip| Item { equip, ..sword() };
        assert!(worn([worn_at(2), worn_at(0x22)].iter()).is_err());
        assert!(worn([worn_at(0x4000)].iter()).is_err());
        assert!(worn([worn_at(0x8000_0000)].iter()).is_err());
        assert!(worn([Item { amount: 2, ..worn_at(2) }].iter()).is_err());
        let switch = Item { equip_switch: 2, ..sword() };
        assert!(worn([switch, switch].iter()).is_err());
    }
}
