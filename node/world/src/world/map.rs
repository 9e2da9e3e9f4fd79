//! The maps of a world and their warps.

use std::collections::BTreeMap;

use bifrost_protocol::FixedText;
use bifrost_protocol::control::WarpData;
use bifrost_protocol::ids::{MapName, MapPoint, ObjectId, SessionId};
use bytes::Bytes;

use super::event::{MapProblem, WorldConfig, WorldError};
use super::grid::Grid;
use super::units;
use crate::random::Random;
use crate::{Cells, Spot};

/// Most maps of a world (`MAX_MAP_PER_SERVER`, mmo.hpp).
pub const MAX_MAPS: usize = 1_500;
/// Most warps that stand on one map.
pub const MAX_WARPS_PER_MAP: usize = 256;
/// The object id of the first warp (`START_NPC_NUM`, npc.hpp). Players' account ids are below.
pub const FIRST_WARP_ID: u32 = 110_000_000;

/// Which map of the world.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct MapId(usize);

/// A warp on a map.
#[derive(Clone, Debug)]
pub(super) struct Warp {
    pub(super) object: ObjectId,
    pub(super) at: Spot,
    span: (u16, u16),
    pub(super) to: MapPoint,
    pub(super) name: FixedText<24>,
    /// What a client is told when it comes in sight.
    pub(super) packet: Bytes,
}

impl Warp {
    fn new(data: &WarpData, number: usize) -> Result<Self, &'static str> {
        let short = |value| u16::try_from(value).map_err(|_| "a number is too large");
        let (at, span) = (Spot::new(short(data.x)?, short(data.y)?), (short(data.span_x)?, short(data.span_y)?));
        let map = MapName::new(&data.to_map).map_err(|_| "the map it leads to has no legal name")?;
        let to = MapPoint { map, x: short(data.to_x)?, y: short(data.to_y)? };
        let number = u32::try_from(number).map_err(|_| "a number is too large")?;
        let object = ObjectId(FIRST_WARP_ID.saturating_add(number));
        let name = FixedText::new(&data.name);
        Ok(Self { object, at, span, to, name, packet: units::warp(object, at, name) })
    }

    fn covers(&self, spot: Spot) -> bool {
        spot.x.abs_diff(self.at.x) <= self.span.0 && spot.y.abs_diff(self.at.y) <= self.span.1
    }
}

/// A map: cells, warps, and who is on it.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) name: MapName,
    pub(super) cells: Cells,
    pub(super) warps: Vec<Warp>,
    pub(super) players: Grid<SessionId>,
}

impl Map {
    /// The warp a player touches on a cell.
    pub(super) fn warp_at(&self, spot: Spot) -> Option<&Warp> {
        self.warps.iter().find(|warp| warp.covers(spot))
    }

    /// Any walkable cell.
    fn random_spot(&self, random: &mut Random) -> Spot {
        let any = Spot::new(random.below(self.cells.width()), random.below(self.cells.height()));
        self.cells.nearest_walkable(any).unwrap_or(any)
    }

    /// Where one who is sent to a cell comes to stand: 0,0 and cells outside of the map are any walkable cell
    /// (`pc_setpos`), and nobody is left inside a wall.
    pub(super) fn arrival(&self, wanted: Spot, random: &mut Random) -> Spot {
        if wanted == Spot::default() || !self.cells.contains(wanted) {
            return self.random_spot(random);
        }
        self.cells.nearest_walkable(wanted).unwrap_or(wanted)
    }
}

/// All maps of a world.
#[derive(Clone, Debug)]
pub(super) struct Maps {
    all: Vec<Map>,
    by_name: BTreeMap<MapName, MapId>,
}

impl Maps {
    pub(super) fn new(config: &WorldConfig) -> Result<Self, WorldError> {
        if config.maps.is_empty() || config.maps.len() > MAX_MAPS {
            return Err(WorldError::Maps("a world has between 1 and 1,500 maps"));
        }
        let mut maps = Self { all: Vec::new(), by_name: BTreeMap::new() };
        for data in &config.maps {
            let bad = |problem| WorldError::Map { name: data.name.clone(), problem };
            let name = MapName::new(&data.name).map_err(|problem| bad(MapProblem::Name(problem)))?;
            let cells = Cells::try_from(data).map_err(|problem| bad(MapProblem::Cells(problem)))?;
            if maps.by_name.insert(name.clone(), MapId(maps.all.len())).is_some() {
                return Err(WorldError::Maps("two maps have one name"));
            }
            let players = Grid::new(&cells);
            maps.all.push(Map { name, cells, warps: Vec::new(), players });
        }
        for (number, data) in config.warps.iter().enumerate() {
            maps.add_warp(number, data).map_err(|problem| WorldError::Warp {
                name: data.name.clone(),
                map: data.map.clone(),
                problem,
            })?;
        }
        Ok(maps)
    }

    fn add_warp(&mut self, number: usize, data: &WarpData) -> Result<(), &'static str> {
        let warp = Warp::new(data, number)?;
        let name = MapName::new(&data.map).map_err(|_| "the map it stands on has no legal name")?;
        let map = self.id(&name).ok_or("the map it stands on is not here")?;
        let map = self.get_mut(map);
        if map.warps.len() >= MAX_WARPS_PER_MAP {
            return Err("too many warps stand on one map");
        }
        map.warps.push(warp);
        Ok(())
    }

    pub(super) fn id(&self, name: &MapName) -> Option<MapId> {
        self.by_name.get(name).copied()
    }

    pub(super) fn get(&self, id: MapId) -> &Map {
        &self.all[id.0]
    }

    pub(super) fn get_mut(&mut self, id: MapId) -> &mut Map {
        &mut self.all[id.0]
    }
}
