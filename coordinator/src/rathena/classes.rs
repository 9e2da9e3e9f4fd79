//! Which maps may leave the operator, and why not.

use std::collections::{BTreeMap, BTreeSet};

use bifrost_protocol::ids::MapName;

use super::ties::{Node, Ties};

/// Where every jailed player is put (`MAP_JAIL`, map.hpp).
const JAIL: &str = "sec_pri";
/// Map flags of cities. `reset` marks the places where a player may rebuild its character: all cities, in rAthena's lists.
const CITY_FLAGS: [&str; 2] = ["reset", "town"];
/// Map flags of fights between players.
const FIGHT_FLAGS: [&str; 8] =
    ["battleground", "gvg", "gvg_castle", "gvg_dungeon", "gvg_te", "gvg_te_castle", "pvp", "pvp_nightmaredrop"];

/// What is known of the maps.
#[derive(Debug, Default)]
pub(super) struct World {
    /// The maps the operator's map-server loads.
    pub(super) maps: BTreeSet<MapName>,
    /// Monsters that live on a map.
    pub(super) spawns: BTreeMap<MapName, u64>,
    /// Flags of a map.
    pub(super) flags: BTreeMap<MapName, BTreeSet<String>>,
    /// Warps from map to map: how many.
    pub(super) warps: BTreeMap<(MapName, MapName), usize>,
    /// What scripts tie together.
    pub(super) ties: Ties,
    /// Where new characters start.
    pub(super) starts: Vec<MapName>,
    /// Maps with guild castles.
    pub(super) castles: BTreeSet<MapName>,
    /// Maps that are copied for each party.
    pub(super) instances: BTreeSet<MapName>,
}

/// What the operator has decided.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Maps that never leave.
    pub critical: BTreeSet<MapName>,
    /// Maps that may leave whatever speaks against it.
    pub eligible: BTreeSet<MapName>,
}

/// Whether a map may leave the operator, and why.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reason {
    /// The operator said that it stays.
    Kept,
    /// New characters start there.
    Start,
    /// A city.
    City,
    /// Players fight each other there, or a guild castle stands there.
    Fight,
    /// The jail.
    Jail,
    /// A script uses a variable of the whole server there.
    Variable,
    /// A script that runs with the operator acts on it.
    Script,
    /// Rooms of a city: no monsters, and a city is next door.
    Indoors,
    /// Nothing happens there that would be worth a host.
    Idle,
    /// The operator said that it may leave.
    Asked,
    /// Monsters live there.
    Monsters,
    /// Copied for each party.
    Instance,
    /// A script of its own makes monsters there: events, quests, tests.
    Event,
    /// Between maps that may leave, and to nowhere else.
    Passage,
}

/// All reasons, in the order of the report.
pub const REASONS: [Reason; 14] = [
    Reason::Kept,
    Reason::Start,
    Reason::City,
    Reason::Fight,
    Reason::Jail,
    Reason::Variable,
    Reason::Script,
    Reason::Indoors,
    Reason::Idle,
    Reason::Asked,
    Reason::Monsters,
    Reason::Instance,
    Reason::Event,
    Reason::Passage,
];

impl Reason {
    /// Whether hosts may carry the map.
    #[must_use]
    pub const fn may_leave(self) -> bool {
        matches!(self, Self::Asked | Self::Monsters | Self::Instance | Self::Event | Self::Passage)
    }

    /// For the report.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Kept => "you said that it stays (--critical)",
            Self::Start => "new characters start there",
            Self::City => "city: flag town or reset",
            Self::Fight => "players against players: flag pvp, gvg*, battleground, or a guild castle",
            Self::Jail => "the jail",
            Self::Variable => "a script there uses a variable of the whole server",
            Self::Script => "a script that stays acts on it",
            Self::Indoors => "no monsters, and next door to a city",
            Self::Idle => "no monsters: nothing to gain from a host",
            Self::Asked => "you said that it may leave (--eligible)",
            Self::Monsters => "monsters live there",
            Self::Instance => "copied for each party",
            Self::Event => "a script of its own makes monsters there",
            Self::Passage => "between maps that may leave",
        }
    }
}

/// A map's class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// What exactly, when there is more to say.
    pub detail: Option<String>,
}

/// Decides about all maps.
pub(super) fn classify(world: &World, wishes: &Wishes) -> BTreeMap<MapName, Verdict> {
    let mut verdicts: BTreeMap<MapName, Verdict> = BTreeMap::new();
    for map in &world.maps {
        if let Some(verdict) = by_itself(map, world, wishes) {
            verdicts.insert(map.clone(), verdict);
        }
    }
    let stays = |verdicts: &BTreeMap<MapName, Verdict>| -> BTreeSet<Node> {
        let maps = verdicts.iter().filter(|(_, verdict)| !verdict.reason.may_leave());
        maps.map(|(map, _)| Some(map.clone())).chain([None]).collect()
    };
    for (map, (other, why)) in world.ties.reach(&stays(&verdicts), &wishes.eligible) {
        let other = other.map_or_else(|| "the server".to_owned(), |map| map.to_string());
        let detail = Some(format!("tied to {other}: {why}"));
        verdicts.entry(map).or_insert(Verdict { reason: Reason::Script, detail });
    }
    let open: BTreeSet<_> = world.maps.iter().filter(|map| !verdicts.contains_key(*map)).cloned().collect();
    for (map, reason) in lively(&open, world) {
        verdicts.insert(map, Verdict { reason, detail: None });
    }
    let quiet: BTreeSet<_> = open.into_iter().filter(|map| !verdicts.contains_key(map)).collect();
    let found = without_monsters(&quiet, world, &verdicts);
    verdicts.extend(found.into_iter().map(|(map, reason)| (map, Verdict { reason, detail: None })));
    verdicts
}

