//! `item_db`: every item, and the scripts that run when one is used or worn (`ItemDatabase`, itemdb.cpp).

use std::collections::{BTreeMap, HashMap};

use super::super::problem::{Note, RathenaError};
use super::battle::Battle;
use super::database::Source;
use super::yaml::Value;
use crate::bounds::facts::{ItemFacts, ItemId};

const FILE: &str = "item_db.yml";
const KIND: (&str, u64) = ("ITEM_DB", 3);
/// The best overcharge, in percent: `MC_OVERCHARGE` 10 (`pc_modifysellvalue`, pc.cpp).
const OVERCHARGE: u64 = 24;

/// What an item is, as far as rates depend on it (`mob_drop_ratio_adjust`, mob.cpp).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Sort {
    /// Restores.
    Heal,
    /// Is used, or bought for cash.
    Use,
    /// Weapons and armour.
    Equip,
    /// Cards, and stones that are put in like cards.
    Card,
    /// Everything else.
    #[default]
    Common,
}

/// An item as the database says.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// `AegisName`.
    pub(super) name: String,
    /// For rates.
    pub(super) sort: Sort,
    /// `Type`, lower case.
    kind: String,
    buy: Option<u64>,
    sell: Option<u64>,
    slots: u8,
    refinable: bool,
    no_sell: bool,
    /// What runs when it is used, or while it is worn.
    pub(super) script: String,
    /// What runs when it is put on or off.
    pub(super) other_scripts: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Items {
    /// By number.
    pub(super) by_id: BTreeMap<ItemId, Item>,
    /// Numbers by name, lower case: servers compare without case.
    names: HashMap<String, ItemId>,
}

/// Reads the database.
pub(super) fn read(source: &Source<'_>, notes: &mut Vec<Note>) -> Result<Items, RathenaError> {
    let mut items = Items::default();
    for entry in source.entries(FILE, KIND, notes)? {
        items.add(&entry);
    }
    Ok(items)
}

impl Items {
    /// The number of an item by its name.
    pub(super) fn id(&self, name: &str) -> Option<ItemId> {
        self.names.get(&name.to_ascii_lowercase()).copied()
    }

    /// What is known of every item.
    pub(super) fn facts(&self, battle: &Battle) -> BTreeMap<ItemId, ItemFacts> {
        self.by_id.iter().map(|(id, item)| (*id, item.facts(battle))).collect()
    }

    /// An entry makes an item, or says more of one that is there.
    pub(super) fn add(&mut self, entry: &Value) {
        let Some(id) = entry.number("Id").and_then(|id| ItemId::try_from(id).ok()) else { return };
        let name = entry.text("AegisName");
        let taken = name.and_then(|name| self.id(name)).is_some_and(|other| other != id);
        let known = self.by_id.contains_key(&id);
        if taken || (!known && name.is_none()) {
            return;
        }
        let item = self.by_id.entry(id).or_default();
        if let Some(name) = name {
            self.names.remove(&item.name.to_ascii_lowercase());
            self.names.insert(name.to_ascii_lowercase(), id);
            name.clone_into(&mut item.name);
        }
        item.take(entry);
    }
}

impl Item {
    fn take(&mut self, entry: &Value) {
        if let Some(kind) = entry.text("Type") {
            self.kind = kind.to_ascii_lowercase();
            self.sort = match self.kind.as_str() {
                "healing" => Sort::Heal,
                // What is used up after a choice of the client is an usable one to everything else (itemdb.cpp).
                "usable" | "cash" | "delayconsume" => Sort::Use,
                "weapon" | "armor" | "petarmor" => Sort::Equip,
                "card" => Sort::Card,
                _ => Sort::Common,
            };
        }
        // Each entry says anew which of the two prices is given (`hasPriceValue`); the other follows from it.
        let (buy, sell) = (entry.number("Buy"), entry.number("Sell"));
        if buy.is_some() || sell.is_some() {
            (self.buy, self.sell) = (buy, sell);
        }
        if let Some(slots) = entry.number("Slots") {
            self.slots = u8::try_from(slots).unwrap_or(u8::MAX);
        }
        if let Some(refinable) = entry.flag("Refineable") {
            self.refinable = refinable;
        }
        if let Some(no_sell) = entry.get("Trade").and_then(|trade| trade.flag("NoSell")) {
            self.no_sell = no_sell;
        }
        if let Some(script) = entry.text("Script") {
            script.clone_into(&mut self.script);
        }
        let others = ["EquipScript", "UnEquipScript"].into_iter().filter_map(|key| entry.text(key));
        let others: Vec<_> = others.collect();
        if !others.is_empty() {
            self.other_scripts = others.join("\n");
        }
    }

