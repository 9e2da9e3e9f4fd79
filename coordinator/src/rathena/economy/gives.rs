//! What a script gives: items, zeny, experience, monsters to kill (`doc/script_commands.txt`).
//!
//! Not an interpreter. An item that is named by a number, a text or a variable that the same body only ever sets to such is
//! known; any other is *unclear*: then the script may give anything.

mod meaning;

use std::collections::{BTreeMap, BTreeSet};

use super::super::body::{Word, words};
use meaning::{Meaning, Meanings, arguments, arguments_of_call, box_name, expression};

/// Commands that give an item, and which argument names it.
const ITEMS: [(&str, usize); 17] = [
    ("getitem", 0),
    ("getitem2", 0),
    ("getitem3", 0),
    ("getitem4", 0),
    ("getitembound", 0),
    ("getitembound2", 0),
    ("getitembound3", 0),
    ("getitembound4", 0),
    ("getnameditem", 0),
    ("makeitem", 0),
    ("makeitem2", 0),
    ("makeitem3", 0),
    ("makeitem4", 0),
    ("rentitem", 0),
    ("rentitem2", 0),
    ("rentitem3", 0),
    ("rentitem4", 0),
];
/// Commands that give what is in a box.
const BOXES: [&str; 3] = ["getgroupitem", "getrandgroupitem", "grouprandomitem"];
/// Commands that give what nobody can tell: pets by their monster, letters with things in them, goods of a shop that a script
/// fills.
const ANYTHING: [&str; 4] = ["mail", "makepet", "npcshopadditem", "npcshopitem"];
/// Commands that change an item: the refiner's, the card remover's, and what newer clients open.
const WORKS: [&str; 25] = [
    "delequip",
    "downrefitem",
    "enchantgradeui",
    "failedrefitem",
    "failedremovecards",
    "getitem2",
    "getitem3",
    "getitem4",
    "getitembound2",
    "getitembound3",
    "getitembound4",
    "item_enchant",
    "item_reform",
    "laphine_synthesis",
    "laphine_upgrade",
    "makeitem2",
    "makeitem3",
    "makeitem4",
    "refineui",
    "rentitem2",
    "rentitem3",
    "rentitem4",
    "setrandomoption",
    "successrefitem",
    "successremovecards",
];
/// Commands that make monsters whose death gives something, and which arguments name the map and the monster.
const MONSTERS: [(&str, usize, usize); 3] = [("areamonster", 0, 6), ("bg_monster", 1, 5), ("monster", 0, 4)];
/// Names of what a character has of experience.
const EXPERIENCE: [&str; 6] = ["baseexp", "baselevel", "jobexp", "joblevel", "upper_baseexp", "upper_jobexp"];
/// What a game master's commands, run by a script, give.
const MASTERS: [(&str, Gift); 8] = [
    ("@item", Gift::Item),
    ("@zeny", Gift::Zeny),
    ("@blvl", Gift::Experience),
    ("@lvup", Gift::Experience),
    ("@baselvlup", Gift::Experience),
    ("@jlvl", Gift::Experience),
    ("@joblvlup", Gift::Experience),
    ("@joblvup", Gift::Experience),
];
/// Events that run a script that stands nowhere for a player anywhere (`npce` names, npc.cpp).
const EVENTS: [&str; 9] = [
    "onnpckillevent",
    "onpcbaselvupevent",
    "onpcdieevent",
    "onpcjoblvupevent",
    "onpckillevent",
    "onpcloadmapevent",
    "onpcloginevent",
    "onpclogoutevent",
    "onpcstatcalcevent",
];

#[derive(Clone, Copy)]
enum Gift {
    Item,
    Zeny,
    Experience,
}

/// Where a monster is made.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Spot {
    /// On a map that is named.
    Map(String),
    /// Where the script runs, or somewhere it computes.
    Here,
}

