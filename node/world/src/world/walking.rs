//! Walking in time steps (`unit_walktoxy`, `unit_walktoxy_timer`, unit.cpp).

use std::time::Duration;

use bifrost_protocol::client::map::{PackedMove, PackedPosition, Posture, StopAt, Vanish, VanishReason, WalkOk};
use bifrost_protocol::ids::SessionId;

use super::player::{Player, WALK_SPEED, Walk};
use super::sight::SIGHT_RANGE;
use super::{World, tick_of};
use crate::path::{self, DIAGONAL_COST, STRAIGHT_COST};
use crate::{Direction, Spot};

/// How long a step takes: 150 ms, or 210 over a corner.
fn step_time(direction: Direction) -> Duration {
    let straight = Duration::from_millis(u64::from(WALK_SPEED.unsigned_abs()));
    if direction.is_diagonal() { straight * DIAGONAL_COST / STRAIGHT_COST } else { straight }
}

impl World {
    /// A client asks to walk. Where it cannot go, it gets no answer, as from rAthena.
    pub(super) fn ask_walk(&mut self, session: SessionId, to: PackedPosition) {
        let Some(player) = self.players.get_mut(&session) else { return };
        match player.posture {
            Posture::STANDING => {}
            Posture::DEAD => {
                let object = player.object();
                return self.show(session, false, &Vanish { object, reason: VanishReason::DEAD });
            }
            _ => return,
        }
        let to = Spot::new(to.x, to.y);
        if path::walk(&self.maps.get(player.map).cells, player.at, to).is_none() {
            return;
        }
        match &mut player.walk {
            Some(walk) => (walk.to, walk.redirected) = (to, true),
            None => {
                self.start_walk(session, to, self.now);
            }
        }
    }

    /// Starts to walk from the cell the player is on. `false` when there is no way.
    fn start_walk(&mut self, session: SessionId, to: Spot, now: Duration) -> bool {
        let Some(player) = self.players.get_mut(&session) else { return false };
        let Some(mut steps) = path::walk(&self.maps.get(player.map).cells, player.at, to) else { return false };
        steps.reverse();
        player.head = 0;
        let (map, at, tick) = (player.map, player.at, tick_of(now));
        // One who is already there gets the answer all the same: clients correct their position by it.
        if let Some(first) = steps.last() {
            let due = now + step_time(*first);
            player.walk = Some(Walk { steps, due, to, redirected: false });
            self.steps.insert((due, session));
            let packet = player.walking_packet(to, tick);
            self.broadcast(map, at, SIGHT_RANGE, Some(session), &packet);
        }
        self.send(session, &WalkOk { start_time: tick, path: PackedMove::new((at.x, at.y), (to.x, to.y)) });
        true
    }

    /// Makes the step that is due.
    pub(super) fn step(&mut self, session: SessionId, now: Duration) {
        let Some(player) = self.players.get_mut(&session) else {
            self.steps.retain(|(_, stepping)| *stepping != session);
            return;
        };
        let Some(walk) = &mut player.walk else {
            self.steps.retain(|(_, stepping)| *stepping != session);
            return;
        };
        self.steps.remove(&(walk.due, session));
        let Some((direction, to)) = walk.steps.pop().and_then(|step| Some((step, player.at.step(step)?))) else {
            player.walk = None;
            return;
        };
        player.body = direction;
        self.relocate(session, to);
        if self.touch(session) {
            return;
        }
        self.next_step(session, now);
    }

    /// Goes on with a walk, or ends it, or turns it to where the client wants to go by now.
    fn next_step(&mut self, session: SessionId, now: Duration) {
        let Some(player) = self.players.get_mut(&session) else { return };
        let Some(walk) = &mut player.walk else { return };
        if walk.redirected {
            let to = walk.to;
            player.walk = None;
            if !self.start_walk(session, to, now) {
                self.fix_position(session);
            }
            return;
        }
        match walk.steps.last() {
            Some(next) => {
                walk.due = now + step_time(*next);
                self.steps.insert((walk.due, session));
            }
            None => player.walk = None,
        }
    }

    /// Ends a walk on the cell the player is on. `false` when there was none.
    pub(super) fn halt(&mut self, session: SessionId) -> bool {
        let walk = self.players.get_mut(&session).and_then(|player| player.walk.take());
        walk.is_some_and(|walk| self.steps.remove(&(walk.due, session)))
    }

    /// Ends a walk, and tells everybody where.
    pub(super) fn stop(&mut self, session: SessionId) {
        if self.halt(session) {
            self.fix_position(session);
        }
    }

    pub(super) fn fix_position(&mut self, session: SessionId) {
        if let Some(packet) = self.players.get(&session).map(Player::stop_packet) {
            self.show(session, false, &packet);
        }
    }
}

impl Player {
    fn stop_packet(&self) -> StopAt {
        StopAt { object: self.object(), x: self.at.x, y: self.at.y }
    }

    /// For those who see the player enter the map. One who sits or lies must be seen so, which no spawn packet says.
    pub(super) fn sight_or_spawn(&self, tick: u32) -> bytes::Bytes {
        if self.posture == Posture::STANDING { self.spawn_packet() } else { self.sight_packet(tick) }
    }
}