/// What a map is for reasons of its own.
fn by_itself(map: &MapName, world: &World, wishes: &Wishes) -> Option<Verdict> {
    let none = BTreeSet::new();
    let flags = world.flags.get(map).unwrap_or(&none);
    let flag = |of: &[&str]| of.iter().find(|flag| flags.contains(**flag)).map(|flag| format!("flag {flag}"));
    let verdict = |reason, detail| Some(Verdict { reason, detail });
    if wishes.eligible.contains(map) {
        return verdict(Reason::Asked, None);
    }
    if wishes.critical.contains(map) {
        return verdict(Reason::Kept, None);
    }
    if let Some(flag) = flag(&CITY_FLAGS) {
        return verdict(Reason::City, Some(flag));
    }
    if let Some(start) = world.starts.iter().find(|start| *start == map || same_ground(start, map)) {
        return verdict(Reason::Start, (start != map).then(|| format!("belongs to {start}")));
    }
    if map.as_str() == JAIL {
        return verdict(Reason::Jail, None);
    }
    if world.castles.contains(map) {
        return verdict(Reason::Fight, Some("guild castle".to_owned()));
    }
    if let Some(flag) = flag(&FIGHT_FLAGS) {
        return verdict(Reason::Fight, Some(flag));
    }
    let variable = world.ties.variables.get(map)?;
    verdict(Reason::Variable, Some(variable.clone()))
}

/// Training grounds have several copies and rooms: `new_1-1`, `new_2-3`, `new_zone01`. They share what stands before the
/// first digit of the start's name.
fn same_ground(start: &MapName, map: &MapName) -> bool {
    let start = start.as_str();
    let digit = start.find(|letter: char| letter.is_ascii_digit());
    let ground = digit.and_then(|digit| start.get(..digit)).unwrap_or_default();
    ground.len() > 2 && map.as_str().starts_with(ground)
}

/// Maps where something lives, with those that scripts tie to them.
fn lively(open: &BTreeSet<MapName>, world: &World) -> BTreeMap<MapName, Reason> {
    let own = |map: &MapName| {
        if world.spawns.get(map).is_some_and(|monsters| *monsters > 0) {
            Some(Reason::Monsters)
        } else if world.instances.contains(map) {
            Some(Reason::Instance)
        } else if world.ties.scripted.contains(map) {
            Some(Reason::Event)
        } else {
            None
        }
    };
    let mut found: BTreeMap<MapName, Reason> = open.iter().filter_map(|map| Some((map.clone(), own(map)?))).collect();
    let mut queue: Vec<MapName> = found.keys().cloned().collect();
    while let Some(map) = queue.pop() {
        for other in world.ties.of(&map).filter(|other| open.contains(*other)) {
            if !found.contains_key(other) {
                found.insert(other.clone(), Reason::Event);
                queue.push(other.clone());
            }
        }
    }
    found
}

/// Maps where nothing lives: rooms of a city, ways between maps that leave, or nothing at all. Those that are next to each
/// other, or tied, are decided together.
fn without_monsters(
    quiet: &BTreeSet<MapName>,
    world: &World,
    verdicts: &BTreeMap<MapName, Verdict>,
) -> BTreeMap<MapName, Reason> {
    let mut next_to = BTreeMap::<&MapName, BTreeSet<&MapName>>::new();
    for (from, to) in world.warps.keys() {
        next_to.entry(from).or_default().insert(to);
        next_to.entry(to).or_default().insert(from);
    }
    for map in quiet {
        next_to.entry(map).or_default().extend(world.ties.of(map).filter(|other| quiet.contains(*other)));
    }
    let mut found = BTreeMap::new();
    for first in quiet {
        if found.contains_key(first) {
            continue;
        }
        let (mut together, mut queue) = (BTreeSet::from([first]), vec![first]);
        let (mut leaving, mut staying) = (false, None::<Reason>);
        while let Some(map) = queue.pop() {
            for other in next_to.get(map).into_iter().flatten() {
                if quiet.contains(*other) {
                    if together.insert(other) {
                        queue.push(other);
                    }
                } else if let Some(verdict) = verdicts.get(*other) {
                    if verdict.reason.may_leave() {
                        leaving = true;
                    } else {
                        let is_city = matches!(verdict.reason, Reason::City | Reason::Start);
                        staying = Some(if is_city { Reason::Indoors } else { staying.unwrap_or(Reason::Idle) });
                    }
                }
            }
        }
        let reason = staying.unwrap_or(if leaving { Reason::Passage } else { Reason::Idle });
        found.extend(together.into_iter().map(|map| (map.clone(), reason)));
    }
    found
}
