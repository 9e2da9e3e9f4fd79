//! Which engine serves which group, for streams that arrive; and what all engines together amount to, for beats.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bifrost_protocol::ids::{Epoch, GroupName};
use tokio::sync::{mpsc, watch};

use super::ToEngine;
use super::rathena::Door;

/// Engines by group. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    groups: Arc<RwLock<Groups>>,
    /// Counts the engines that have been added.
    added: watch::Sender<u64>,
    gauges: Arc<Gauges>,
    max_players: u32,
}

type Groups = BTreeMap<GroupName, (Epoch, Serving)>;

/// How streams reach the engine of a group.
#[derive(Clone, Debug)]
pub(crate) enum Serving {
    /// The inbox of an embedded one.
    Embedded(mpsc::Sender<ToEngine>),
    /// The door of a stock map-server.
    Stock(Door),
}

/// What all engines together amount to.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    players: AtomicU32,
    turn_us: AtomicU32,
    errors: AtomicU64,
}

/// One player within the gauges. Dropping it takes the player out.
#[derive(Debug)]
pub(crate) struct Seat {
    gauges: Arc<Gauges>,
}

/// The players of one engine within the gauges. Dropping it takes them out, however the engine ends.
#[derive(Debug)]
pub(crate) struct PlayerCount {
    gauges: Arc<Gauges>,
    players: u32,
}

impl Directory {
    /// No engines; at most so many players on all that will be.
    pub(crate) fn new(max_players: u32) -> Self {
        Self { groups: Arc::default(), added: watch::Sender::new(0), gauges: Arc::default(), max_players }
    }

    /// The engine that serves this group under exactly this epoch.
    pub(crate) fn find(&self, group: &GroupName, epoch: Epoch) -> Option<Serving> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(group).filter(|(leased, _)| *leased == epoch).map(|(_, serving)| serving.clone())
    }

    /// The same, for an engine that is about to be added: its assignment may be on its way on another stream.
    pub(crate) async fn await_engine(&self, group: &GroupName, epoch: Epoch, patience: Duration) -> Option<Serving> {
        let mut added = self.added.subscribe();
        let found = async {
            loop {
                added.mark_unchanged();
                match self.find(group, epoch) {
                    Some(serving) => return Some(serving),
                    None => added.changed().await.ok()?,
                }
            }
        };
        tokio::time::timeout(patience, found).await.ok().flatten()
    }

    /// Whether one more player may come. Two who come at the same moment may exceed the limit by one.
    pub(crate) fn has_room(&self) -> bool {
        self.gauges.players() < self.max_players
    }

    /// Counts an error of an engine or a stream.
    pub(crate) fn count_error(&self) {
        self.gauges.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// What all engines together amount to.
    pub(crate) fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }

    pub(super) fn insert(&self, group: GroupName, epoch: Epoch, serving: Serving) {
        self.groups.write().unwrap_or_else(PoisonError::into_inner).insert(group, (epoch, serving));
        self.added.send_modify(|added| *added += 1);
    }

    /// Removes an engine unless a later one has taken its place.
    pub(super) fn remove(&self, group: &GroupName, epoch: Epoch) {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        if groups.get(group).is_some_and(|(leased, _)| *leased == epoch) {
            groups.remove(group);
        }
    }
}

impl Gauges {
    /// One more player, until the seat is dropped.
    pub(crate) fn seat(self: &Arc<Self>) -> Seat {
        self.players.fetch_add(1, Ordering::Relaxed);
        Seat { gauges: Arc::clone(self) }
    }

    /// Players on all engines.
    pub(crate) fn players(&self) -> u32 {
        self.players.load(Ordering::Relaxed)
    }

    /// Errors since the node started.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The longest turn since the last call, in microseconds.
    pub(crate) fn take_turn_us(&self) -> u32 {
        self.turn_us.swap(0, Ordering::Relaxed)
    }

    /// Records how long a turn took.
    pub(crate) fn turn(&self, took: Duration) {
        self.turn_us.fetch_max(u32::try_from(took.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

impl PlayerCount {
    /// No players yet.
    pub(crate) fn new(gauges: Arc<Gauges>) -> Self {
        Self { gauges, players: 0 }
    }

    /// How many there are now.
    pub(crate) fn set(&mut self, players: u32) {
        // Wraps through zero on the way down, as two's complement does.
        self.gauges.players.fetch_add(players.wrapping_sub(self.players), Ordering::Relaxed);
        self.players = players;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.gauges.players.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for PlayerCount {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_of_all_engines_add_up_and_leave_with_their_engine() {
        let directory = Directory::new(3);
        let mut one = PlayerCount::new(directory.gauges());
        let mut two = PlayerCount::new(directory.gauges());
        one.set(2);
        two.set(5);
        two.set(1);
        assert_eq!((directory.gauges().players(), directory.has_room()), (3, false));
        drop(one);
        assert_eq!((directory.gauges().players(), directory.has_room()), (1, true));
    }

    #[test]
    fn only_the_leased_epoch_is_found_and_an_old_engine_does_not_remove_a_new_one() {
        let directory = Directory::new(1);
        let group = GroupName("fields".into());
        let (inbox, _engine) = mpsc::channel(1);
        directory.insert(group.clone(), Epoch(7), Serving::Embedded(inbox));
        assert!(directory.find(&group, Epoch(6)).is_none());
        directory.remove(&group, Epoch(6));
        assert!(directory.find(&group, Epoch(7)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_engine_that_is_about_to_come_is_waited_for() {
        let directory = Directory::new(1);
        let group = GroupName("fields".into());
        let patience = Duration::from_secs(2);
        assert!(directory.await_engine(&group, Epoch(7), patience).await.is_none());
        let comes = async {
            for epoch in [6, 7] {
                tokio::time::sleep(Duration::from_millis(500)).await;
                directory.insert(group.clone(), Epoch(epoch), Serving::Embedded(mpsc::channel(1).0));
            }
        };
        let (found, ()) = tokio::join!(directory.await_engine(&group, Epoch(7), patience), comes);
        assert!(found.is_some());
    }

    #[test]
    fn the_longest_turn_is_told_once() {
        let gauges = Gauges::default();
        [3, 9, 4].map(Duration::from_micros).into_iter().for_each(|took| gauges.turn(took));
        assert_eq!((gauges.take_turn_us(), gauges.take_turn_us()), (9, 0));
    }
}
