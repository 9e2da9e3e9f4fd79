//! The sums: what the maps of a group can give.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use bifrost_protocol::ids::MapName;

use super::super::problem::{Note, RathenaError};
use super::battle::Battle;
use super::database::Source;
use super::gives::{Gives, Spot};
use super::items::Items;
use super::monsters::{MonsterId, Monsters, Temper};
use super::places::Spawn;
use super::{Books, Known, recipes, shops};
use crate::bounds::facts::{ItemId, Rate, Yield};

/// `map_drops.yml`: drops of a map.
const DROPS: (&str, (&str, u64)) = ("map_drops.yml", ("MAP_DROP_DB", 2));
/// What their chance is out of.
const CERTAIN: f64 = 100_000.0;
/// Milliseconds until a monster comes back when its spawn does not say, or says too little (`npc_parse_mob`, npc.cpp).
const DELAY: u32 = 5_000;
/// No monster comes back sooner, in milliseconds (`mob_setdelayspawn`, mob.cpp).
const MIN_DELAY: f64 = 1_000.0;
/// Most monsters of one line (`npc_parse_mob`).
const MAX_AMOUNT: u32 = 1_000;

/// Drops of maps: from all monsters there (none), or from one.
#[derive(Clone, Debug, Default)]
pub(super) struct MapDrops(BTreeMap<MapName, Vec<(Option<MonsterId>, ItemId, f64)>>);

/// Reads `map_drops.yml`. The realm's rates do not matter to it.
pub(super) fn read_drops(
    source: &Source<'_>,
    items: &Items,
    monsters: &Monsters,
    notes: &mut Vec<Note>,
) -> Result<MapDrops, RathenaError> {
    let mut found = MapDrops::default();
    for entry in source.entries(DROPS.0, DROPS.1, notes)? {
        let Some(map) = entry.text("Map").and_then(|map| MapName::new(map).ok()) else { continue };
        let drops = found.0.entry(map).or_default();
        let mut add = |monster: Option<MonsterId>, row: &super::yaml::Value| {
            let item = row.text("Item").and_then(|name| items.id(name));
            let rate = row.number("Rate").and_then(|rate| u32::try_from(rate).ok());
            if let (Some(item), Some(rate)) = (item, rate) {
                drops.push((monster, item, (f64::from(rate) / CERTAIN).min(1.0)));
            }
        };
        entry.list("GlobalDrops").for_each(|row| add(None, row));
        for of_one in entry.list("SpecificDrops") {
            let Some(monster) = of_one.text("Monster").and_then(|name| monsters.id(name)) else { continue };
            of_one.list("Drops").for_each(|row| add(Some(monster), row));
        }
    }
    Ok(found)
}

/// What the maps of a group can give.
pub(super) fn of(maps: &BTreeSet<MapName>, books: &Books, known: &Known<'_>) -> Yield {
    let mut found = Yield::default();
    for map in maps {
        let spawns = known.places.spawns.get(map).into_iter().flatten();
        let mut killed = BTreeMap::<MonsterId, Rate>::new();
        for spawn in spawns.clone() {
            for (monster, rate) in kills(spawn, books) {
                *killed.entry(monster).or_default() += rate;
            }
        }
        for (monster, rate) in killed {
            add_kills(&mut found, map, monster, rate, books, known);
        }
        for stock in known.places.shops_on(map) {
            add_shop(&mut found, stock, books);
        }
        let events: BTreeSet<_> = spawns.filter_map(|spawn| spawn.event.as_deref()).collect();
        for script in &known.places.scripts {
            let here = known.places.homes(script).any(|home| home == map) || events.contains(script.name.as_str());
            // Elsewhere only the monsters matter that it makes here.
            let total = if here { Cow::Owned(known.places.total(&script.gives)) } else { Cow::Borrowed(&script.gives) };
            if here {
                add_script(&mut found, &total, books, known);
            }
            add_made(&mut found, map, here, &total, books);
        }
    }
    add_script(&mut found, &known.everywhere, books, known);
    found
}

/// Every monster that is killed when all of a spawn are killed as soon as they appear, slaves and all.
fn kills(spawn: &Spawn, books: &Books) -> BTreeMap<MonsterId, Rate> {
    let Some(monster) = books.monsters.id(&spawn.monster) else { return BTreeMap::new() };
    let Some(amount) = amount(spawn.amount, &books.battle) else { return BTreeMap::new() };
    let temper = books.monsters.by_id.get(&monster).map_or(Temper::Normal, super::monsters::Monster::temper);
    let seconds = delay(spawn.delay, temper, &books.battle) / 1_000.0;
    books.summons.follow(monster, Rate { at_once: amount, per_second: amount / seconds }, amount)
}

/// How many live at once; none: no server takes the line.
fn amount(said: u32, battle: &Battle) -> Option<f64> {
    (1..=MAX_AMOUNT).contains(&said).then(|| {
        let rate = battle.factor("mob_count_rate");
        if said > 1 { (f64::from(said) * rate).floor().max(1.0) } else { f64::from(said) }
    })
}

