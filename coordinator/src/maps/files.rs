//! Where maps and warps come from: this project's own, or rAthena's files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bifrost_protocol::control::{MapData, WarpData};
use bifrost_protocol::ids::{GroupName, MapName};
use bifrost_world::formats::{map_cache, map_index, warps};
use bifrost_world::world::MAX_WARPS_PER_MAP;
use bifrost_world::{Cells, builtin};

use super::error::CatalogError;
use super::walkable::Walkable;
use crate::config::Maps;

/// How deep folders of warp scripts may lie in each other. Ends loops of links, too.
const MAX_DEPTH: usize = 16;
/// Most files and folders below one folder of warp scripts. rAthena's own `npc` has 1,200.
const MAX_SCRIPTS: usize = 20_000;

/// All maps that could be placed, and where to look for warps.
pub(super) struct Sources {
    maps: BTreeMap<MapName, MapData>,
    index: Option<BTreeMap<MapName, u16>>,
    scripts: Vec<PathBuf>,
    /// The files the maps come from; none when they are built in.
    caches: Vec<PathBuf>,
}

impl Sources {
    pub(super) fn read(config: &Maps) -> Result<Self, CatalogError> {
        let (index, scripts, caches) = (None, Vec::new(), config.cache.clone());
        let mut sources = Self { maps: BTreeMap::new(), index, scripts, caches };
        if sources.are_builtin() {
            let named = |map: MapData| MapName::new(&map.name).ok().map(|name| (name, map));
            sources.maps = builtin::maps().into_iter().filter_map(named).collect();
            return Ok(sources);
        }
        for path in &config.cache {
            read_cache(path, &mut sources.maps)?;
        }
        sources.index = config.index.as_ref().map(|path| read_index(path)).transpose()?;
        for path in &config.warps {
            find_scripts(path, path, 0, &mut sources.scripts)?;
        }
        Ok(sources)
    }

    pub(super) fn are_builtin(&self) -> bool {
        self.caches.is_empty()
    }

    /// A map with its packed cells and what can be walked on.
    pub(super) fn map(&self, group: &GroupName, map: &MapName) -> Result<(MapData, Walkable), CatalogError> {
        let known = self.index.as_ref().is_none_or(|index| index.contains_key(map));
        let unknown = || CatalogError::UnknownMap { group: group.clone(), map: map.clone(), sources: self.describe() };
        let data = self.maps.get(map).filter(|_| known).ok_or_else(unknown)?;
        let cells = Cells::try_from(data).map_err(|source| CatalogError::Cells { map: map.clone(), source })?;
        Ok((data.clone(), Walkable::new(&cells)))
    }

    fn describe(&self) -> String {
        if self.are_builtin() {
            let names = self.maps.keys().map(MapName::as_str).collect::<Vec<_>>();
            return format!("the built-in maps ({}); set maps.cache for others", names.join(", "));
        }
        let paths = self.caches.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
        let and_index = if self.index.is_some() { ", or not in maps.index" } else { "" };
        format!("{}{and_index}", paths.join(", "))
    }

    /// The warps that start on maps the caller wants.
    pub(super) fn warps(&self, wanted: impl Fn(&MapName) -> bool) -> Result<Vec<(MapName, WarpData)>, CatalogError> {
        if self.are_builtin() {
            let named = |warp: WarpData| MapName::new(&warp.map).ok().map(|map| (map, warp));
            return Ok(builtin::warps().into_iter().filter_map(named).filter(|(map, _)| wanted(map)).collect());
        }
        let (mut found, mut counts) = (Vec::new(), BTreeMap::<MapName, usize>::new());
        for path in &self.scripts {
            for (map, warp) in read_warps(path, self.index.as_ref(), &wanted)? {
                let count = counts.entry(map.clone()).or_default();
                *count += 1;
                if *count > MAX_WARPS_PER_MAP {
                    let what = "warps on one map";
                    return Err(CatalogError::TooMuch { path: path.clone(), max: MAX_WARPS_PER_MAP, what });
                }
                found.push((map, warp));
            }
        }
        Ok(found)
    }
}

/// Adds the maps of a cache that no earlier cache has.
fn read_cache(path: &Path, maps: &mut BTreeMap<MapName, MapData>) -> Result<(), CatalogError> {
    let file = read_file(path, map_cache::MAX_FILE)?;
    let found = map_cache::parse(&file).map_err(|source| CatalogError::Cache { path: path.to_owned(), source })?;
    for (name, packed) in found {
        let (width, height) = (packed.width.into(), packed.height.into());
        let data = || MapData { name: name.to_string(), width, height, cells: packed.packed.to_vec() };
        maps.entry(name.clone()).or_insert_with(data);
    }
    Ok(())
}

fn read_file(path: &Path, max: usize) -> Result<Vec<u8>, CatalogError> {
    let failed = |source| CatalogError::Read { path: path.to_owned(), source };
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if usize::try_from(len).map_or(true, |len| len > max) {
        return Err(CatalogError::TooMuch { path: path.to_owned(), max, what: "bytes" });
    }
    std::fs::read(path).map_err(failed)
}

fn read_index(path: &Path) -> Result<BTreeMap<MapName, u16>, CatalogError> {
    let file = read_file(path, map_index::MAX_FILE)?;
    map_index::parse(&file).map_err(|error| CatalogError::Index { path: path.to_owned(), error })
}

/// Finds all `*.txt` below a folder, in order of their names.
fn find_scripts(root: &Path, path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), CatalogError> {
    let failed = |source| CatalogError::Read { path: path.to_owned(), source };
    if depth > MAX_DEPTH {
        return Err(CatalogError::TooMuch { path: path.to_owned(), max: MAX_DEPTH, what: "folders in each other" });
    }
    if std::fs::metadata(path).map_err(failed)?.is_file() {
        found.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(failed)?.take(MAX_SCRIPTS + 1);
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    if paths.len() + found.len() > MAX_SCRIPTS {
        return Err(CatalogError::TooMuch { path: root.to_owned(), max: MAX_SCRIPTS, what: "files" });
    }
    for path in paths {
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "txt") {
            find_scripts(root, &path, depth + 1, found)?;
        }
    }
    Ok(())
}

/// The warps of a file that start on wanted maps. Those to maps outside of the index are left out, as rAthena does.
fn read_warps(
    path: &Path,
    index: Option<&BTreeMap<MapName, u16>>,
    wanted: impl Fn(&MapName) -> bool,
) -> Result<Vec<(MapName, WarpData)>, CatalogError> {
    let file = read_file(path, warps::MAX_FILE)?;
    let found = warps::parse(&file).map_err(|error| CatalogError::Warp { path: path.to_owned(), error })?;
    let mut kept = Vec::new();
    for warps::ScriptedWarp { line, warp } in found {
        let (Ok(map), Ok(to)) = (MapName::new(&warp.map), MapName::new(&warp.to_map)) else { continue };
        if index.is_some_and(|index| !index.contains_key(&to)) {
            tracing::warn!(path = %path.display(), line, map = %to, "warp leads to a map that is not in the index");
        } else if wanted(&map) {
            kept.push((map, warp));
        }
    }
    Ok(kept)
}
