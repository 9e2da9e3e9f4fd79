//! Which maps a bundle can serve, and whether the configured groups are among them.

use std::collections::BTreeSet;
use std::path::Path;

use bifrost_protocol::ids::MapName;
use bifrost_world::formats::{map_cache, map_index};

use super::collect::Collected;
use super::error::{BundleError, MissingMap};
use crate::config::Group;

/// The lists of maps, as mapindex.cpp reads them.
const INDEXES: [&str; 2] = ["db/map_index.txt", "db/import/map_index.txt"];

/// The maps that a bundle's map-server knows.
#[derive(Debug, Default)]
pub(super) struct Maps {
    indexed: BTreeSet<MapName>,
    cached: BTreeSet<MapName>,
}

impl Maps {
    /// Reads the lists and caches of maps that go along.
    pub(super) fn read(collected: &Collected, renewal: bool) -> Result<Self, BundleError> {
        let mut maps = Self::default();
        for (path, source) in sources(collected, &INDEXES) {
            let found = map_index::parse(&read(source, map_index::MAX_FILE)?);
            maps.indexed.extend(found.map_err(|error| BundleError::Unfit(format!("{path}: {error}")))?.into_keys());
        }
        for (path, source) in sources(collected, &caches(renewal)) {
            let bytes = read(source, map_cache::MAX_FILE)?;
            let found = map_cache::parse(&bytes).map_err(|error| BundleError::Unfit(format!("{path}: {error}")))?;
            maps.cached.extend(found.into_keys());
        }
        Ok(maps)
    }

    /// The maps it can serve.
    pub(super) fn servable(&self) -> impl Iterator<Item = &MapName> {
        self.indexed.intersection(&self.cached)
    }

    /// The maps of `groups` that it cannot.
    pub(super) fn missing(&self, groups: &[Group], renewal: bool) -> Vec<MissingMap> {
        let lacks = |map: &MapName| match (self.indexed.contains(map), self.cached.contains(map)) {
            (true, true) => None,
            (true, false) => Some(format!("any map cache ({})", caches(renewal).join(", "))),
            (false, true) => Some(INDEXES.join(" or ")),
            (false, false) => {
                Some(format!("{} nor any map cache ({})", INDEXES.join(" or "), caches(renewal).join(", ")))
            }
        };
        let maps = groups.iter().flat_map(|group| group.maps.iter().map(move |map| (group, map)));
        maps.filter_map(|(group, map)| {
            Some(MissingMap { group: group.name.clone(), map: map.to_string(), lacks: lacks(map)? })
        })
        .collect()
    }
}

/// The caches of maps, as `map_readfromcache` looks for them.
fn caches(renewal: bool) -> [&'static str; 3] {
    let own = if renewal { "db/re/map_cache.dat" } else { "db/pre-re/map_cache.dat" };
    ["db/import/map_cache.dat", own, "db/map_cache.dat"]
}

fn sources<'a>(collected: &'a Collected, paths: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a Path)> {
    paths.iter().filter_map(|path| Some((*path, collected.items.get(*path)?.source.as_path())))
}

fn read(path: &Path, max: usize) -> Result<Vec<u8>, BundleError> {
    let size = std::fs::metadata(path).map_err(BundleError::file(path))?.len();
    if usize::try_from(size).map_or(true, |size| size > max) {
        return Err(BundleError::Unfit(format!("{}: has {size} bytes, more than {max}", path.display())));
    }
    std::fs::read(path).map_err(BundleError::file(path))
}
