//! Who is near a cell, without looking at everybody.

use crate::{Cells, Spot};

/// Side of a bucket in cells: a little more than sight, so that what is in sight lies in 3 x 3 buckets.
const BUCKET: u16 = 16;

/// Things on the cells of a map.
#[derive(Clone, Debug)]
pub(super) struct Grid<T> {
    columns: usize,
    buckets: Vec<Vec<(T, Spot)>>,
}

impl<T: Copy + Eq> Grid<T> {
    pub(super) fn new(cells: &Cells) -> Self {
        let columns = usize::from(cells.width() / BUCKET) + 1;
        let rows = usize::from(cells.height() / BUCKET) + 1;
        Self { columns, buckets: vec![Vec::new(); columns * rows] }
    }

    pub(super) fn insert(&mut self, thing: T, at: Spot) {
        let index = self.index(at);
        if let Some(bucket) = self.buckets.get_mut(index) {
            bucket.push((thing, at));
        }
    }

    pub(super) fn remove(&mut self, thing: T, at: Spot) {
        let index = self.index(at);
        if let Some(bucket) = self.buckets.get_mut(index)
            && let Some(place) = bucket.iter().position(|(there, _)| *there == thing)
        {
            bucket.swap_remove(place);
        }
    }

    pub(super) fn relocate(&mut self, thing: T, from: Spot, to: Spot) {
        let index = self.index(to);
        if index != self.index(from) {
            self.remove(thing, from);
            self.insert(thing, to);
        } else if let Some(entry) =
            self.buckets.get_mut(index).and_then(|all| all.iter_mut().find(|(one, _)| *one == thing))
        {
            entry.1 = to;
        }
    }

    /// Everything at most `range` cells from `centre`, in an order that only depends on what happened before.
    pub(super) fn near(&self, centre: Spot, range: u16) -> impl Iterator<Item = (T, Spot)> + '_ {
        let columns = usize::from(centre.x.saturating_sub(range) / BUCKET)..=usize::from((centre.x + range) / BUCKET);
        let rows = usize::from(centre.y.saturating_sub(range) / BUCKET)..=usize::from((centre.y + range) / BUCKET);
        rows.flat_map(move |row| {
            columns.clone().filter(|column| *column < self.columns).map(move |column| row * self.columns + column)
        })
        .filter_map(|index| self.buckets.get(index))
        .flatten()
        .filter(move |(_, at)| at.distance(centre) <= range)
        .copied()
    }

    fn index(&self, at: Spot) -> usize {
        usize::from(at.y / BUCKET) * self.columns + usize::from(at.x / BUCKET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_where_they_are_after_any_moves() {
        let cells = Cells::new(100, 50, vec![0; 5_000]).expect("legal");
        let mut grid = Grid::new(&cells);
        grid.insert(1, Spot::new(0, 0));
        grid.insert(2, Spot::new(99, 49));
        grid.insert(3, Spot::new(14, 14));
        let near = |grid: &Grid<i32>, x, y| grid.near(Spot::new(x, y), 14).map(|(thing, _)| thing).collect::<Vec<_>>();
        assert_eq!(near(&grid, 0, 0), [1, 3]);
        assert_eq!(near(&grid, 99, 35), [2]);
        assert_eq!(near(&grid, 99, 34), [] as [i32; 0]);
        grid.relocate(3, Spot::new(14, 14), Spot::new(15, 15));
        assert_eq!(near(&grid, 0, 0), [1]);
        grid.relocate(3, Spot::new(15, 15), Spot::new(90, 40));
        assert_eq!(near(&grid, 99, 49), [3, 2], "in the order of their buckets");
        grid.remove(3, Spot::new(90, 40));
        assert_eq!(near(&grid, 99, 49), [2]);
    }
}
