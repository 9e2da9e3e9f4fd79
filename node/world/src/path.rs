//! Walk paths as rAthena and the client find them (path.cpp), so that both see a player at the same cells.
//!
//! The search is A* over a window of 32 x 32 cells with a heuristic that overestimates. Which of two equally long paths
//! comes out depends on the order of directions and on how the open list breaks ties; both follow the client.

use crate::{Cells, Direction, Spot};

/// Cost of a straight step (`MOVE_COST`).
pub const STRAIGHT_COST: u32 = 10;
/// Cost of a diagonal step (`MOVE_DIAGONAL_COST`).
pub const DIAGONAL_COST: u32 = 14;
/// Most steps of a walk a client may ask for (`max_walk_path`, conf/battle/client.conf).
pub const MAX_STEPS: usize = 17;
/// Most steps of a walk around an obstacle (`OFFICIAL_WALKPATH`, unit.cpp).
pub const MAX_STEPS_AROUND: usize = 14;
/// Side of the search window (`MAX_WALKPATH`).
const WINDOW: usize = 32;

/// The steps of a walk a client asks for; `None` when it cannot be walked, or is too long. Empty when it is no walk.
#[must_use]
pub fn walk(cells: &Cells, from: Spot, to: Spot) -> Option<Vec<Direction>> {
    let steps = search(cells, from, to)?;
    let short = steps.len() <= MAX_STEPS && (steps.len() <= MAX_STEPS_AROUND || is_clear(cells, from, to));
    short.then_some(steps)
}

/// The shortest way the client would find. The first cell need not be walkable: nobody is to be stuck.
#[must_use]
pub fn search(cells: &Cells, from: Spot, to: Spot) -> Option<Vec<Direction>> {
    let outside_window = usize::from(from.distance(to)) >= WINDOW;
    if !cells.contains(from) || !cells.walkable(to) || outside_window {
        return None;
    }
    let mut search = Search::new(from, to);
    loop {
        let current = search.pop()?;
        let at = search.nodes.get(current)?.spot;
        if at == to {
            return search.trace(current);
        }
        for direction in EXPANSION {
            if let Some(next) = open_step(cells, at, direction) {
                search.add(next, current, direction)?;
            }
        }
    }
}

/// Whether no wall stands on the straight line between two cells (`path_search_long`).
#[must_use]
pub fn is_clear(cells: &Cells, from: Spot, to: Spot) -> bool {
    // The line is always drawn from west to east.
    let (start, end) = if to.x < from.x { (to, from) } else { (from, to) };
    let (mut x, mut y) = (i32::from(start.x), i32::from(start.y));
    let (end_x, end_y) = (i32::from(end.x), i32::from(end.y));
    let (dx, dy) = (end_x - x, end_y - y);
    let weight = dx.max(dy.abs());
    let (mut weight_x, mut weight_y) = (0, 0);
    while (x, y) != (end_x, end_y) {
        weight_x += dx;
        weight_y += dy;
        if weight_x >= weight {
            weight_x -= weight;
            x += 1;
        }
        if weight_y >= weight {
            weight_y -= weight;
            y += 1;
        } else if weight_y < 0 {
            weight_y += weight;
            y -= 1;
        }
        let cell = u16::try_from(x).ok().zip(u16::try_from(y).ok()).map(|(x, y)| Spot { x, y });
        if (x, y) != (end_x, end_y) && !cell.is_some_and(|cell| cells.walkable(cell)) {
            return false;
        }
    }
    true
}

/// The order in which neighbours are looked at.
const EXPANSION: [Direction; 8] = [
    Direction::SouthEast,
    Direction::East,
    Direction::NorthEast,
    Direction::North,
    Direction::NorthWest,
    Direction::West,
    Direction::SouthWest,
    Direction::South,
];

/// The neighbour, if one may step there: a diagonal step needs both cells beside it, so that no corner is cut.
fn open_step(cells: &Cells, at: Spot, direction: Direction) -> Option<Spot> {
    let open = |spot: Spot| cells.walkable(spot).then_some(spot);
    let next = at.step(direction).and_then(open)?;
    if direction.is_diagonal() {
        open(Spot::new(next.x, at.y))?;
        open(Spot::new(at.x, next.y))?;
    }
    Some(next)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Unseen,
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    spot: Spot,
    cost: u32,
    estimate: u32,
    came: Option<(usize, Direction)>,
    state: State,
}

