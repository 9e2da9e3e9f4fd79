//! How fast one core is at what a map-server does: searching ways over cells.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long the measurement takes.
pub(super) const DURATION: Duration = Duration::from_millis(200);

/// Units of work a second on the reference core, for a score of 1,000.
///
/// Calibrated with a release build: a 3.7 GHz EPYC core, whose published single thread marks (about 2,700) are those of
/// the desktop cores of 2020 (Ryzen 5 3600, Core i5-10400: 2,600), does 5,100. Builds without optimisation score a small
/// fraction; the score ranks hosts and excludes none.
const REFERENCE_UNITS: f64 = 5_000.0;

const SIDE: usize = 128;
const CELLS: usize = SIDE * SIDE;

/// Work done in [`DURATION`] on the calling thread, 1,000 being the reference core.
pub(super) fn score() -> u32 {
    let started = Instant::now();
    let (mut units, mut field) = (0_u32, Field::new());
    while started.elapsed() < DURATION {
        black_box(field.flood(black_box(units)));
        units += 1;
    }
    let score = f64::from(units) / started.elapsed().as_secs_f64() / REFERENCE_UNITS * 1_000.0;
    // Saturates; no core is a million times the reference.
    score as u32
}

/// A map with scattered obstacles and the scratch space of a search.
struct Field {
    blocked: Vec<bool>,
    distance: Vec<u16>,
    queue: Vec<u32>,
}

impl Field {
    fn new() -> Self {
        let mut state = 0x9e37_79b9_u32;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        let blocked = (0..CELLS).map(|_| random() % 4 == 0).collect();
        Self { blocked, distance: vec![u16::MAX; CELLS], queue: Vec::with_capacity(CELLS) }
    }

    /// One unit: the distance of every cell that can be reached from a start. Branches and scattered reads, as in play.
    fn flood(&mut self, seed: u32) -> u32 {
        self.distance.fill(u16::MAX);
        self.queue.clear();
        let start = seed.wrapping_mul(2_654_435_761) as usize % CELLS;
        self.visit(start, 0);
        let mut next = 0;
        while let Some(&at) = self.queue.get(next) {
            next += 1;
            let at = at as usize;
            let distance = self.distance[at].saturating_add(1);
            for step in [1, SIDE, CELLS - 1, CELLS - SIDE] {
                let neighbour = (at + step) % CELLS;
                if !self.blocked[neighbour] {
                    self.visit(neighbour, distance);
                }
            }
        }
        u32::try_from(self.queue.len()).unwrap_or(u32::MAX)
    }

    fn visit(&mut self, cell: usize, distance: u16) {
        if self.distance[cell] == u16::MAX {
            self.distance[cell] = distance;
            self.queue.push(u32::try_from(cell).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_the_same_on_every_machine() {
        let mut field = Field::new();
        let reached: Vec<_> = (0..4).map(|seed| field.flood(seed)).collect();
        assert_eq!(reached, (0..4).map(|seed| Field::new().flood(seed)).collect::<Vec<_>>());
        assert!(reached.iter().all(|cells| (8_000..13_000).contains(cells)), "{reached:?}");
    }

    #[test]
    fn a_score_is_measured_in_the_promised_time() {
        let started = Instant::now();
        assert!(score() > 0);
        assert!(started.elapsed() >= DURATION);
    }
}
