//! Which cells of a map can be stood on, one bit each.

use std::fmt;

use bifrost_world::{Cells, Spot};

/// How far around the start everything should be walkable.
const OPEN: u16 = 2;

/// One bit a cell.
pub(super) struct Walkable {
    width: u16,
    height: u16,
    bits: Box<[u64]>,
}

impl Walkable {
    pub(super) fn new(cells: &Cells) -> Self {
        let (width, height) = (cells.width(), cells.height());
        let mut bits = vec![0_u64; (usize::from(width) * usize::from(height)).div_ceil(64)];
        let spots = (0..height).flat_map(|y| (0..width).map(move |x| Spot::new(x, y)));
        for (index, spot) in spots.enumerate() {
            if let Some(word) = bits.get_mut(index / 64).filter(|_| cells.walkable(spot)) {
                *word |= 1 << (index % 64);
            }
        }
        Self { width, height, bits: bits.into() }
    }

    pub(super) fn contains(&self, x: u16, y: u16) -> bool {
        let index = usize::from(x) + usize::from(y) * usize::from(self.width);
        let bit = self.bits.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1);
        bit && x < self.width && y < self.height
    }

    /// The cell nearest to the middle with open ground around it; without such a cell, the nearest walkable one.
    pub(super) fn open_place(&self) -> Option<(u16, u16)> {
        let (middle_x, middle_y) = (self.width / 2, self.height / 2);
        let distance = |(x, y): &(u16, u16)| x.abs_diff(middle_x).max(y.abs_diff(middle_y));
        let all = || (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        let open = all().filter(|(x, y)| self.is_open(*x, *y)).min_by_key(distance);
        open.or_else(|| all().filter(|(x, y)| self.contains(*x, *y)).min_by_key(distance))
    }

    fn is_open(&self, x: u16, y: u16) -> bool {
        let around = |middle: u16| middle.saturating_sub(OPEN)..=middle.saturating_add(OPEN);
        around(y).all(|y| around(x).all(|x| self.contains(x, y)))
    }
}

impl fmt::Debug for Walkable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Walkable({} x {})", self.width, self.height)
    }
}
