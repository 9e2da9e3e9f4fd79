//! Which maps have to stay on one server because a script on one acts on the other.
//!
//! A script runs where it stands, or on the operator's own map-server when it stands nowhere. What it does to a map, to an
//! NPC or with a variable of the server works only if that is on the same server. Warps tie nothing: players are sent on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bifrost_protocol::ids::MapName;

use super::body::Uses;
use super::npcs::{Npcs, Script};

/// A map, or the operator's own map-server (`None`).
pub(super) type Node = Option<MapName>;

/// Ties between maps, and maps that are tied to the server by a variable.
#[derive(Debug, Default)]
pub(super) struct Ties {
    /// Both ways: who is tied to whom, and why.
    edges: BTreeMap<Node, BTreeMap<Node, String>>,
    /// Maps with a script that uses a permanent variable of the server, and why.
    pub(super) variables: BTreeMap<MapName, String>,
    /// Maps on which a script of their own makes monsters.
    pub(super) scripted: BTreeSet<MapName>,
}

impl Ties {
    /// Finds all ties between `maps`; `instances` by name.
    pub(super) fn find(npcs: &Npcs, maps: &BTreeSet<MapName>, instances: &BTreeMap<String, BTreeSet<MapName>>) -> Self {
        let named = |text: &str| MapName::new(text).ok().filter(|map| maps.contains(map));
        let mut ties = Self::default();
        for script in &npcs.scripts {
            let homes = homes(script, npcs, maps);
            let why = format!("script {} ({})", script.name, script.place);
            let mut acts_on: BTreeSet<Node> = script.uses.maps.iter().filter_map(|map| named(map)).map(Some).collect();
            let called = called(&script.uses, &npcs.functions);
            acts_on.extend(called.iter().flat_map(|uses| &uses.maps).filter_map(|map| named(map)).map(Some));
            if script.uses.unclear || called.iter().any(|uses| uses.unclear) {
                acts_on.extend(script.uses.texts.iter().filter_map(|text| named(text)).map(Some));
            }
            for npc in &script.uses.npcs {
                let places = npcs.named.get(npc).into_iter().flatten();
                acts_on.extend(places.filter(|place| place.as_ref().is_none_or(|map| maps.contains(map))).cloned());
            }
            for (_, copied) in script.uses.texts.iter().filter_map(|text| instances.get_key_value(text)) {
                acts_on.extend(copied.iter().filter(|map| maps.contains(*map)).cloned().map(Some));
            }
            for home in &homes {
                for other in acts_on.iter().filter(|other| *other != home) {
                    ties.tie(home, other, &why);
                }
                if let Some(map) = home.as_ref().filter(|_| script.uses.makes_monsters) {
                    ties.scripted.insert(map.clone());
                }
            }
        }
        for (of, places) in &npcs.duplicates {
            // A duplicate needs its original on the same server; one that stands nowhere is on all of them.
            let why = format!("duplicates of {of}");
            let on_a_map = |place: &&Node| place.as_ref().is_some_and(|map| maps.contains(map));
            for original in npcs.named.get(of).into_iter().flatten().filter(on_a_map) {
                for place in places.iter().filter(on_a_map).filter(|place| *place != original) {
                    ties.tie(original, place, &why);
                }
            }
        }
        for copied in instances.values() {
            let copied: Vec<_> = copied.iter().filter(|map| maps.contains(*map)).cloned().map(Some).collect();
            for pair in copied.windows(2) {
                ties.tie(&pair[0], &pair[1], "parts of one instance");
            }
        }
        ties.tie_variables(npcs, maps);
        ties
    }

    /// Everything that is tied to `starts`, step by step: which neighbour brought it, and why. The starts are not in it.
    pub(super) fn reach(&self, starts: &BTreeSet<Node>, stop: &BTreeSet<MapName>) -> BTreeMap<MapName, (Node, String)> {
        let mut found = BTreeMap::new();
        let mut queue: VecDeque<&Node> = starts.iter().collect();
        while let Some(node) = queue.pop_front() {
            for (other, why) in self.edges.get(node).into_iter().flatten() {
                let Some(map) = other else { continue };
                if !starts.contains(other) && !found.contains_key(map) && !stop.contains(map) {
                    found.insert(map.clone(), (node.clone(), why.clone()));
                    queue.push_back(other);
                }
            }
        }
        found
    }

    /// Maps a map is tied to directly.
    pub(super) fn of<'a>(&'a self, map: &MapName) -> impl Iterator<Item = &'a MapName> {
        self.edges.get(&Some(map.clone())).into_iter().flatten().filter_map(|(other, _)| other.as_ref())
    }

    fn tie(&mut self, left: &Node, right: &Node, why: &str) {
        for (from, to) in [(left, right), (right, left)] {
            let edges = self.edges.entry(from.clone()).or_default();
            edges.entry(to.clone()).or_insert_with(|| why.to_owned());
        }
    }

    /// Permanent variables (`$name`) are read at a server's start and written by it: only one server may. Others (`$@name`)
    /// live in one server's memory: who reads them has to be where they are set.
    fn tie_variables(&mut self, npcs: &Npcs, maps: &BTreeSet<MapName>) {
        let mut setters = BTreeMap::<&str, BTreeSet<Node>>::new();
        for script in &npcs.scripts {
            for variable in &script.uses.writes {
                setters.entry(variable).or_default().extend(homes(script, npcs, maps));
            }
        }
        for script in &npcs.scripts {
            let homes = homes(script, npcs, maps);
            let read_only = |name: &&String| !script.uses.writes.contains(*name);
            for variable in script.uses.reads.iter().chain(&script.uses.writes).filter(|name| !name.starts_with("$@")) {
                if !setters.contains_key(variable.as_str()) {
                    continue;
                }
                for map in homes.iter().flatten() {
                    let why =
                        || format!("variable {variable} of the server, script {} ({})", script.name, script.place);
                    self.variables.entry(map.clone()).or_insert_with(why);
                }
            }
            for variable in script.uses.reads.iter().filter(|name| name.starts_with("$@")).filter(read_only) {
                let why = format!("variable {variable} in script {} ({})", script.name, script.place);
                for setter in setters.get(variable.as_str()).into_iter().flatten() {
                    for home in homes.iter().filter(|home| *home != setter) {
                        self.tie(home, setter, &why);
                    }
                }
            }
        }
    }
}

/// Where a script runs: where it and its duplicates stand. One that stands nowhere, but has duplicates, is only their body.
fn homes(script: &Script, npcs: &Npcs, maps: &BTreeSet<MapName>) -> BTreeSet<Node> {
    let duplicates = npcs.duplicates.get(&script.name);
    let own = script.map.is_some() || duplicates.is_none();
    let own = own.then_some(&script.map);
    let homes = duplicates.into_iter().flatten().chain(own);
    homes.filter(|home| home.as_ref().is_none_or(|map| maps.contains(map))).cloned().collect()
}

/// The functions that a script calls, directly or by another function.
fn called<'a>(uses: &Uses, functions: &'a BTreeMap<String, Uses>) -> Vec<&'a Uses> {
    let (mut known, mut found) = (BTreeSet::new(), Vec::new());
    let mut names: Vec<&str> = uses.calls.iter().map(String::as_str).collect();
    while let Some(name) = names.pop() {
        let Some((name, uses)) = functions.get_key_value(name) else { continue };
        if known.insert(name.as_str()) {
            names.extend(uses.calls.iter().map(String::as_str));
            found.push(uses);
        }
    }
    found
}
