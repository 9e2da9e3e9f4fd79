//! Maps that are walked between, cut to what a host can carry.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use bifrost_protocol::ids::MapName;

/// Most maps of a group: each costs a map-server time at its start.
pub const MAX_MAPS: usize = 16;
/// Most cells of a group: 2 bytes each in a map-server, and a search through them for each monster that wakes.
pub const MAX_CELLS: u64 = 2_000_000;
/// Most monsters of a group: what a map-server's loop spends its time on.
pub const MAX_MONSTERS: u64 = 1_500;
/// A group of fewer maps joins a neighbour with which it has no more in common than a warp.
const SMALL: usize = 3;
/// What the rest is called: quests, tests and events, each on a map or two.
const EVENTS: &str = "events";

/// What a map adds to its group.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Columns times rows.
    pub cells: u64,
    /// Monsters that live there.
    pub monsters: u64,
}

/// A group as it is proposed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProposedGroup {
    /// Its name: what most of its maps are called.
    pub name: String,
    /// Its maps.
    pub maps: BTreeSet<MapName>,
    /// Their sum.
    pub load: Load,
}

impl ProposedGroup {
    /// Whether it is larger than groups should be: scripts tie its maps together, or one map is that large.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        !fits(self.maps.len(), self.load)
    }
}

/// Puts maps into groups. `ties` have to stay together; `warps` say how many ways lead from map to map.
///
/// First what is walked between is joined, then what lies in one region (a city is often in the middle), then the small
/// rest on which nothing lives: quests and events.
pub(super) fn cut(
    loads: &BTreeMap<MapName, Load>,
    ties: &[BTreeSet<MapName>],
    warps: &BTreeMap<(MapName, MapName), usize>,
) -> Vec<ProposedGroup> {
    let mut clusters = tied(loads, ties);
    while let Some(pair) = neighbours(&clusters, warps) {
        join(&mut clusters, pair);
    }
    while let Some(pair) = relatives(&clusters) {
        join(&mut clusters, pair);
    }
    let (rest, clusters): (Vec<_>, Vec<_>) =
        clusters.into_iter().partition(|cluster| cluster.load.monsters == 0 && cluster.maps.len() < SMALL);
    let mut events: Vec<Cluster> = Vec::new();
    for cluster in rest {
        let last = events.last_mut();
        match last.filter(|last| fits(last.maps.len() + cluster.maps.len(), sum(last.load, cluster.load))) {
            Some(last) => last.add(cluster),
            None => events.push(cluster),
        }
    }
    let named = |cluster: Cluster, name: String| ProposedGroup { name, maps: cluster.maps, load: cluster.load };
    let mut groups: Vec<_> = clusters
        .into_iter()
        .map(|cluster| {
            let name = cluster.name(loads);
            named(cluster, name)
        })
        .collect();
    groups.extend(events.into_iter().map(|cluster| named(cluster, EVENTS.to_owned())));
    number(&mut groups);
    groups
}

#[derive(Debug)]
struct Cluster {
    maps: BTreeSet<MapName>,
    load: Load,
}

impl Cluster {
    fn add(&mut self, other: Self) {
        self.maps.extend(other.maps);
        self.load = sum(self.load, other.load);
    }

    /// What most of its monsters' maps are called.
    fn name(&self, loads: &BTreeMap<MapName, Load>) -> String {
        let mut sizes = BTreeMap::<&str, (u64, usize)>::new();
        for map in &self.maps {
            let size = sizes.entry(family(map)).or_default();
            *size = (size.0 + loads.get(map).map_or(0, |load| load.monsters), size.1 + 1);
        }
        let largest = sizes.iter().max_by_key(|(name, size)| (**size, Reverse(**name)));
        largest.map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }
}

const fn fits(maps: usize, load: Load) -> bool {
    maps <= MAX_MAPS && load.cells <= MAX_CELLS && load.monsters <= MAX_MONSTERS
}

const fn sum(left: Load, right: Load) -> Load {
    Load { cells: left.cells.saturating_add(right.cells), monsters: left.monsters.saturating_add(right.monsters) }
}

/// The smallest clusters: maps that are tied, and all others alone.
fn tied(loads: &BTreeMap<MapName, Load>, ties: &[BTreeSet<MapName>]) -> Vec<Cluster> {
    let mut sets: Vec<BTreeSet<MapName>> = Vec::new();
    for tie in ties.iter().cloned().chain(loads.keys().map(|map| BTreeSet::from([map.clone()]))) {
        let mut joined: BTreeSet<MapName> = tie.into_iter().filter(|map| loads.contains_key(map)).collect();
        sets.retain(|set| {
            let apart = set.is_disjoint(&joined);
            if !apart {
                joined.extend(set.iter().cloned());
            }
            apart
        });
        sets.push(joined);
    }
    sets.retain(|set| !set.is_empty());
    let load =
        |set: &BTreeSet<MapName>| set.iter().filter_map(|map| loads.get(map)).copied().fold(Load::default(), sum);
    let mut clusters: Vec<_> = sets.into_iter().map(|maps| Cluster { load: load(&maps), maps }).collect();
    clusters.sort_by(|left, right| left.maps.cmp(&right.maps));
    clusters
}

