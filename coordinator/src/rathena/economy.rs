//! What a realm's maps can give, by its own files: the realm's rates, its databases, what scripts put on its maps.
//!
//! [`read`] fills [`crate::bounds::facts`]. [`yaml`] and [`database`] are the grammar, [`battle`] the rates, [`items`],
//! [`monsters`], [`summons`], [`boxes`] and [`levels`] the databases, [`places`], [`gives`] and [`shops`] what scripts say,
//! [`recipes`] what becomes of what, [`yields`] the sums.
//!
//! All of it is a bound that honest play never exceeds: every monster is killed the moment it appears. Where it is looser
//! than that, or where it does not hold, is said at each part. It does not hold for three things, which are rare:
//! `SA_CLASSCHANGE` (a sage turns a monster into an MVP), monsters that grow (`mobs_level_up`), and a monster that a
//! script makes whose death is counted as *scripted*, not as a rate.

mod battle;
mod boxes;
mod database;
mod gives;
mod items;
mod levels;
mod monsters;
mod places;
mod recipes;
mod shops;
mod summons;
mod yaml;
mod yields;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bifrost_protocol::ids::MapName;

use super::build::{self, KnownBuild};
use super::problem::{Note, RathenaError};
use super::servers;
use crate::bounds::facts::{Economy, ItemId};

use battle::Battle;
use boxes::Boxes;
use database::Source;
use gives::Gives;
use items::Items;
use monsters::{MonsterId, Monsters};
use places::Places;
use summons::Summons;
use yields::MapDrops;

/// Most members of a party (`MAX_PARTY`, mmo.hpp).
const MAX_PARTY: f64 = 12.0;

/// The databases.
#[derive(Debug)]
struct Books {
    battle: Battle,
    items: Items,
    monsters: Monsters,
    summons: Summons,
    boxes: Boxes,
    drops: MapDrops,
}

/// What is known besides them.
#[derive(Debug)]
struct Known<'a> {
    places: &'a Places,
    /// What scripts give that run for players anywhere.
    everywhere: Gives,
}

/// Reads the rAthena in `root`: what the maps of each of `groups` can give. A group's name is the caller's.
///
/// # Errors
/// What cannot be read or used, with file, line and key. What a server goes on without is noted.
pub fn read(
    root: &Path,
    build: KnownBuild,
    groups: &BTreeMap<String, BTreeSet<MapName>>,
    notes: &mut Vec<Note>,
) -> Result<Economy, RathenaError> {
    let failed = |source| RathenaError::Read { path: root.to_owned(), source };
    let root = root.canonicalize().map_err(failed)?;
    let build = build::find(&root, build, notes);
    let servers = servers::read(&root, build.renewal, notes)?;
    let source = Source { root: &root, db_path: &servers.map.db_path, renewal: build.renewal };
    let books = books(&source, notes)?;
    let places = places::read(&root, &servers.map.scripts, build.renewal, notes)?;
    let known = Known { everywhere: everywhere(&places), places: &places };

    let levels = levels::read(&source, notes)?;
    let mut made_of = recipes::read(&source, &books.items, notes)?;
    let used = recipes::by_scripts(&books, &known, &mut made_of);
    let groups = groups.iter().map(|(name, maps)| (name.clone(), yields::of(maps, &books, &known)));
    Ok(Economy {
        items: books.items.facts(&books.battle),
        made_of,
        base_levels: levels.base,
        job_levels: levels.job,
        shared: shared(&books.battle),
        any_kill: recipes::any_kill(&source, &books, notes)?,
        used,
        of_nothing: BTreeSet::from([recipes::STONE]),
        groups: groups.collect(),
    })
}

fn books(source: &Source<'_>, notes: &mut Vec<Note>) -> Result<Books, RathenaError> {
    let battle = battle::read(source.root, notes)?;
    if battle.is_on("mobs_level_up") {
        notes.push(Note::general("mobs_level_up: what monsters give for levels they gain is not counted"));
    }
    let items = items::read(source, notes)?;
    let monsters = monsters::read(source, &items, notes)?;
    let summons = summons::read(source, &monsters, &battle, notes)?;
    let boxes = boxes::read(source, &items, notes)?;
    let drops = yields::read_drops(source, &items, &monsters, notes)?;
    Ok(Books { battle, items, monsters, summons, boxes, drops })
}

/// What scripts that stand nowhere give to players anywhere.
fn everywhere(places: &Places) -> Gives {
    let mut found = Gives::default();
    for script in places.scripts.iter().filter(|script| script.map.is_none() && script.gives.everywhere) {
        found.join(&places.total(&script.gives));
    }
    found
}

/// What more attackers (`exp_bonus_attacker`, `mob_dead`) and a party's even share (`party_even_share_bonus`,
/// `party_exp_share`) add to the experience of one kill.
fn shared(battle: &Battle) -> f64 {
    let attackers = (battle.real("exp_bonus_max_attacker") - 1.0) * battle.factor("exp_bonus_attacker");
    let party = (MAX_PARTY - 1.0) * battle.factor("party_even_share_bonus");
    (1.0 + attackers) * (1.0 + party) - 1.0
}

impl Books {
    /// An item by its number or name.
    fn item(&self, text: &str) -> Option<ItemId> {
        match text.trim().parse::<ItemId>() {
            Ok(id) => Some(id).filter(|id| self.items.by_id.contains_key(id)),
            Err(_) => self.items.id(text.trim()),
        }
    }

    /// The items that a body gives, what is in its boxes included.
    fn items_of(&self, gives: &Gives) -> BTreeSet<ItemId> {
        let named = gives.items.iter().filter_map(|text| self.item(text));
        let boxed = gives.boxes.iter().flat_map(|group| self.boxes.items(group));
        named.chain(boxed).collect()
    }

    /// The monsters that a body makes, as far as it names them.
    fn monsters_of(&self, gives: &Gives) -> BTreeSet<MonsterId> {
        let named = gives.monsters.iter().filter_map(|(_, monster)| self.monsters.id(monster.as_deref()?));
        let drawn = gives.summons.iter().flat_map(|group| self.summons.group(group));
        named.chain(drawn).collect()
    }
}