/// What a body gives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Gives {
    /// Items, by number or name.
    pub(super) items: BTreeSet<String>,
    /// Boxes whose contents it gives: groups of items, lower case, without `IG_`.
    pub(super) boxes: BTreeSet<String>,
    /// It gives items that its text does not name.
    pub(super) unclear: bool,
    /// It gives items its caller names.
    pub(super) from_caller: bool,
    /// It gives zeny.
    pub(super) zeny: bool,
    /// It gives experience or levels.
    pub(super) experience: bool,
    /// It changes items.
    pub(super) works: bool,
    /// Monsters it makes, by number or name; none: one it does not name.
    pub(super) monsters: BTreeSet<(Spot, Option<String>)>,
    /// Groups of monsters it makes one of, lower case, without `MOBG_`.
    pub(super) summons: BTreeSet<String>,
    /// Functions that are called, and the numbers and texts they are given; none: something else, too.
    pub(super) calls: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Texts in quotes: a shop, or an NPC, may be meant.
    pub(super) texts: BTreeSet<String>,
    /// It runs for players anywhere.
    pub(super) everywhere: bool,
}

/// Reads a body.
pub(super) fn gives(body: &[u8]) -> Gives {
    let words = words(body);
    let mut reading = Reading { gives: Gives::default(), meanings: Meanings::of(&words) };
    for (at, word) in words.iter().enumerate() {
        let rest = words.get(at + 1..).unwrap_or_default();
        match word {
            Word::Text(text) => {
                reading.gives.texts.insert(text.clone());
            }
            Word::Name(name) => {
                let before = at.checked_sub(1).and_then(|at| words.get(at));
                reading.name(name, before, rest);
            }
            Word::Server(_) | Word::Local(_) | Word::Sign(_) => {}
        }
    }
    reading.gives
}

impl Gives {
    /// Takes in what another gives that runs with it.
    pub(super) fn join(&mut self, other: &Self) {
        self.items.extend(other.items.iter().cloned());
        self.boxes.extend(other.boxes.iter().cloned());
        self.monsters.extend(other.monsters.iter().cloned());
        self.summons.extend(other.summons.iter().cloned());
        self.unclear |= other.unclear;
        self.zeny |= other.zeny;
        self.experience |= other.experience;
        self.works |= other.works;
    }
}

struct Reading<'a> {
    gives: Gives,
    meanings: Meanings<'a>,
}

impl<'a> Reading<'a> {
    fn name(&mut self, name: &str, before: Option<&Word>, rest: &'a [Word]) {
        if rest.first() == Some(&Word::Sign(b':')) && EVENTS.contains(&name) {
            self.gives.everywhere = true;
        }
        self.gives.works |= WORKS.contains(&name);
        self.gives.unclear |= ANYTHING.contains(&name) && is_call(before, rest);
        self.gives.experience |= matches!(name, "getexp" | "getexp2");
        if name == "zeny" || EXPERIENCE.contains(&name) {
            let more = grows(name, before, rest);
            let which = if name == "zeny" { &mut self.gives.zeny } else { &mut self.gives.experience };
            *which |= more;
        }
        if let Some((_, at)) = ITEMS.iter().find(|(known, _)| *known == name) {
            let meaning = arguments(rest).get(*at).map_or_else(Meaning::unclear, |words| self.meanings.argument(words));
            self.give(meaning);
        } else if BOXES.contains(&name) {
            match arguments_of_call(rest).first() {
                Some([Word::Name(group)]) if group.starts_with("ig_") => {
                    self.gives.boxes.insert(box_name(group));
                }
                _ => self.gives.unclear = true,
            }
        } else if let Some((_, map, monster)) = MONSTERS.iter().find(|(known, ..)| *known == name) {
            let arguments = arguments(rest);
            // Not a command, but the name of a label or a variable.
            if arguments.len() > *monster {
                self.monster(arguments.get(*map).copied(), arguments.get(*monster).copied());
            }
        } else if matches!(name, "callfunc" | "callsub") {
            self.call(name, &arguments_of_call(rest));
        } else if matches!(name, "atcommand" | "useatcmd" | "charcommand") {
            self.master(rest);
        }
    }

