//! An operator's own rAthena, read as its servers read it: what they are configured for, which maps and scripts they load.
//! From that a configuration of the fleet is proposed ([`propose`]).
//!
//! [`conf`] is the grammar, [`servers`] what is set, [`npcs`] what scripts put on maps. [`classes`] decides which maps may
//! leave, [`groups`] which of them go together, [`mod@write`] says it as TOML and as a list for the operator's map-server.
//! Nothing below is ever written to rAthena's folder unless the operator names a place there.

mod body;
mod build;
mod classes;
mod conf;
pub mod economy;
mod groups;
mod lists;
mod npcs;
mod problem;
mod report;
mod script;
mod servers;
mod sizes;
mod ties;
mod values;
mod write;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bifrost_protocol::ids::MapName;

use crate::config::Build;

pub use build::KnownBuild;
pub use classes::{REASONS, Reason, Verdict, Wishes};
pub use conf::{Conf, Dialect, MARK, Setting};
pub use groups::{Load, MAX_CELLS, MAX_MAPS, MAX_MONSTERS, ProposedGroup};
pub use problem::{Note, Place, Problem, RathenaError};
pub use servers::{CharServer, Database, LoginServer, MapServer, Servers};
pub use write::LIST_FILE;

use classes::World;
use ties::Ties;

/// What the operator says beyond the files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What the servers are compiled for, as far as the operator says.
    pub build: KnownBuild,
    /// Where game clients reach this machine; none: what the map-server is told.
    pub public: Option<Ipv4Addr>,
    /// Decisions about single maps.
    pub wishes: Wishes,
}

/// What is proposed.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// rAthena's folder, absolute.
    pub root: PathBuf,
    /// What the servers are configured for.
    pub servers: Servers,
    /// What they are compiled for.
    pub build: Build,
    /// Where game clients reach this machine.
    pub public: Option<Ipv4Addr>,
    /// Every map of the operator's map-server, and why it stays or may leave.
    pub verdicts: BTreeMap<MapName, Verdict>,
    /// The groups of those that leave.
    pub groups: Vec<ProposedGroup>,
    /// Map caches, relative to the folder.
    pub caches: Vec<String>,
    /// The map index, if it is one file.
    pub index: Option<String>,
    /// Script files with warps that start on maps of the groups.
    pub warps: Vec<String>,
    /// What the operator should know.
    pub notes: Vec<Note>,
}

/// Reads the rAthena in `root` and proposes a configuration. The same files give the same proposal.
///
/// # Errors
/// What cannot be read or used, with file, line and key.
pub fn propose(root: &Path, options: &Options) -> Result<Proposal, RathenaError> {
    let failed = |source| RathenaError::Read { path: root.to_owned(), source };
    let root = root.canonicalize().map_err(failed)?;
    let mut notes = Vec::new();
    let build = build::find(&root, options.build, &mut notes);
    let servers = servers::read(&root, build.renewal, &mut notes)?;
    let sizes = sizes::read(&root, &servers.map.db_path, build.renewal)?;
    let npcs = npcs::read(&root, &servers.map.scripts, build.renewal, &mut notes)?;
    let maps = loaded(&servers.map, &sizes, &mut notes);
    for map in options.wishes.critical.iter().chain(&options.wishes.eligible) {
        if !maps.contains(map) {
            return Err(RathenaError::UnknownMap { map: map.to_string() });
        }
    }
    let instances = lists::instances(&root, &servers.map.db_path, build.renewal, &mut notes)?;
    let world = World {
        ties: Ties::find(&npcs, &maps, &instances),
        spawns: npcs.spawns,
        flags: npcs.flags,
        warps: npcs.warps,
        starts: servers.char_server.starts.clone(),
        castles: lists::castles(&root, &servers.map.db_path, build.renewal, &mut notes)?,
        instances: instances.into_values().flatten().collect(),
        maps,
    };
    let verdicts = classes::classify(&world, &options.wishes);
    let groups = cut(&world, &verdicts, &sizes);
    if groups.is_empty() {
        return Err(RathenaError::Nothing(report::counts(&verdicts)));
    }
    let leaving: BTreeSet<&MapName> = groups.iter().flat_map(|group| &group.maps).collect();
    let warps = npcs.warp_files.into_iter().filter(|(_, maps)| maps.iter().any(|map| leaving.contains(map)));
    Ok(Proposal {
        public: options.public.or_else(|| servers.map.ip.as_ref()?.parse().ok()),
        warps: warps.map(|(file, _)| file).collect(),
        caches: sizes.caches,
        index: sizes.index,
        root,
        servers,
        build,
        verdicts,
        groups,
        notes,
    })
}

/// The maps of the list that the map-server can load. It takes the others off its list without an error.
fn loaded(map_server: &MapServer, sizes: &sizes::Sizes, notes: &mut Vec<Note>) -> BTreeSet<MapName> {
    let (found, missing): (Vec<_>, Vec<_>) = map_server.maps.iter().partition(|(map, _)| sizes.maps.contains_key(map));
    if let Some((map, place)) = missing.first() {
        let more = match missing.len() {
            1 => String::new(),
            count => format!(" and {} others", count - 1),
        };
        let text = format!("map: {map}{more} not in the map index or in no map cache; servers go on without");
        notes.push(Note::at(place, text));
    }
    found.into_iter().map(|(map, _)| map.clone()).collect()
}

fn cut(world: &World, verdicts: &BTreeMap<MapName, Verdict>, sizes: &sizes::Sizes) -> Vec<ProposedGroup> {
    let leaving: BTreeSet<&MapName> =
        verdicts.iter().filter(|(_, verdict)| verdict.reason.may_leave()).map(|(map, _)| map).collect();
    let load = |map: &MapName| Load {
        cells: sizes.maps.get(map).copied().unwrap_or(0),
        monsters: world.spawns.get(map).copied().unwrap_or(0),
    };
    let loads: BTreeMap<MapName, Load> = leaving.iter().map(|map| ((*map).clone(), load(map))).collect();
    let tie = |map: &&MapName| {
        let others = world.ties.of(map).filter(|other| leaving.contains(other)).cloned();
        others.chain([(*map).clone()]).collect::<BTreeSet<_>>()
    };
    let ties: Vec<_> = leaving.iter().map(tie).filter(|tie| tie.len() > 1).collect();
    groups::cut(&loads, &ties, &world.warps)
}
