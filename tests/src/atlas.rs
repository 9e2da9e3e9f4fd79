//! What a player who knows the world has in mind: the maps, their warps, and the way from here to there.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bifrost_protocol::control::WarpData;
use bifrost_protocol::ids::MapName;
use bifrost_world::formats::{map_cache, warps};
use bifrost_world::{Cells, Spot, builtin};

use crate::player::Place;

/// Straight and diagonal neighbours.
const AROUND: [(i32, i32); 8] = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)];

/// Maps and warps, as the coordinator has them.
#[derive(Debug, Default)]
pub struct Atlas {
    maps: BTreeMap<String, Cells>,
    warps: Vec<WarpData>,
}

impl Atlas {
    /// The maps made by this project.
    ///
    /// # Errors
    /// They are broken, which a test of theirs would have found.
    pub fn builtin() -> Result<Self> {
        let maps = builtin::maps();
        let maps = maps.iter().map(|map| Ok((map.name.clone(), Cells::try_from(map)?))).collect::<Result<_>>()?;
        Ok(Self { maps, warps: builtin::warps() })
    }

    /// The wanted maps of rAthena's map caches (the first that has one wins), with the warps of all scripts below `folders`.
    ///
    /// # Errors
    /// A file cannot be read, or a wanted map is in no cache.
    pub fn rathena(wanted: &[MapName], caches: &[PathBuf], folders: &[PathBuf]) -> Result<Self> {
        let mut atlas = Self::default();
        for path in caches {
            let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            let cache = map_cache::parse(&bytes).with_context(|| path.display().to_string())?;
            for name in wanted.iter().filter(|name| !atlas.maps.contains_key(name.as_str())).collect::<Vec<_>>() {
                if let Some(map) = cache.get(name) {
                    atlas.maps.insert(name.to_string(), map.cells()?);
                }
            }
        }
        for name in wanted {
            anyhow::ensure!(atlas.maps.contains_key(name.as_str()), "{name} is in none of the map caches");
        }
        for path in folders {
            read_warps(path, &mut atlas.warps)?;
        }
        let known = |name: &str| atlas.maps.contains_key(name);
        atlas.warps = atlas.warps.iter().filter(|warp| known(&warp.map) && known(&warp.to_map)).cloned().collect();
        Ok(atlas)
    }

    /// A map's cells.
    #[must_use]
    pub fn cells(&self, map: &str) -> Option<&Cells> {
        self.maps.get(map)
    }

    /// Where a warp over this cell leads.
    #[must_use]
    pub fn warp_at(&self, map: &str, spot: Spot) -> Option<&WarpData> {
        self.warps.iter().find(|warp| warp.map == map && covers(warp, spot))
    }

    /// The way from a place to another map: the cells to step on, the last one in the first warp to be taken. `None` when
    /// there is no way.
    #[must_use]
    pub fn way_to_map(&self, from: &Place, map: &str) -> Option<Vec<Spot>> {
        let next = self.next_map(&from.map, map)?;
        self.way(from, |spot| self.warp_at(&from.map, spot).is_some_and(|warp| warp.to_map == next))
    }

    /// The next map on the way from one map to another, counting warps.
    fn next_map(&self, from: &str, to: &str) -> Option<&str> {
        // Searched backwards, so that the first step is found last.
        let (mut open, mut seen) = (VecDeque::from([to]), vec![to]);
        while let Some(map) = open.pop_front() {
            for warp in self.warps.iter().filter(|warp| warp.to_map == map) {
                if warp.map == from {
                    return Some(&warp.to_map);
                }
                if !seen.contains(&warp.map.as_str()) {
                    seen.push(&warp.map);
                    open.push_back(&warp.map);
                }
            }
        }
        None
    }

