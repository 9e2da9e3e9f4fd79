//! One player's way through a run, from the packets its client got: connections, and what each change of connection cost.
//!
//! [`Course::packet`] takes what came, [`Course::hops`] says what every change of map-server did to the character: the
//! silence, and how far the state that came back lies behind the last one the client had seen. No clock, no socket.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::{History, Restored};
use super::trail::Trail;
use super::view::{Holdings, Seen, View};

/// Whose map-server a connection leads to.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Side {
    /// The operator's own.
    City,
    /// The fleet's.
    Fleet,
}

/// One player's way. Times count from the start of the run.
#[derive(Debug)]
pub(super) struct Course {
    account: u32,
    /// Whether the fleet's engines know of experience and inventories.
    fleet_knows: bool,
    view: View,
    stay: Option<Stay>,
    connections: u32,
    map: String,
    zeny: i64,
    base: History<i64>,
    job: History<i64>,
    items: History<Holdings>,
    trail: Trail,
    hops: Vec<Hop>,
    entries: Vec<(Side, Duration)>,
    books: Books,
    longest_silence: Duration,
    deaths: u32,
    unreadable: u32,
}

/// A connection to a map-server.
#[derive(Clone, Copy, Debug)]
struct Stay {
    connection: u32,
    side: Side,
    accepted: bool,
    /// When the client said who it is (0x0436).
    entered: Duration,
    /// Whether the server has told what it restored.
    base: bool,
    job: bool,
    /// When the last packet of the game came. Packets after a strike are the relay's, which answers for a dead host.
    heard: Duration,
    struck: bool,
}

/// What the client saw happen to its goods, by whose map-server told it.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    /// Changes of money.
    pub(super) zeny: BTreeMap<Side, i64>,
    /// Changes of items.
    pub(super) items: BTreeMap<Side, Holdings>,
    /// Items that a failover took back: the character is what it was a moment before.
    pub(super) lost: Holdings,
    /// Items that were there, or were not, after a change of connection, and that the client had never seen so.
    pub(super) sprung: Holdings,
}

/// A change of connections.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    /// When the first connection ended.
    pub(super) ended: Duration,
    /// Whether it ended by a redirect; else the connection was lost.
    pub(super) redirected: bool,
    /// Whether it led to the map the player was on already: another host took over.
    pub(super) same_map: bool,
    /// The map it began on.
    pub(super) from: String,
    /// The map it led to.
    pub(super) to: String,
    /// The last packet of the game before it.
    pub(super) heard: Duration,
    /// When the next server took the player in.
    pub(super) accepted: Option<Duration>,
    /// How old the oldest change is that the character no longer has.
    pub(super) lost: Duration,
    /// How long ago the player was last where it came back.
    pub(super) set_back: Duration,
}

impl Hop {
    /// The silence, once it is over.
    pub(super) fn gap(&self) -> Option<Duration> {
        self.accepted.map(|accepted| accepted.saturating_sub(self.heard))
    }
}

impl Course {
    /// Of a player with this much money at the start. The fleet's engines know of experience and
    /// inventories, or show none.
    pub(super) fn new(account: u32, zeny: i64, fleet_knows: bool) -> Self {
        Self {
            account,
            fleet_knows,
            view: View::default(),
            stay: None,
            connections: 0,
            map: String::new(),
            zeny,
            base: History::default(),
            job: History::default(),
            items: History::default(),
            trail: Trail::default(),
            hops: Vec::new(),
            entries: Vec::new(),
            books: Books::default(),
            longest_silence: Duration::ZERO,
            deaths: 0,
            unreadable: 0,
        }
    }

    /// The client has connected to a map-server. Returns which of its connections this is.
    pub(super) fn connected(&mut self, side: Side, now: Duration) -> u32 {
        self.left(None, now);
        self.connections += 1;
        let connection = self.connections;
        let (accepted, base, job, struck) = (false, false, false, false);
        self.stay = Some(Stay { connection, side, accepted, entered: now, base, job, heard: now, struck });
        connection
    }

    /// The host under the player is struck: what still comes over this connection is not the game.
    pub(super) fn struck(&mut self) {
        if let Some(stay) = &mut self.stay {
            stay.struck = true;
        }
    }

    /// A whole packet from the server, over one of the client's connections; only the latest counts.
    pub(super) fn packet(&mut self, connection: u32, packet: &[u8], now: Duration) {
        if self.stay.is_none_or(|stay| stay.connection != connection) {
            return;
        }
        let Ok(seen) = self.view.take(packet, self.account) else {
            self.unreadable += 1;
            return;
        };
        if let Seen::Redirected(map, at) = seen {
            self.left(Some((&map, at)), now);
            return;
        }
        let Some(stay) = &mut self.stay else { return };
        if !stay.struck {
            if stay.accepted {
                self.longest_silence = self.longest_silence.max(now.saturating_sub(stay.heard));
            }
            stay.heard = now;
        }
        let side = stay.side;
        match seen {
            Seen::Accepted(at) => self.accepted(at, now),
            Seen::Map(map, at) => {
                if map != self.map {
                    self.trail.clear();
                }
                self.map = map;
                self.trail.stands(at, now);
            }
            Seen::Walks(from, to) => self.trail.walks(from, to, now),
            Seen::Stands(at) => self.trail.stands(at, now),
            Seen::BaseExp(_) | Seen::JobExp(_) | Seen::Listed if side == Side::Fleet && !self.fleet_knows => {}
            Seen::BaseExp(value) => {
                let restored = !std::mem::replace(&mut stay.base, true);
                let lost = experience(&mut self.base, value, now, restored);
                self.lost(lost);
            }
            Seen::JobExp(value) => {
                let restored = !std::mem::replace(&mut stay.job, true);
                let lost = experience(&mut self.job, value, now, restored);
                self.lost(lost);
            }
            Seen::Zeny(value) => {
                *self.books.zeny.entry(side).or_default() += value - self.zeny;
                self.zeny = value;
            }
            Seen::Items => {
                let held = self.view.holdings();
                let changed = difference(&held, self.items.last().unwrap_or(&Holdings::new()));
                add(self.books.items.entry(side).or_default(), &changed);
                self.items.set(held, now);
            }
            Seen::Listed => self.listed(now),
            Seen::Died => self.deaths += 1,
            Seen::Redirected(..) | Seen::Other => {}
        }
    }

