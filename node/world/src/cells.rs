//! The cells of a map: what can be walked on.

use std::io::{Read, Write};

use bifrost_protocol::client::map::MAX_COORDINATE;
use bifrost_protocol::control::MapData;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use thiserror::Error;

use crate::Direction;

/// Most columns or rows of a map: more cannot be said on the wire.
pub const MAX_SIDE: u16 = MAX_COORDINATE + 1;
/// Most cells of a map (`MAX_MAP_SIZE`, map.hpp).
pub const MAX_CELLS: usize = 512 * 512;

/// A cell: column from the west, row from the south.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Spot {
    /// Column.
    pub x: u16,
    /// Row.
    pub y: u16,
}

impl Spot {
    /// The cell at a column and a row.
    #[must_use]
    pub const fn new(x: u16, y: u16) -> Self {
        Self { x, y }
    }

    /// The neighbour in a direction, unless it lies beyond the west or south edge.
    #[must_use]
    pub fn step(self, direction: Direction) -> Option<Self> {
        let (dx, dy) = direction.step();
        let x = i32::from(self.x) + dx;
        let y = i32::from(self.y) + dy;
        Some(Self { x: u16::try_from(x).ok()?, y: u16::try_from(y).ok()? })
    }

    /// Distance along the longer axis: what sight is measured in.
    #[must_use]
    pub fn distance(self, other: Self) -> u16 {
        self.x.abs_diff(other.x).max(self.y.abs_diff(other.y))
    }
}

/// The ground types of rAthena's map cache (`map_gat2cell`, map.cpp).
pub mod ground {
    /// Walkable.
    pub const WALKABLE: u8 = 0;
    /// Neither walkable nor open to shots: a wall.
    pub const BLOCKED: u8 = 1;
    /// Walkable, under water.
    pub const WATER: u8 = 3;
    /// Not walkable, but open to shots: a cliff.
    pub const GAP: u8 = 5;
}

/// Why cells cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum CellsError {
    /// A side is 0 or too long, or both together are too much.
    #[error("{width} x {height} cells are not between 1 and {MAX_SIDE} a side and {MAX_CELLS} in all")]
    Size {
        /// Columns stated.
        width: u64,
        /// Rows stated.
        height: u64,
    },
    /// The compressed bytes are not the stated number of cells.
    #[error("cells do not unpack to {wanted} bytes")]
    Unpack {
        /// Columns times rows.
        wanted: usize,
    },
}

/// A map's cells. Anything outside of them is not walkable.
#[derive(Clone, Eq, PartialEq)]
pub struct Cells {
    width: u16,
    height: u16,
    ground: Box<[u8]>,
}

impl Cells {
    /// Checks sides; returns how many cells they make.
    ///
    /// # Errors
    /// [`CellsError::Size`].
    pub fn check_size(width: u64, height: u64) -> Result<(u16, u16, usize), CellsError> {
        let side = |side: u64| u16::try_from(side).ok().filter(|side| (1..=MAX_SIDE).contains(side));
        match (side(width), side(height)) {
            (Some(columns), Some(rows)) if usize::from(columns) * usize::from(rows) <= MAX_CELLS => {
                Ok((columns, rows, usize::from(columns) * usize::from(rows)))
            }
            _ => Err(CellsError::Size { width, height }),
        }
    }

    /// Cells from ground types, index `x + y * width`.
    ///
    /// # Errors
    /// Illegal sides, or not as many types as cells.
    pub fn new(width: u16, height: u16, ground: Vec<u8>) -> Result<Self, CellsError> {
        let (width, height, wanted) = Self::check_size(width.into(), height.into())?;
        if ground.len() != wanted {
            return Err(CellsError::Unpack { wanted });
        }
        Ok(Self { width, height, ground: ground.into() })
    }

    /// Unpacks zlib-compressed ground types. Never unpacks more than the sides allow.
    ///
    /// # Errors
    /// Illegal sides, broken compression, or not as many types as cells.
    pub fn unpack(width: u64, height: u64, packed: &[u8]) -> Result<Self, CellsError> {
        let (width, height, wanted) = Self::check_size(width, height)?;
        let mut ground = Vec::with_capacity(wanted + 1);
        let limit = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(1);
        ZlibDecoder::new(packed).take(limit).read_to_end(&mut ground).map_err(|_| CellsError::Unpack { wanted })?;
        Self::new(width, height, ground)
    }

