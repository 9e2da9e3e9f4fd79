//! What an item becomes when it is used up: by the databases of skills, by its own script.
//!
//! Any one of an item's sources, used up, may become it, in whatever number. That is loose for recipes that take several
//! things, and for boxes that seldom have it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::problem::{Note, RathenaError};
use super::database::Source;
use super::gives::{Gives, gives};
use super::items::Items;
use super::{Books, Known};
use crate::bounds::facts::{ItemId, Used};

const PRODUCE: &str = "produce_db.txt";
const ARROWS: (&str, (&str, u64)) = ("create_arrow_db.yml", ("CREATE_ARROW_DB", 1));
const PETS: (&str, (&str, u64)) = ("pet_db.yml", ("PET_DB", 1));
const COMBOS: (&str, (&str, u64)) = ("item_combos.yml", ("COMBO_DB", 1));
/// What a hunter's trap gives back (`ITEMID_TRAP`, itemdb.hpp; `HT_REMOVETRAP`).
const TRAP: ItemId = 1_065;
/// What a thief picks up anywhere (`ITEMID_STONE`; `TF_PICKSTONE`).
pub(super) const STONE: ItemId = 7_049;
/// How often the same clothes may be worn: two accessories, and cards in them.
const WORN: f64 = 2.0;
/// What a chance relative to the monster's level grows with: a tenth of the highest level (`mob_dead`).
const LEVELS: f64 = 17.5;

/// What items become.
pub(super) type MadeOf = BTreeMap<ItemId, BTreeSet<ItemId>>;

/// Reads the recipes of skills: `ID,Product,ItemLV,Skill,SkillLv,Material,Amount,...` (`skill_parse_row_producedb`), arrows
/// (`create_arrow_db.yml`), and eggs of what was tamed (`pet_db.yml`).
pub(super) fn read(source: &Source<'_>, items: &Items, notes: &mut Vec<Note>) -> Result<MadeOf, RathenaError> {
    let mut found = MadeOf::from([(TRAP, BTreeSet::from([TRAP]))]);
    let mut rows = BTreeMap::<u32, (ItemId, Vec<ItemId>)>::new();
    for (_, text) in source.texts(PRODUCE, notes)? {
        rows.extend(text.lines().filter_map(produced));
    }
    for (product, materials) in rows.into_values().filter(|(product, _)| items.by_id.contains_key(product)) {
        found.entry(product).or_default().extend(materials);
    }
    for entry in source.entries(ARROWS.0, ARROWS.1, notes)? {
        let Some(used) = entry.text("Source").and_then(|name| items.id(name)) else { continue };
        for made in entry.list("Make").filter_map(|row| items.id(row.text("Item")?)) {
            found.entry(made).or_default().insert(used);
        }
    }
    for entry in source.entries(PETS.0, PETS.1, notes)? {
        let of = |key: &str| entry.text(key).and_then(|name| items.id(name));
        if let (Some(tamer), Some(egg)) = (of("TameItem"), of("EggItem")) {
            found.entry(egg).or_default().insert(tamer);
        }
    }
    Ok(found)
}

fn produced(line: &str) -> Option<(u32, (ItemId, Vec<ItemId>))> {
    let line = line.split("//").next().unwrap_or_default();
    let columns: Vec<_> = line.split(',').map(str::trim).collect();
    let number = |at: usize| columns.get(at).and_then(|text| text.parse::<u32>().ok());
    let (row, product) = (number(0)?, number(1)?);
    // What is needed, but not used up, has the amount 0.
    let materials = (5..columns.len()).step_by(2).filter(|at| number(at + 1).is_some_and(|amount| amount > 0));
    Some((row, (product, materials.filter_map(number).collect())))
}

/// Adds what items become by their own scripts, and gathers what else they give.
pub(super) fn by_scripts(books: &Books, known: &Known<'_>, made: &mut MadeOf) -> BTreeMap<ItemId, Used> {
    let mut used = BTreeMap::new();
    for (id, item) in &books.items.by_id {
        if item.script.is_empty() {
            continue;
        }
        let gives = known.places.total(&gives(item.script.as_bytes()));
        for given in books.items_of(&gives) {
            made.entry(given).or_default().insert(*id);
        }
        let mut gain = said(&item.script);
        for monster in books.monsters_of(&gives) {
            let kill = books.monsters.kill(monster, &books.items, &books.battle);
            gain.base_experience = gain.base_experience.max(kill.base);
            gain.job_experience = gain.job_experience.max(kill.job);
            gain.zeny = gain.zeny.max(kill.zeny + kill.purse);
            for (dropped, _) in kill.items {
                made.entry(dropped).or_default().insert(*id);
            }
        }
        if gain != Used::default() {
            used.insert(*id, gain);
        }
    }
    used
}