    /// The shortest way from a place to a cell that is wanted, around warps that are not.
    fn way(&self, from: &Place, wanted: impl Fn(Spot) -> bool) -> Option<Vec<Spot>> {
        let cells = self.maps.get(&from.map)?;
        let width = usize::from(cells.width());
        let index = |spot: Spot| usize::from(spot.x) + usize::from(spot.y) * width;
        let start = Spot::new(from.x, from.y);
        let mut came_from: Vec<Option<Spot>> = vec![None; width * usize::from(cells.height())];
        *came_from.get_mut(index(start))? = Some(start);
        let mut open = VecDeque::from([start]);
        while let Some(spot) = open.pop_front() {
            if spot != start && wanted(spot) {
                return Some(trace(spot, start, |spot| came_from[index(spot)]));
            }
            for next in neighbours(cells, spot) {
                let passable = wanted(next) || self.warp_at(&from.map, next).is_none();
                if passable && came_from[index(next)].is_none() {
                    came_from[index(next)] = Some(spot);
                    open.push_back(next);
                }
            }
        }
        None
    }

    /// How many cells a player walks from a place to arrive on a map, through every warp between. `None`: no way.
    #[must_use]
    pub fn distance(&self, from: &Place, map: &str) -> Option<usize> {
        let (mut place, mut walked) = (from.clone(), 0);
        while place.map != map {
            let way = self.way_to_map(&place, map)?;
            let warp = self.warp_at(&place.map, *way.last()?)?;
            walked += way.len();
            let (x, y) = (u16::try_from(warp.to_x).ok()?, u16::try_from(warp.to_y).ok()?);
            place = Place::new(&warp.to_map, x, y);
        }
        Some(walked)
    }
}

fn trace(end: Spot, start: Spot, came_from: impl Fn(Spot) -> Option<Spot>) -> Vec<Spot> {
    let mut way = Vec::new();
    let mut spot = end;
    while spot != start {
        way.push(spot);
        let Some(before) = came_from(spot) else { break };
        spot = before;
    }
    way.reverse();
    way
}

/// Walkable neighbours; diagonals only where both sides are free, as in rAthena.
fn neighbours(cells: &Cells, spot: Spot) -> impl Iterator<Item = Spot> {
    let at = move |dx: i32, dy: i32| {
        let (x, y) = (i32::from(spot.x) + dx, i32::from(spot.y) + dy);
        let next = Spot::new(u16::try_from(x).ok()?, u16::try_from(y).ok()?);
        cells.walkable(next).then_some(next)
    };
    AROUND.into_iter().filter_map(move |(dx, dy)| {
        let next = at(dx, dy)?;
        let straight = dx == 0 || dy == 0;
        (straight || (at(dx, 0).is_some() && at(0, dy).is_some())).then_some(next)
    })
}

fn covers(warp: &WarpData, spot: Spot) -> bool {
    let near = |at: u16, centre: u32, span: u32| u32::from(at).abs_diff(centre) <= span;
    near(spot.x, warp.x, warp.span_x) && near(spot.y, warp.y, warp.span_y)
}

fn read_warps(path: &Path, found: &mut Vec<WarpData>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        return entries.iter().try_for_each(|entry| read_warps(entry, found));
    }
    if path.extension().is_some_and(|extension| extension == "txt") {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let warps = warps::parse(&bytes).with_context(|| path.display().to_string())?;
        found.extend(warps.into_iter().map(|warp| warp.warp));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_map_can_be_walked_to_from_every_other() {
        let atlas = Atlas::builtin().expect("maps");
        let (start, spot) = builtin::START;
        for map in atlas.maps.keys() {
            let there = Place::new(start, spot.x, spot.y);
            assert!(atlas.distance(&there, map).is_some_and(|cells| cells < 200), "{map}");
        }
    }

    #[test]
    fn a_way_ends_in_its_warp_and_touches_no_other() {
        let atlas = Atlas::builtin().expect("maps");
        let (start, spot) = builtin::START;
        let way = atlas.way_to_map(&Place::new(start, spot.x, spot.y), "bf_grove").expect("a way");
        let (last, before) = way.split_last().expect("steps");
        assert_eq!(atlas.warp_at(start, *last).map(|warp| warp.to_map.as_str()), Some("bf_meadow"));
        assert!(before.iter().all(|spot| atlas.warp_at(start, *spot).is_none()));
    }
}