    /// The connection has ended without a redirect.
    pub(super) fn closed(&mut self, connection: u32, now: Duration) {
        if self.stay.is_some_and(|stay| stay.connection == connection) {
            self.left(None, now);
        }
    }

    fn left(&mut self, to: Option<(&str, (u16, u16))>, now: Duration) {
        let Some(stay) = self.stay.take() else { return };
        let redirected = to.is_some();
        // Sent on before anybody had taken it in: still the same silence.
        if let Some(hop) = self.hops.last_mut().filter(|hop| hop.accepted.is_none()) {
            hop.redirected &= redirected;
            if let Some((map, _)) = to {
                hop.to = map.to_owned();
            }
            return;
        }
        let same_map = to.is_some_and(|(map, _)| map == self.map);
        let from = self.map.clone();
        let to = to.map_or_else(|| from.clone(), |(map, _)| map.to_owned());
        let (lost, set_back) = (Duration::ZERO, Duration::ZERO);
        let hop = Hop { ended: now, redirected, same_map, from, to, heard: stay.heard, accepted: None, lost, set_back };
        self.hops.push(hop);
    }

    fn accepted(&mut self, at: (u16, u16), now: Duration) {
        let moved = self.hops.last().is_some_and(|hop| hop.accepted.is_none() && hop.same_map);
        if let Some(stay) = self.stay.as_mut().filter(|stay| !stay.accepted) {
            stay.accepted = true;
            if !moved {
                self.entries.push((stay.side, now.saturating_sub(stay.entered)));
            }
        }
        if let Some(hop) = self.hops.last_mut().filter(|hop| hop.accepted.is_none()) {
            hop.accepted = Some(now);
            if hop.same_map {
                hop.set_back = self.trail.since(at, hop.heard);
            } else {
                self.trail.clear();
            }
            self.map.clone_from(&hop.to);
        }
        self.trail.stands(at, now);
    }

    fn listed(&mut self, now: Duration) {
        let held = self.view.holdings();
        let Some(before) = self.items.last().cloned() else {
            self.items.set(held, now);
            return;
        };
        match self.items.restore(held.clone(), now, |seen, held| seen == held) {
            Restored::Same => {}
            Restored::Earlier { since } => {
                add(&mut self.books.lost, &difference(&before, &held));
                self.lost(Some(since));
            }
            Restored::Strange => add(&mut self.books.sprung, &difference(&held, &before)),
        }
    }

    /// A change that the client saw at `since` is gone.
    fn lost(&mut self, since: Option<Duration>) {
        if let (Some(hop), Some(since)) = (self.hops.last_mut(), since) {
            hop.lost = hop.lost.max(hop.heard.saturating_sub(since));
        }
    }

    /// Every change of connections so far.
    pub(super) fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// How long a map-server took to let the client in, from 0x0436 to 0x02eb, each time it came by itself: from character
    /// select, or on foot from another map-server.
    pub(super) fn entries(&self) -> &[(Side, Duration)] {
        &self.entries
    }

    /// What it saw happen to its goods.
    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    /// The map it is on; empty before it was on any.
    pub(super) fn map(&self) -> &str {
        &self.map
    }

    /// Whether a map-server has it in game.
    pub(super) fn is_in_play(&self) -> bool {
        self.stay.is_some_and(|stay| stay.accepted)
    }

    /// How often the character died.
    pub(super) fn deaths(&self) -> u32 {
        self.deaths
    }

    /// The longest time without a packet on one connection.
    pub(super) fn longest_silence(&self) -> Duration {
        self.longest_silence
    }

    /// Packets that could not be read.
    pub(super) fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// The connection carries something that cannot be cut into packets.
    pub(super) fn garbled(&mut self) {
        self.unreadable += 1;
    }
}

/// Takes in experience; when it was restored and is less than seen before, returns when the oldest of what is missing was
/// earned. It may have grown by what the client was not told any more, and never shrinks by itself but at a new level.
fn experience(of: &mut History<i64>, value: i64, now: Duration, restored: bool) -> Option<Duration> {
    if !restored {
        of.set(value, now);
        return None;
    }
    match of.restore(value, now, |seen, value| seen <= value) {
        Restored::Earlier { since } => Some(since),
        // Less than at the start of the run: all of it.
        Restored::Strange => Some(Duration::ZERO),
        Restored::Same => None,
    }
}

/// What has to be added to `from` to make `to`.
pub(super) fn difference(to: &Holdings, from: &Holdings) -> Holdings {
    let mut difference = to.clone();
    for (item, amount) in from {
        *difference.entry(*item).or_default() -= amount;
    }
    difference.retain(|_, amount| *amount != 0);
    difference
}

/// Adds `more` to `to`.
pub(super) fn add(to: &mut Holdings, more: &Holdings) {
    for (item, amount) in more {
        *to.entry(*item).or_default() += amount;
    }
    to.retain(|_, amount| *amount != 0);
}

#[cfg(test)]
mod tests;
