//! Where a player was and when, as its client knows it.

use std::collections::VecDeque;
use std::time::Duration;

/// A cell.
type Cell = (u16, u16);

/// The time a cell takes at the usual speed.
const CELL: Duration = Duration::from_millis(150);

/// How far off a cell the line between two corners of a way may pass: the way is found by the server, the client is told its
/// ends.
const NEAR: u16 = 3;

/// As far back as a player is looked for.
pub(super) const REACH: Duration = Duration::from_secs(60);

/// Where a player was in the last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail {
    legs: VecDeque<Leg>,
}

#[derive(Clone, Copy, Debug)]
struct Leg {
    since: Duration,
    from: Cell,
    to: Cell,
}

impl Trail {
    /// The player walks.
    pub(super) fn walks(&mut self, from: Cell, to: Cell, now: Duration) {
        // One leg stays that began before the reach does.
        while self.legs.get(1).is_some_and(|second| now.saturating_sub(second.since) > REACH) {
            self.legs.pop_front();
        }
        self.legs.push_back(Leg { since: now, from, to });
    }

    /// The player stands.
    pub(super) fn stands(&mut self, at: Cell, now: Duration) {
        self.walks(at, at, now);
    }

    /// The player is on another map: nothing of this counts any more.
    pub(super) fn clear(&mut self) {
        self.legs.clear();
    }

    /// How long before `end` the player was last at a cell, or near; [`REACH`] when it was not.
    pub(super) fn since(&self, at: Cell, end: Duration) -> Duration {
        let mut until = end;
        for leg in self.legs.iter().rev().filter(|leg| leg.since <= end) {
            let mut moment = until;
            while moment >= leg.since {
                if far(leg.at(moment), at) <= NEAR {
                    return (end - moment).min(REACH);
                }
                let Some(before) = moment.checked_sub(CELL) else { break };
                moment = before;
            }
            if far(leg.from, at) <= NEAR {
                return (end - leg.since).min(REACH);
            }
            until = leg.since;
        }
        REACH
    }
}

impl Leg {
    fn at(&self, moment: Duration) -> Cell {
        let cells = moment.saturating_sub(self.since).as_millis() / CELL.as_millis();
        let cells = u16::try_from(cells).unwrap_or(u16::MAX);
        // Diagonally first, then straight on, as on an open field.
        let step = |from: u16, to: u16| {
            let way = from.abs_diff(to).min(cells);
            if from < to { from + way } else { from - way }
        };
        (step(self.from.0, self.to.0), step(self.from.1, self.to.1))
    }
}

fn far(a: Cell, b: Cell) -> u16 {
    a.0.abs_diff(b.0).max(a.1.abs_diff(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_player_set_back_was_there_some_time_ago() {
        let mut trail = Trail::default();
        trail.stands((100, 100), at(0));
        trail.walks((100, 100), (120, 100), at(10_000));
        assert_eq!(trail.since((120, 100), at(20_000)), at(0), "it has arrived");
        assert_eq!(trail.since((110, 100), at(11_500)), at(0));
        let back = trail.since((100, 100), at(11_500));
        assert!(back >= at(1_000) && back <= at(1_500), "ten cells, less what counts as near: {back:?}");
        assert_eq!(trail.since((300, 300), at(11_500)), REACH);
    }

    #[test]
    fn the_trail_has_an_end() {
        let mut trail = Trail::default();
        for second in 0..1_000 {
            trail.stands((1, 1), Duration::from_secs(second));
        }
        assert!(trail.legs.len() < 70, "{}", trail.legs.len());
        trail.clear();
        assert_eq!(trail.since((1, 1), Duration::from_secs(1_000)), REACH);
    }
}