/// The shortest time, in milliseconds, in which one comes back. A second delay only adds to it, by chance.
fn delay(said: Option<u32>, temper: Temper, battle: &Battle) -> f64 {
    let least = battle.get("mob_respawn_time");
    let delay = said.filter(|said| i64::from(*said) >= least).unwrap_or(DELAY);
    let rate = match temper {
        Temper::Boss => battle.get("boss_spawn_delay"),
        Temper::Plant => battle.get("plant_spawn_delay"),
        Temper::Normal => battle.get("mob_spawn_delay"),
    };
    let delay = if rate == 100 { i64::from(delay) } else { i64::from(delay / 100).saturating_mul(rate) };
    i32::try_from(delay).map_or(f64::from(i32::MAX), f64::from).max(MIN_DELAY)
}

/// What killing monsters on a map gives, by its flags (`mob_dead`).
fn add_kills(found: &mut Yield, map: &MapName, monster: MonsterId, rate: Rate, books: &Books, known: &Known<'_>) {
    let flags = known.places.flags.get(map);
    let has = |flag: &str| flags.is_some_and(|flags| flags.contains_key(flag));
    // `bexp` and `jexp` are percents of a map's own.
    let percent = |flag: &str| flags.and_then(|flags| *flags.get(flag)?).map_or(1.0, |value| f64::from(value) / 100.0);
    let kill = books.monsters.kill(monster, &books.items, &books.battle);
    found.kills += rate;
    if !has("nobaseexp") && !has("noexp") {
        found.base_experience += rate.times(kill.base * percent("bexp"));
    }
    if !has("nojobexp") && !has("noexp") {
        found.job_experience += rate.times(kill.job * percent("jexp"));
    }
    found.zeny += rate.times(kill.zeny);
    found.purses += rate.times(kill.purse);
    if has("nomobloot") || has("noloot") {
        return;
    }
    for (item, chance) in kill.items {
        *found.items.entry(item).or_default() += rate.times(chance);
    }
    let drops = books.drops.0.get(map).into_iter().flatten();
    for (_, item, chance) in drops.filter(|(only, ..)| only.is_none_or(|only| only == monster)) {
        *found.items.entry(*item).or_default() += rate.times(*chance);
    }
}

fn add_shop(found: &mut Yield, stock: &super::places::Stock, books: &Books) {
    found.buys |= shops::buys(stock);
    for (item, price) in shops::sold(stock, &books.items, &books.battle) {
        let lowest = found.sold.entry(item).or_insert(price);
        *lowest = (*lowest).min(price);
    }
}

fn add_script(found: &mut Yield, gives: &Gives, books: &Books, known: &Known<'_>) {
    found.works_on_items |= gives.works;
    found.scripted.any_item |= gives.unclear;
    found.scripted.zeny |= gives.zeny;
    found.scripted.experience |= gives.experience;
    found.scripted.items.extend(books.items_of(gives));
    recipes::opened(gives, known).for_each(|stock| add_shop(found, stock, books));
}

/// What monsters give that a script makes on a map. How many it makes nobody can tell: all that they may drop counts as given.
fn add_made(found: &mut Yield, map: &MapName, here: bool, gives: &Gives, books: &Books) {
    let on_it = |spot: &Spot| match spot {
        Spot::Map(named) => named == map.as_str(),
        Spot::Here => here,
    };
    let made = gives.monsters.iter().filter(|(spot, _)| on_it(spot));
    let mut monsters = BTreeSet::new();
    for (_, monster) in made {
        match monster {
            Some(name) => monsters.extend(books.monsters.id(name)),
            None => {
                found.scripted.any_item = true;
                found.scripted.experience = true;
            }
        }
    }
    if here {
        monsters.extend(gives.summons.iter().flat_map(|group| books.summons.group(group)));
    }
    for monster in monsters {
        let with_slaves = books.summons.follow(monster, Rate { at_once: 1.0, per_second: 0.0 }, 1.0);
        for made in with_slaves.into_keys() {
            let kill = books.monsters.kill(made, &books.items, &books.battle);
            found.scripted.experience |= kill.base > 0.0 || kill.job > 0.0;
            found.scripted.zeny |= kill.zeny > 0.0;
            found.scripted.items.extend(kill.items.into_iter().map(|(item, _)| item));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_too_little_waits_five_seconds() {
        let battle = Battle::defaults();
        let normal = |said| delay(said, Temper::Normal, &battle);
        assert_eq!([None, Some(0), Some(999), Some(1_000), Some(60_000)].map(normal), [5e3, 5e3, 5e3, 1e3, 6e4]);
        let fast = Battle::with(&[("boss_spawn_delay", 50), ("mob_spawn_delay", 1), ("plant_spawn_delay", 200)]);
        assert_eq!(delay(Some(7_200_050), Temper::Boss, &fast), 3_600_000.0, "divided before it is multiplied");
        assert_eq!(delay(Some(5_000), Temper::Normal, &fast), 1e3, "never under a second");
        assert_eq!(delay(Some(5_000), Temper::Plant, &fast), 1e4);
    }

    #[test]
    fn a_line_may_have_a_thousand() {
        let double = Battle::with(&[("mob_count_rate", 250)]);
        assert_eq!(amount(70, &Battle::defaults()), Some(70.0));
        assert_eq!([amount(3, &double), amount(1, &double)], [Some(7.0), Some(1.0)]);
        assert_eq!([amount(0, &double), amount(1_001, &double)], [None, None]);
    }
}