/// One search. Every cell has one place in the window; two cells that share one end the search, as in the client.
struct Search {
    to: Spot,
    nodes: Vec<Node>,
    /// A binary heap of node indices.
    open: Vec<usize>,
}

impl Search {
    fn new(from: Spot, to: Spot) -> Self {
        let unseen = Node { spot: Spot::default(), cost: 0, estimate: 0, came: None, state: State::Unseen };
        let mut search = Self { to, nodes: vec![unseen; WINDOW * WINDOW], open: Vec::new() };
        let (index, estimate) = (Self::index(from), search.heuristic(from));
        search.nodes[index] = Node { spot: from, cost: 0, estimate, came: None, state: State::Open };
        search.open.push(index);
        search
    }

    fn index(spot: Spot) -> usize {
        (usize::from(spot.x) + usize::from(spot.y) * WINDOW) % (WINDOW * WINDOW)
    }

    fn heuristic(&self, spot: Spot) -> u32 {
        STRAIGHT_COST * (u32::from(spot.x.abs_diff(self.to.x)) + u32::from(spot.y.abs_diff(self.to.y)))
    }

    /// Enters a step into the search; `None` when its place in the window is taken by another cell.
    fn add(&mut self, spot: Spot, parent: usize, direction: Direction) -> Option<()> {
        let step = if direction.is_diagonal() { DIAGONAL_COST } else { STRAIGHT_COST };
        let cost = self.nodes[parent].cost + step;
        let estimate = cost + self.heuristic(spot);
        let index = Self::index(spot);
        let node = &mut self.nodes[index];
        let before = node.state;
        if before != State::Unseen {
            if node.spot != spot {
                return None;
            }
            if cost >= node.cost {
                return Some(());
            }
        }
        *node = Node { spot, cost, estimate, came: Some((parent, direction)), state: State::Open };
        match before {
            State::Unseen | State::Closed => self.push(index),
            State::Open => self.reorder(index),
        }
        Some(())
    }

    /// The steps that led to a node. `None` never happens: every node but the first has a parent.
    fn trace(&self, end: usize) -> Option<Vec<Direction>> {
        let mut steps = Vec::new();
        let mut node = self.nodes.get(end)?;
        while let Some((parent, direction)) = node.came {
            steps.push(direction);
            node = self.nodes.get(parent)?;
        }
        steps.reverse();
        Some(steps)
    }

    fn estimate_at(&self, place: usize) -> u32 {
        self.nodes[self.open[place]].estimate
    }

    fn push(&mut self, index: usize) {
        self.open.push(index);
        self.rise(0, self.open.len() - 1);
    }

    fn pop(&mut self) -> Option<usize> {
        if self.open.is_empty() {
            return None;
        }
        let top = self.open.swap_remove(0);
        self.sink(0);
        self.nodes[top].state = State::Closed;
        Some(top)
    }

    /// After a node in the heap became cheaper. The second half looks needless, but decides ties as the client does.
    fn reorder(&mut self, index: usize) {
        if let Some(place) = self.open.iter().position(|open| *open == index) {
            self.rise(0, place);
            self.sink(place);
        }
    }

    /// Swaps a node upward, not above `top`, while it is cheaper than its parent.
    fn rise(&mut self, top: usize, mut place: usize) {
        while place > top {
            let parent = (place - 1) / 2;
            if self.estimate_at(parent) <= self.estimate_at(place) {
                break;
            }
            self.open.swap(parent, place);
            place = parent;
        }
    }

    /// Swaps a node down to a leaf, always with the cheaper child (the right one of equals), and lets it rise again.
    fn sink(&mut self, from: usize) {
        let mut place = from;
        while place * 2 + 1 < self.open.len() {
            let (left, right) = (place * 2 + 1, place * 2 + 2);
            let go_left = right >= self.open.len() || self.estimate_at(left) < self.estimate_at(right);
            let child = if go_left { left } else { right };
            self.open.swap(place, child);
            place = child;
        }
        self.rise(from, place);
    }
}

#[cfg(test)]
mod tests;
