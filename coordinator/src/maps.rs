//! Maps, warps and the groups they form: what there is to place.
//!
//! Built-in maps, or rAthena's own data when the operator configures it. Only maps of configured groups are kept, and of
//! them the packed cells as nodes get them and one bit a cell, so that all 1,296 maps of rAthena need 16 MB.

mod error;
mod files;
mod walkable;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bifrost_protocol::control::{MAX_MESSAGE, MapData, WarpData};
use bifrost_protocol::ids::{GroupName, MapName, MapPoint};
use bifrost_world::builtin;

pub use error::CatalogError;

use crate::config::{EngineKind, Group, GroupClass, Maps};
use files::Sources;
use walkable::Walkable;

/// What an assignment may hold beside the cells of its maps.
const ASSIGNMENT_OVERHEAD: usize = 1024 * 1024;

/// A map group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupInfo {
    /// Who may carry it.
    pub class: GroupClass,
    /// Its maps.
    pub maps: Vec<MapName>,
    /// What serves it.
    pub engine: EngineKind,
}

/// Everything there is to place. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    groups: BTreeMap<GroupName, GroupInfo>,
    maps: BTreeMap<MapName, Entry>,
    start: MapPoint,
}

#[derive(Debug)]
struct Entry {
    group: GroupName,
    data: MapData,
    warps: Vec<WarpData>,
    walkable: Walkable,
}

impl Catalog {
    /// Reads maps and warps, and checks that the groups hold together. `engine` serves the groups that name none.
    ///
    /// # Errors
    /// The first thing that is wrong, with its file and line, or its group and map.
    pub fn load(maps: &Maps, groups: &[Group], engine: EngineKind) -> Result<Self, CatalogError> {
        let sources = Sources::read(maps)?;
        if groups.is_empty() && !sources.are_builtin() {
            return Err(CatalogError::NoGroups);
        }
        let builtin = builtin_groups();
        let groups = if groups.is_empty() { &builtin } else { groups };
        let mut catalog = Inner { groups: BTreeMap::new(), maps: BTreeMap::new(), start: start(groups)? };
        for group in groups {
            catalog.add(group, engine, &sources)?;
        }
        for (map, warp) in sources.warps(|map| catalog.maps.contains_key(map))? {
            if let Some(entry) = catalog.maps.get_mut(&map) {
                entry.warps.push(warp);
            }
        }
        catalog.start = catalog.walkable_start(&sources)?;
        Ok(Self(Arc::new(catalog)))
    }

    /// All groups.
    #[must_use]
    pub fn groups(&self) -> &BTreeMap<GroupName, GroupInfo> {
        &self.0.groups
    }

    /// What serves a group.
    #[must_use]
    pub fn engine(&self, group: &GroupName) -> EngineKind {
        self.0.groups.get(group).map(|info| info.engine).unwrap_or_default()
    }

    /// The group a map belongs to; `None` when nobody places it.
    #[must_use]
    pub fn group_of(&self, map: &MapName) -> Option<&GroupName> {
        self.0.maps.get(map).map(|entry| &entry.group)
    }

    /// All maps of all groups, by name.
    pub fn all_maps(&self) -> impl Iterator<Item = &MapName> + '_ {
        self.0.maps.keys()
    }

    /// What a node needs to serve a group: its maps and the warps that start there. Empty for a group that is not here.
    #[must_use]
    pub fn assignment(&self, group: &GroupName) -> (Vec<MapData>, Vec<WarpData>) {
        let maps = self.0.groups.get(group).map(|info| info.maps.as_slice()).unwrap_or_default();
        let entries = || maps.iter().filter_map(|map| self.0.maps.get(map));
        let data = entries().map(|entry| entry.data.clone()).collect();
        (data, entries().flat_map(|entry| entry.warps.iter().cloned()).collect())
    }

    /// Where new characters start: a walkable cell of the first critical map, else of the first map.
    #[must_use]
    pub fn start(&self) -> MapPoint {
        self.0.start.clone()
    }

    /// Whether a character can stand on a cell. `false` for maps that nobody places.
    #[must_use]
    pub fn walkable(&self, point: &MapPoint) -> bool {
        self.0.maps.get(&point.map).is_some_and(|entry| entry.walkable.contains(point.x, point.y))
    }
}

impl Inner {
    fn add(&mut self, group: &Group, engine: EngineKind, sources: &Sources) -> Result<(), CatalogError> {
        let name = GroupName(group.name.clone());
        let engine = group.engine.unwrap_or(engine);
        let info = GroupInfo { class: group.class, maps: group.maps.clone(), engine };
        if info.maps.is_empty() {
            return Err(CatalogError::EmptyGroup { group: name });
        }
        if self.groups.contains_key(&name) {
            return Err(CatalogError::TwoGroups { group: name });
        }
        let mut size = 0_usize;
        for map in &info.maps {
            let (data, walkable) = sources.map(&name, map)?;
            size = size.saturating_add(data.cells.len());
            let entry = Entry { group: name.clone(), data, warps: Vec::new(), walkable };
            if let Some(other) = self.maps.insert(map.clone(), entry) {
                return Err(CatalogError::MapTwice { map: map.clone(), first: other.group, second: name });
            }
        }
        if engine == EngineKind::Embedded && size > MAX_MESSAGE - ASSIGNMENT_OVERHEAD {
            return Err(CatalogError::GroupTooLarge { group: name, size, max: MAX_MESSAGE - ASSIGNMENT_OVERHEAD });
        }
        self.groups.insert(name, info);
        Ok(())
    }

    fn walkable_start(&self, sources: &Sources) -> Result<MapPoint, CatalogError> {
        let map = &self.start.map;
        let nowhere = || CatalogError::NoStart { map: map.clone() };
        let entry = self.maps.get(map).ok_or_else(nowhere)?;
        let (name, spot) = builtin::START;
        if sources.are_builtin() && map.as_str() == name {
            return Ok(MapPoint { map: map.clone(), x: spot.x, y: spot.y });
        }
        let (x, y) = entry.walkable.open_place().ok_or_else(nowhere)?;
        Ok(MapPoint { map: map.clone(), x, y })
    }
}

/// The map new characters start on: the first of the first critical group, else the first of all.
fn start(groups: &[Group]) -> Result<MapPoint, CatalogError> {
    let first = groups.iter().find(|group| group.class == GroupClass::Critical).or(groups.first());
    let map = first.and_then(|group| group.maps.first()).cloned();
    let group = || GroupName(first.map(|group| group.name.clone()).unwrap_or_default());
    map.map(|map| MapPoint { map, x: 0, y: 0 }).ok_or_else(|| CatalogError::EmptyGroup { group: group() })
}

fn builtin_groups() -> Vec<Group> {
    let name = |name: &&str| MapName::new(name).ok();
    let class = |critical| if critical { GroupClass::Critical } else { GroupClass::Eligible };
    let group = |group: &builtin::BuiltinGroup| Group {
        name: group.name.into(),
        class: class(group.critical),
        maps: group.maps.iter().filter_map(name).collect(),
        engine: None,
    };
    builtin::GROUPS.iter().map(group).collect()
}
