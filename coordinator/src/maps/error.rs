//! What can be wrong with maps and groups.

use std::path::PathBuf;

use bifrost_protocol::ids::{GroupName, MapName};
use bifrost_world::cells::CellsError;
use bifrost_world::formats::map_cache::MapCacheError;
use bifrost_world::formats::map_index::MapIndexError;
use bifrost_world::formats::warps::WarpError;
use thiserror::Error;

/// Why the configured maps cannot be used. Every message is for the operator: what, where, and what to do.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is more to read than any rAthena has.
    #[error("{path}: more than {max} {what}", path = path.display())]
    TooMuch {
        /// Where.
        path: PathBuf,
        /// How many are taken.
        max: usize,
        /// Of what.
        what: &'static str,
    },
    /// Not a map cache.
    #[error("{path}: {source}", path = path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MapCacheError,
    },
    /// Not a map index.
    #[error("{path}:{line}: {problem}", path = path.display(), line = error.line, problem = error.problem)]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: MapIndexError,
    },
    /// Not a script, or not a warp though it says so.
    #[error("{path}:{line}: {problem}", path = path.display(), line = error.line, problem = error.problem)]
    Warp {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: WarpError,
    },
    /// Maps are configured, but no groups.
    #[error(
        "maps.cache is set, but there are no [[groups]]: add one for each set of maps that a host should carry together, \
         with name, class (\"critical\" or \"eligible\") and maps"
    )]
    NoGroups,
    /// A group without maps.
    #[error("group {group}: it has no maps")]
    EmptyGroup {
        /// The group.
        group: GroupName,
    },
    /// Two groups of one name.
    #[error("group {group}: there are two of this name")]
    TwoGroups {
        /// The name.
        group: GroupName,
    },
    /// A map in two groups, or twice in one.
    #[error("map {map}: it is in group {first} and again in group {second}; a map belongs to one group, once")]
    MapTwice {
        /// The map.
        map: MapName,
        /// Where it is first.
        first: GroupName,
        /// Where it is again.
        second: GroupName,
    },
    /// A map that no source has.
    #[error("group {group}: map {map} is not in {sources}")]
    UnknownMap {
        /// The group.
        group: GroupName,
        /// The map.
        map: MapName,
        /// Where it was looked for.
        sources: String,
    },
    /// A map whose cells are broken.
    #[error("map {map}: {source}")]
    Cells {
        /// The map.
        map: MapName,
        /// What is wrong.
        source: CellsError,
    },
    /// The maps of a group do not fit in one assignment.
    #[error("group {group}: its maps have {size} bytes packed, more than {max}; make two groups of it")]
    GroupTooLarge {
        /// The group.
        group: GroupName,
        /// Bytes it has.
        size: usize,
        /// Bytes it may have.
        max: usize,
    },
    /// The start map has no cell to stand on.
    #[error("map {map}: new characters start here, but no cell is walkable")]
    NoStart {
        /// The map.
        map: MapName,
    },
}