/// How well two clusters go together, least first, and which they are.
type Candidate<'a> = ((Reverse<u8>, Reverse<usize>, u64, [Option<&'a MapName>; 2]), (usize, usize));

/// Puts the second of a pair into the first.
fn join(clusters: &mut Vec<Cluster>, (left, right): (usize, usize)) {
    let joined = clusters.remove(right);
    if let Some(cluster) = clusters.get_mut(left) {
        cluster.add(joined);
    }
}

/// The two clusters of one region that belong together most, with ways between them or not. `None` when no two fit.
fn relatives(clusters: &[Cluster]) -> Option<(usize, usize)> {
    let count = clusters.len();
    let pairs = (0..count).flat_map(|left| (left + 1..count).map(move |right| (left, right)));
    pairs.filter_map(|pair| candidate(clusters, pair, 0)).min().map(|(_, pair)| pair)
}

/// The two clusters with ways between them that belong together most. `None` when no two fit.
fn neighbours(clusters: &[Cluster], warps: &BTreeMap<(MapName, MapName), usize>) -> Option<(usize, usize)> {
    let place: BTreeMap<&MapName, usize> =
        clusters.iter().enumerate().flat_map(|(at, cluster)| cluster.maps.iter().map(move |map| (map, at))).collect();
    let mut ways = BTreeMap::<(usize, usize), usize>::new();
    for ((from, to), count) in warps {
        if let (Some(from), Some(to)) = (place.get(from), place.get(to))
            && from != to
        {
            *ways.entry((*from.min(to), *from.max(to))).or_default() += count;
        }
    }
    ways.into_iter().filter_map(|(pair, ways)| candidate(clusters, pair, ways)).min().map(|(_, pair)| pair)
}

/// Whether two clusters may be one: of one family before of one region before mere neighbours, of which one has to be
/// small; then those with more ways between them, then the smaller ones.
fn candidate(clusters: &[Cluster], pair: (usize, usize), ways: usize) -> Option<Candidate<'_>> {
    let (left, right) = (clusters.get(pair.0)?, clusters.get(pair.1)?);
    let load = sum(left.load, right.load);
    if !fits(left.maps.len() + right.maps.len(), load) {
        return None;
    }
    let kinship = kinship(left, right);
    let small = ways > 0 && left.maps.len().min(right.maps.len()) < SMALL;
    let names = [left.maps.first(), right.maps.first()];
    (kinship > 0 || small).then_some(((Reverse(kinship), Reverse(ways), load.cells, names), pair))
}

/// 2: maps of one family, 1: of one region, 0: neither.
fn kinship(left: &Cluster, right: &Cluster) -> u8 {
    let share = |part: fn(&MapName) -> &str| {
        let parts: BTreeSet<_> = left.maps.iter().map(part).collect();
        right.maps.iter().any(|map| parts.contains(part(map)))
    };
    if share(family) { 2 } else { u8::from(share(region)) }
}

/// What maps of one kind are called: `prt_fild` of `prt_fild08`, `gef_dun` of `gef_dun00`, `tower` of `1@tower`.
pub(super) fn family(map: &MapName) -> &str {
    let name = map.as_str();
    let name = name.split_once('@').map_or(name, |(_, name)| name);
    let is_number = |letter: char| letter.is_ascii_digit() || letter == '-';
    let without_letter = name.strip_suffix(|letter: char| letter.is_ascii_lowercase());
    let copy = without_letter.filter(|rest| rest.ends_with(|letter: char| letter.is_ascii_digit()));
    let family = copy.unwrap_or(name).trim_end_matches(is_number).trim_end_matches('_');
    if family.is_empty() { name } else { family }
}

/// Where a map lies: `prt` of `prt_fild08`.
fn region(map: &MapName) -> &str {
    let family = family(map);
    family.split_once('_').map_or(family, |(region, _)| region)
}

/// Makes names differ: later ones are counted.
fn number(groups: &mut [ProposedGroup]) {
    groups.sort_by(|left, right| (&left.name, &left.maps).cmp(&(&right.name, &right.maps)));
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for group in groups {
        let numbered = (2_usize..).map(|number| format!("{}-{number}", group.name));
        let name = std::iter::once(group.name.clone()).chain(numbered).find(|name| !taken.contains(name));
        group.name = name.expect("there is always another number");
        taken.insert(group.name.clone());
    }
}

#[cfg(test)]
mod tests;
