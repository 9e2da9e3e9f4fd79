//! Which maps there are, and how large they are: the index and the map caches (`mapindex_init`, mapindex.cpp;
//! `map_readallmaps`, map.cpp).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bifrost_protocol::ids::MapName;
use bifrost_world::formats::{map_cache, map_index};

use super::conf::read_bytes;
use super::problem::RathenaError;

/// Files with maps, and what is in them.
#[derive(Debug)]
pub(super) struct Sizes {
    /// The caches there are, the first that has a map wins.
    pub(super) caches: Vec<String>,
    /// The index of all maps, if one file has it all; none: the operator's own adds to rAthena's.
    pub(super) index: Option<String>,
    /// Maps that are in a cache and in the index: how many cells they have.
    pub(super) maps: BTreeMap<MapName, u64>,
}

/// Reads index and caches.
pub(super) fn read(root: &Path, db_path: &str, renewal: bool) -> Result<Sizes, RathenaError> {
    let main = format!("{db_path}/map_index.txt");
    let mut known = index(root, &main)?;
    let own = format!("{db_path}/import/map_index.txt");
    let own_maps = if root.join(&own).is_file() { index(root, &own)? } else { BTreeSet::new() };
    let index = own_maps.is_empty().then_some(main);
    known.extend(own_maps);
    let mut sizes = Sizes { caches: Vec::new(), index, maps: BTreeMap::new() };
    let mode = if renewal { "db/re/map_cache.dat" } else { "db/pre-re/map_cache.dat" };
    // These paths are fixed, whatever `db_path` says.
    for file in ["db/import/map_cache.dat", mode, "db/map_cache.dat"] {
        let path = root.join(file);
        if !path.is_file() && file != "db/map_cache.dat" {
            continue;
        }
        let bytes = read_bytes(&path, map_cache::MAX_FILE)?;
        let found = map_cache::parse(&bytes).map_err(|source| RathenaError::Cache { file: file.to_owned(), source })?;
        if found.is_empty() {
            continue;
        }
        sizes.caches.push(file.to_owned());
        for (name, map) in found.into_iter().filter(|(name, _)| known.contains(name)) {
            let cells = u64::from(map.width) * u64::from(map.height);
            sizes.maps.entry(name).or_insert(cells);
        }
    }
    Ok(sizes)
}

fn index(root: &Path, file: &str) -> Result<BTreeSet<MapName>, RathenaError> {
    let bytes = read_bytes(&root.join(file), map_index::MAX_FILE)?;
    let found = map_index::parse(&bytes).map_err(|error| RathenaError::Index { file: file.to_owned(), error })?;
    Ok(found.into_keys().collect())
}