    /// What a shop asks when it is told -1.
    pub(super) fn price(&self) -> u64 {
        self.buy.unwrap_or_else(|| self.sell.unwrap_or(0).saturating_mul(2))
    }

    /// What an NPC pays (`ItemDatabase::loadingFinished`).
    fn value(&self) -> u64 {
        let (buy, sell) = (self.price(), self.sell.unwrap_or(self.price() / 2));
        // Else a merchant would win by buying and selling.
        if buy.saturating_mul(75) < sell.saturating_mul(124) { 1 } else { sell }
    }

    /// Whether several lie in one place (`itemdb_isstackable2`).
    fn stacks(&self) -> bool {
        !["weapon", "armor", "petegg", "petarmor", "shadowgear"].contains(&self.kind.as_str())
    }

    fn facts(&self, battle: &Battle) -> ItemFacts {
        let least = u64::try_from(battle.get("min_shop_sell")).unwrap_or(0);
        let sells_for = (self.value().saturating_mul(100 + OVERCHARGE) / 100).max(least);
        ItemFacts {
            name: self.name.clone(),
            stacks: self.stacks(),
            sells_for: if self.no_sell { 0 } else { u32::try_from(sells_for).unwrap_or(u32::MAX) },
            slots: self.slots,
            refinable: self.refinable,
            card: self.sort == Sort::Card,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::yaml;
    use super::*;

    /// Items from the entries of a body.
    pub(in super::super) fn items(body: &str) -> Items {
        let document = yaml::parse(&format!("Body:\n{body}")).expect("legal");
        let mut items = Items::default();
        document.list("Body").for_each(|entry| items.add(entry));
        items
    }

    fn facts(body: &str, id: ItemId) -> ItemFacts {
        items(body).facts(&Battle::defaults()).remove(&id).expect("there")
    }

    #[test]
    fn one_price_follows_from_the_other() {
        let price = |entry: &str| {
            let items = items(&format!("  - Id: 1\n    AegisName: A\n{entry}"));
            (items.by_id[&1].price(), items.facts(&Battle::defaults())[&1].sells_for)
        };
        assert_eq!(price("    Buy: 101\n"), (101, 62));
        assert_eq!(price("    Sell: 50\n"), (100, 62));
        assert_eq!(price("    Buy: 200\n    Sell: 10\n"), (200, 12));
        assert_eq!(price(""), (0, 0));
        assert_eq!(price("    Buy: 100\n    Sell: 100\n"), (100, 1), "merchants would win: servers pay 1");
        assert_eq!(price("    Buy: 100\n    Trade:\n      NoSell: true\n"), (100, 0));
    }

    #[test]
    fn a_later_entry_says_more_of_an_item() {
        let body = "  - Id: 1\n    AegisName: Blade\n    Type: Weapon\n    Slots: 3\n    Refineable: true\n    Buy: 100\n  \
            - Id: 1\n    Slots: 4\n  - Id: 2\n    AegisName: BLADE\n  - Id: 3\n    Slots: 1\n";
        let items = items(body);
        assert_eq!(items.by_id.keys().copied().collect::<Vec<_>>(), [1], "a name is given once, and needed");
        assert_eq!(items.id("bLaDe"), Some(1));
        let expected = ItemFacts {
            name: "Blade".to_owned(),
            stacks: false,
            sells_for: 62,
            slots: 4,
            refinable: true,
            card: false,
        };
        assert_eq!(facts(body, 1), expected);
    }

    #[test]
    fn a_renamed_item_is_found_by_its_last_name() {
        let items = items("  - Id: 1\n    AegisName: A\n  - Id: 1\n    AegisName: B\n");
        assert_eq!((items.id("a"), items.id("b")), (None, Some(1)));
    }

    #[test]
    fn kinds_decide_what_stacks_and_what_is_a_card() {
        let of = |kind: &str| {
            let facts = facts(&format!("  - Id: 1\n    AegisName: A\n    Type: {kind}\n"), 1);
            (facts.stacks, facts.card)
        };
        assert_eq!(of("Card"), (true, true));
        assert_eq!(of("PetEgg"), (false, false));
        assert_eq!(of("Etc"), (true, false));
    }
}