    /// The ground types, zlib-compressed.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        // A Vec takes every write.
        encoder.write_all(&self.ground).and_then(|()| encoder.finish()).unwrap_or_default()
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Whether the cell exists.
    #[must_use]
    pub fn contains(&self, spot: Spot) -> bool {
        spot.x < self.width && spot.y < self.height
    }

    /// The ground type of a cell; [`ground::BLOCKED`] outside.
    #[must_use]
    pub fn ground(&self, spot: Spot) -> u8 {
        if !self.contains(spot) {
            return ground::BLOCKED;
        }
        let index = usize::from(spot.x) + usize::from(spot.y) * usize::from(self.width);
        self.ground.get(index).copied().unwrap_or(ground::BLOCKED)
    }

    /// Whether it can be stood on: types 0, 2, 3, 4 and 6.
    #[must_use]
    pub fn walkable(&self, spot: Spot) -> bool {
        matches!(self.ground(spot), 0 | 2 | 3 | 4 | 6)
    }

    /// The walkable cell nearest to `spot`, looking in growing squares from the south-west.
    #[must_use]
    pub fn nearest_walkable(&self, spot: Spot) -> Option<Spot> {
        let spot = Spot::new(spot.x.min(self.width - 1), spot.y.min(self.height - 1));
        (0..self.width.max(self.height)).find_map(|radius| self.ring(spot, radius).find(|spot| self.walkable(*spot)))
    }

    /// The cells exactly `radius` away, row by row.
    fn ring(&self, centre: Spot, radius: u16) -> impl Iterator<Item = Spot> + '_ {
        let columns = centre.x.saturating_sub(radius)..=(centre.x + radius).min(self.width - 1);
        let rows = centre.y.saturating_sub(radius)..=(centre.y + radius).min(self.height - 1);
        rows.flat_map(move |y| columns.clone().map(move |x| Spot { x, y }))
            .filter(move |spot| spot.distance(centre) == radius)
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Cells({} x {})", self.width, self.height)
    }
}

impl TryFrom<&MapData> for Cells {
    type Error = CellsError;

    fn try_from(data: &MapData) -> Result<Self, CellsError> {
        Self::unpack(data.width.into(), data.height.into(), &data.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_survive_packing_and_lies_about_their_size_are_refused() {
        let cells = Cells::new(3, 2, vec![0, 1, 3, 5, 6, 9]).expect("legal");
        assert_eq!(Cells::unpack(3, 2, &cells.pack()), Ok(cells.clone()));
        assert_eq!(Cells::unpack(2, 2, &cells.pack()), Err(CellsError::Unpack { wanted: 4 }));
        assert_eq!(Cells::unpack(4, 2, &cells.pack()), Err(CellsError::Unpack { wanted: 8 }));
        assert!(matches!(Cells::unpack(0, 2, &[]), Err(CellsError::Size { .. })));
        assert!(matches!(Cells::unpack(1024, 1024, &[]), Err(CellsError::Size { .. })));
        assert!(matches!(Cells::unpack(u64::MAX, 1, &[]), Err(CellsError::Size { .. })));
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_its_stated_size() {
        let bomb = Cells::new(512, 512, vec![0; MAX_CELLS]).expect("legal").pack();
        assert_eq!(Cells::unpack(2, 2, &bomb), Err(CellsError::Unpack { wanted: 4 }));
    }

    #[test]
    fn the_ground_types_are_rathenas() {
        let cells = Cells::new(8, 1, (0..8).collect()).expect("legal");
        let walkable = (0..9).map(|x| cells.walkable(Spot::new(x, 0))).collect::<Vec<_>>();
        assert_eq!(walkable, [true, false, true, true, true, false, true, false, false]);
        assert_eq!(cells.nearest_walkable(Spot::new(5, 0)), Some(Spot::new(4, 0)));
        assert_eq!(cells.nearest_walkable(Spot::new(500, 500)), Some(Spot::new(6, 0)));
    }
}