/// Experience and zeny that an item's script says it gives: the largest number of each command. A number that is computed
/// is any number.
fn said(script: &str) -> Used {
    let mut found = Used::default();
    let most = |text: &str| {
        let computed = text.contains(['.', '@', '$', '*']) || text.to_ascii_lowercase().contains("level");
        let numbers =
            text.split(|letter: char| !letter.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok());
        if computed { f64::INFINITY } else { numbers.map(f64::from).fold(0.0, f64::max) }
    };
    for statement in script.split(';').map(str::trim) {
        let statement = statement.to_ascii_lowercase();
        if let Some(at) = statement.find("getexp") {
            let given = statement.get(at + "getexp".len()..).unwrap_or_default();
            let given = given.trim_start_matches('2').trim().trim_start_matches('(');
            let (base, job) = given.split_once(',').unwrap_or((given, ""));
            found.base_experience += most(base);
            found.job_experience += most(job);
        }
        let more = ["zeny +=", "zeny+=", "zeny,zeny+", "zeny, zeny+", "zeny,zeny +", "zeny, zeny +"];
        if let Some((_, given)) = more.iter().find_map(|sign| statement.split_once(sign)) {
            found.zeny += most(given);
        }
    }
    found
}

/// What any kill may give by what its killer wears (`bAddMonsterDropItem`, `bAddMonsterDropItemGroup`; `pc_bonus_item_drop`,
/// pc.cpp), or by being a smith (`BS_FINDINGORE`). Which monsters it is for is not looked at.
pub(super) fn any_kill(
    source: &Source<'_>,
    books: &Books,
    notes: &mut Vec<Note>,
) -> Result<BTreeMap<ItemId, f64>, RathenaError> {
    let mut found = books.boxes.ore(&books.battle);
    let combos = source.entries(COMBOS.0, COMBOS.1, notes)?;
    let combos = combos.iter().filter_map(|entry| entry.text("Script"));
    let scripts = books.items.by_id.values().map(|item| item.script.as_str()).chain(combos);
    for script in scripts.filter(|script| script.contains("bAddMonsterDropItem")) {
        for (given, is_group, chance) in script.split(';').filter_map(|statement| worn(statement, books)) {
            if is_group {
                for (item, share) in books.boxes.drawn(&given, 1, &books.battle) {
                    *found.entry(item).or_default() += share * chance * WORN;
                }
            } else if let Some(item) = books.item(&given) {
                *found.entry(item).or_default() += chance * WORN;
            }
        }
    }
    for chance in found.values_mut() {
        *chance = chance.min(1.0);
    }
    Ok(found)
}

/// `bonus2 bAddMonsterDropItem,ITEM,CHANCE` and its relatives: what, whether it is a group, and its chance.
fn worn(statement: &str, books: &Books) -> Option<(String, bool, f64)> {
    let (_, rest) = statement.split_once("bAddMonsterDropItem")?;
    let (is_group, rest) = rest.strip_prefix("Group").map_or((false, rest), |rest| (true, rest));
    let columns: Vec<_> = rest.split(',').map(str::trim).collect();
    let chance = columns.last()?.parse::<i32>().map_or(10_000.0, f64::from);
    let battle = &books.battle;
    let chance = if chance < 0.0 { -chance * LEVELS + 1.0 } else { chance } * battle.factor("item_rate_adddrop");
    let chance = chance.max(battle.real("item_drop_add_min")).min(battle.real("item_drop_add_max"));
    let what = (*columns.get(1)?).to_ascii_lowercase();
    let what = what.strip_prefix("ig_").map(str::to_owned).unwrap_or(what);
    Some((what, is_group, chance / 10_000.0))
}

/// Which shops a script opens: those it names.
pub(super) fn opened<'a>(gives: &'a Gives, known: &'a Known<'_>) -> impl Iterator<Item = &'a super::places::Stock> {
    gives.texts.iter().filter_map(move |text| known.places.shops.get(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_names_what_it_uses_up() {
        assert_eq!(produced("6,1126,3,99,3,999,5,984,8,7131,0 // Saber"), Some((6, (1_126, vec![999, 984]))));
        assert_eq!(produced("// a comment"), None);
        assert_eq!(produced("7,0"), Some((7, (0, vec![]))));
        assert_eq!(produced("x,1,2"), None);
    }

    #[test]
    fn a_book_says_what_it_gives() {
        let used = |base: f64, job: f64, zeny: f64| Used { base_experience: base, job_experience: job, zeny };
        assert_eq!(said("getexp2(3000000,1500000);"), used(3e6, 15e5, 0.0));
        assert_eq!(said("getexp 10, rand(5,70);\nset Zeny,Zeny+rand(1000,10000);"), used(10.0, 70.0, 1e4));
        assert_eq!(said("getexp BaseLevel*5,0; Zeny += 100;"), used(f64::INFINITY, 0.0, 100.0));
        assert_eq!(said("itemheal 5,0; Zeny -= 5;"), Used::default());
    }
}
