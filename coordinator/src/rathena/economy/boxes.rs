//! `item_group_db`: what is in boxes (`ItemGroupDatabase`, itemdb.cpp).

use std::collections::{BTreeMap, BTreeSet};

use super::super::problem::{Note, RathenaError};
use super::battle::Battle;
use super::database::Source;
use super::items::Items;
use super::yaml::Value;
use crate::bounds::facts::ItemId;

const FILE: &str = "item_group_db.yml";
const KIND: (&str, u64) = ("ITEM_GROUP_DB", 5);
/// The group of what smiths find in monsters (`IG_ORE`), and the part of it that is drawn from.
const ORE: (&str, u64) = ("ore", 1);

/// A part of a group: items and their rates, by place.
type Part = BTreeMap<u64, (ItemId, u64)>;

/// Groups by name, lower case, without `IG_`.
#[derive(Clone, Debug, Default)]
pub(super) struct Boxes {
    groups: BTreeMap<String, BTreeMap<u64, Part>>,
}

/// Reads the database.
pub(super) fn read(source: &Source<'_>, items: &Items, notes: &mut Vec<Note>) -> Result<Boxes, RathenaError> {
    let mut boxes = Boxes::default();
    for entry in source.entries(FILE, KIND, notes)? {
        boxes.add(&entry, items);
    }
    Ok(boxes)
}

impl Boxes {
    /// Every item that a box may have.
    pub(super) fn items(&self, group: &str) -> BTreeSet<ItemId> {
        let parts = self.groups.get(group).into_iter().flat_map(BTreeMap::values);
        parts.flat_map(BTreeMap::values).map(|(item, _)| *item).collect()
    }

    /// What a kill gives by drawing from a group as drops do: one item, and that only with its own chance
    /// (`GROUP_ALGORITHM_DROP`). How many are to be expected.
    pub(super) fn drawn(&self, group: &str, part: u64, battle: &Battle) -> BTreeMap<ItemId, f64> {
        let mut found = BTreeMap::new();
        let Some(part) = self.groups.get(group).and_then(|parts| parts.get(&part)) else { return found };
        let count = u32::try_from(part.len()).map_or(f64::INFINITY, f64::from);
        for (item, rate) in part.values() {
            let rate = u32::try_from(*rate).map_or(0.0, f64::from) * battle.factor("item_group_rate");
            let rate = rate.floor().max(battle.real("item_group_drop_min")).min(battle.real("item_group_drop_max"));
            *found.entry(*item).or_default() += rate / 10_000.0 / count;
        }
        found
    }

    /// What smiths find in any monster that they have the first right to (`BS_FINDINGORE`, `mob_dead`).
    pub(super) fn ore(&self, battle: &Battle) -> BTreeMap<ItemId, f64> {
        self.drawn(ORE.0, ORE.1, battle)
    }

    pub(super) fn add(&mut self, entry: &Value, items: &Items) {
        let Some(name) = entry.text("Group") else { return };
        let group = self.groups.entry(name.to_ascii_lowercase()).or_default();
        for part in entry.list("SubGroups") {
            if let Some(cleared) = part.number("Clear") {
                group.remove(&cleared);
                continue;
            }
            let Some(number) = part.number("SubGroup") else { continue };
            let known = group.entry(number).or_default();
            for row in part.list("List") {
                let Some(index) = row.number("Index") else { continue };
                if row.flag("Clear") == Some(true) {
                    known.remove(&index);
                    continue;
                }
                let (item, rate) = (row.text("Item").and_then(|name| items.id(name)), row.number("Rate"));
                let old = known.get(&index).copied();
                if let Some(item) = item.or(old.map(|(item, _)| item)) {
                    known.insert(index, (item, rate.or(old.map(|(_, rate)| rate)).unwrap_or(0)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::tests::items;
    use super::super::yaml;
    use super::*;

    const LIST: &str = "Body:\n  - Group: ORE\n    SubGroups:\n      - SubGroup: 1\n        List:\n          \
        - {Index: 0, Item: Iron, Rate: 100}\n          - {Index: 1, Item: Coal, Rate: 400}\n      - SubGroup: 2\n        List:\n          \
        - {Index: 0, Item: Gold, Rate: 1}\n";

    fn boxes(more: &str) -> Boxes {
        let items = items("  - {Id: 1, AegisName: Iron}\n  - {Id: 2, AegisName: Coal}\n  - {Id: 3, AegisName: Gold}\n");
        let mut boxes = Boxes::default();
        yaml::parse(&format!("{LIST}{more}")).expect("legal").list("Body").for_each(|entry| boxes.add(entry, &items));
        boxes
    }

    #[test]
    fn a_box_has_all_that_its_parts_have() {
        assert_eq!(boxes("").items("ore"), BTreeSet::from([1, 2, 3]));
        assert!(boxes("").items("none").is_empty());
        let more = "  - Group: Ore\n    SubGroups:\n      - {Clear: 2}\n      - SubGroup: 1\n        List:\n          \
            - {Index: 1, Clear: true}\n          - {Index: 9, Item: Gold, Rate: 5}\n";
        assert_eq!(boxes(more).items("ore"), BTreeSet::from([1, 3]));
    }

    #[test]
    fn smiths_draw_one_and_then_it_has_its_own_chance() {
        let found = boxes("").ore(&Battle::defaults());
        assert_eq!(found, BTreeMap::from([(1, 0.005), (2, 0.02)]));
        let rates = Battle::with(&[("item_group_rate", 200), ("item_group_drop_max", 500)]);
        assert_eq!(boxes("").ore(&rates), BTreeMap::from([(1, 0.01), (2, 0.025)]));
    }
}
