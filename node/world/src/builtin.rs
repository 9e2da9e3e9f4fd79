//! Maps made by this project, so that a fresh machine has somewhere to walk. Drawn by code, the same every time.
//!
//! ```text
//!              bf_ridge
//!                 |
//!  bf_meadow -- bf_town      group town: bf_town (critical)
//!      |                     group meadow: bf_meadow, bf_grove
//!  bf_grove                  group ridge: bf_ridge
//! ```

use bifrost_protocol::control::{MapData, WarpData};

use crate::Spot;
use crate::cells::{Cells, ground};
use crate::random::Random;

/// A unit of placement of the built-in maps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BuiltinGroup {
    /// Its name.
    pub name: &'static str,
    /// Whether it must stay with the operator.
    pub critical: bool,
    /// Its maps.
    pub maps: &'static [&'static str],
}

/// The groups of the built-in maps.
pub const GROUPS: &[BuiltinGroup] = &[
    BuiltinGroup { name: "town", critical: true, maps: &["bf_town"] },
    BuiltinGroup { name: "meadow", critical: false, maps: &["bf_meadow", "bf_grove"] },
    BuiltinGroup { name: "ridge", critical: false, maps: &["bf_ridge"] },
];

/// Where new characters start.
pub const START: (&str, Spot) = ("bf_town", Spot::new(40, 34));

/// Two-way passages: map, centre, arrival of those who come out here; then the other side. Spans are one cell.
const PASSAGES: &[(Gate, Gate)] = &[
    (Gate::new("bf_town", (3, 40), (7, 40)), Gate::new("bf_meadow", (116, 60), (112, 60))),
    (Gate::new("bf_town", (40, 76), (40, 72)), Gate::new("bf_ridge", (50, 3), (50, 7))),
    (Gate::new("bf_meadow", (60, 3), (60, 7)), Gate::new("bf_grove", (30, 56), (30, 52))),
];

struct Gate {
    map: &'static str,
    centre: (u32, u32),
    arrival: (u32, u32),
}

impl Gate {
    const fn new(map: &'static str, centre: (u32, u32), arrival: (u32, u32)) -> Self {
        Self { map, centre, arrival }
    }

    fn to(&self, other: &Self) -> WarpData {
        WarpData {
            map: self.map.into(),
            x: self.centre.0,
            y: self.centre.1,
            span_x: 1,
            span_y: 1,
            to_map: other.map.into(),
            to_x: other.arrival.0,
            to_y: other.arrival.1,
            name: format!("to_{}", other.map),
        }
    }
}

/// All warps, both ways.
#[must_use]
pub fn warps() -> Vec<WarpData> {
    PASSAGES.iter().flat_map(|(one, other)| [one.to(other), other.to(one)]).collect()
}

/// All maps.
#[must_use]
pub fn maps() -> Vec<MapData> {
    [("bf_town", town()), ("bf_meadow", meadow()), ("bf_grove", grove()), ("bf_ridge", ridge())]
        .into_iter()
        .map(|(name, canvas)| canvas.finish(name))
        .collect()
}

/// A walled town: houses along two streets, a square with a fountain.
fn town() -> Canvas {
    let mut canvas = Canvas::new(80, 80);
    for (x, y) in [(10, 10), (10, 24), (10, 48), (10, 62), (24, 10), (24, 62)] {
        canvas.fill((x, y), (8, 8), ground::BLOCKED);
        canvas.fill((71 - x, y), (8, 8), ground::BLOCKED);
    }
    canvas.fill((37, 37), (7, 7), ground::WATER);
    canvas.fill((39, 39), (3, 3), ground::BLOCKED);
    canvas
}

/// Open fields with a brook, two fords and scattered trees.
fn meadow() -> Canvas {
    let mut canvas = Canvas::new(120, 120);
    canvas.scatter(7, 220, 1, ground::BLOCKED);
    for y in 4..116 {
        let bend = [0, 1, 2, 3, 3, 2, 1, 0][(y / 4) % 8];
        canvas.fill((36 + bend, y), (4, 1), ground::GAP);
    }
    canvas.fill((34, 28), (12, 5), ground::WATER);
    canvas.fill((34, 88), (12, 5), ground::WATER);
    canvas
}

/// A small dense wood around a pond.
fn grove() -> Canvas {
    let mut canvas = Canvas::new(60, 60);
    canvas.scatter(11, 160, 1, ground::BLOCKED);
    canvas.fill((22, 20), (16, 12), ground::WATER);
    canvas
}

/// Terraces of cliffs, each with one passage.
fn ridge() -> Canvas {
    let mut canvas = Canvas::new(100, 100);
    canvas.scatter(13, 90, 2, ground::BLOCKED);
    for (y, passage) in [(20, 70), (40, 24), (60, 80), (80, 40)] {
        canvas.fill((3, y), (94, 2), ground::GAP);
        canvas.fill((passage, y), (6, 2), ground::WALKABLE);
    }
    canvas
}

/// A map being drawn, with a wall of three cells around it.
struct Canvas {
    side: usize,
    rows: usize,
    ground: Vec<u8>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        let mut canvas = Self { side: columns, rows, ground: vec![ground::BLOCKED; columns * rows] };
        canvas.fill((2, 2), (columns - 4, rows - 4), ground::WALKABLE);
        canvas
    }

    fn fill(&mut self, (x, y): (usize, usize), (columns, rows): (usize, usize), kind: u8) {
        for row in self.ground.chunks_mut(self.side).skip(y).take(rows) {
            row.iter_mut().skip(x).take(columns).for_each(|cell| *cell = kind);
        }
    }

    /// Puts small obstacles anywhere inside the wall.
    fn scatter(&mut self, seed: u64, count: usize, side: usize, kind: u8) {
        let mut random = Random::new(seed);
        let mut within = |side: usize| 4 + usize::from(random.below(u16::try_from(side - 8).unwrap_or(1)));
        for _ in 0..count {
            let corner = (within(self.side), within(self.rows));
            self.fill(corner, (side, side), kind);
        }
    }

    /// Clears the ground around gates and the start, so that nothing drawn before blocks them.
    fn finish(mut self, name: &str) -> MapData {
        for gate in PASSAGES.iter().flat_map(|(one, other)| [one, other]).filter(|gate| gate.map == name) {
            for (x, y) in [gate.centre, gate.arrival] {
                self.fill((x as usize - 1, y as usize - 1), (3, 3), ground::WALKABLE);
            }
        }
        let width = u32::try_from(self.side).unwrap_or(0);
        let height = u32::try_from(self.rows).unwrap_or(0);
        let cells = u16::try_from(self.side).ok().zip(u16::try_from(self.rows).ok());
        let cells = cells.and_then(|(width, height)| Cells::new(width, height, self.ground).ok());
        MapData { name: name.into(), width, height, cells: cells.map(|cells| cells.pack()).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests;