    fn give(&mut self, meaning: Meaning) {
        self.gives.items.extend(meaning.values);
        self.gives.boxes.extend(meaning.boxes);
        self.gives.from_caller |= meaning.caller;
        self.gives.unclear |= meaning.unclear;
    }

    fn call(&mut self, command: &str, arguments: &[&'a [Word]]) {
        let Some((called, given)) = arguments.split_first() else { return };
        let mut values = Some(BTreeSet::new());
        for argument in given {
            let meaning = self.meanings.argument(argument);
            if meaning.unclear || meaning.caller || !meaning.boxes.is_empty() {
                values = None;
            } else if let Some(values) = &mut values {
                values.extend(meaning.values);
            }
        }
        // A part of the body itself is called with an empty name: what it is given matters all the same.
        let name = match called {
            [Word::Text(name)] if command == "callfunc" => name.clone(),
            _ => String::new(),
        };
        // A function that is computed may be any.
        self.gives.unclear |= command == "callfunc" && name.is_empty();
        let known = self.gives.calls.entry(name).or_insert_with(|| Some(BTreeSet::new()));
        *known = match (known.take(), values) {
            (Some(mut known), Some(values)) => {
                known.extend(values);
                Some(known)
            }
            _ => None,
        };
    }

    fn monster(&mut self, map: Option<&[Word]>, monster: Option<&'a [Word]>) {
        let spot = match map {
            Some([Word::Text(map)]) if !map.eq_ignore_ascii_case("this") => Spot::Map(map.clone()),
            _ => Spot::Here,
        };
        let Some(monster) = monster else { return };
        // `-1-MOBG_X`: one of a group.
        let group = monster.iter().find_map(|word| match word {
            Word::Name(name) => name.strip_prefix("mobg_"),
            Word::Text(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => None,
        });
        if let Some(group) = group {
            self.gives.summons.insert(group.to_owned());
            return;
        }
        let meaning = self.meanings.argument(monster);
        if meaning.unclear || meaning.caller || meaning.values.is_empty() {
            self.gives.monsters.insert((spot.clone(), None));
        }
        self.gives.monsters.extend(meaning.values.into_iter().map(|value| (spot.clone(), Some(value))));
    }

    fn master(&mut self, rest: &[Word]) {
        let said = rest.iter().take_while(|word| **word != Word::Sign(b';')).find_map(|word| match word {
            Word::Text(text) => Some(text.to_ascii_lowercase()),
            Word::Name(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => None,
        });
        let Some(said) = said else { return };
        for (command, gift) in MASTERS {
            if said.starts_with(command) {
                match gift {
                    Gift::Item => self.gives.unclear = true,
                    Gift::Zeny => self.gives.zeny = true,
                    Gift::Experience => self.gives.experience = true,
                }
            }
        }
    }
}

/// Whether a value of this name becomes more by what follows it.
fn grows(name: &str, before: Option<&Word>, rest: &[Word]) -> bool {
    let value = match (before, rest) {
        (Some(Word::Name(setter)), [Word::Sign(b','), rest @ ..]) if setter == "set" => rest,
        (_, [Word::Sign(b'+'), Word::Sign(b'=' | b'+'), ..]) => return true,
        (_, [Word::Sign(b'='), Word::Sign(b'='), ..]) => return false,
        (_, [Word::Sign(b'='), rest @ ..]) => rest,
        _ => return false,
    };
    let value = expression(value);
    let less = match value {
        [Word::Name(own), Word::Sign(b'-'), rest @ ..] => own == name && !rest.contains(&Word::Sign(b'+')),
        [Word::Name(number)] => number == "0",
        _ => false,
    };
    !less
}

/// Whether a name is a command here, not a variable or a label.
fn is_call(before: Option<&Word>, rest: &[Word]) -> bool {
    let starts = matches!(before, None | Some(Word::Sign(b';' | b'{' | b'}' | b')' | b':')));
    let sets = matches!(rest.first(), Some(Word::Sign(b'=' | b':' | b'+' | b'-')));
    starts && !sets
}

#[cfg(test)]
mod tests;
