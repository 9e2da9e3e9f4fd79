//! Which engine serves which group, for streams that arrive; and what all engines together amount to, for beats.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bifrost_protocol::ids::{Epoch, GroupName};
use tokio::sync::mpsc;

use super::ToEngine;

/// Engines by group. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    groups: Arc<RwLock<Groups>>,
    gauges: Arc<Gauges>,
    max_players: u32,
}

type Groups = BTreeMap<GroupName, (Epoch, mpsc::Sender<ToEngine>)>;

/// What all engines together amount to.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    players: AtomicU32,
    turn_us: AtomicU32,
    errors: AtomicU64,
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
        Self { groups: Arc::default(), gauges: Arc::default(), max_players }
    }

    /// The engine that serves this group under exactly this epoch.
    pub(crate) fn find(&self, group: &GroupName, epoch: Epoch) -> Option<mpsc::Sender<ToEngine>> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(group).filter(|(leased, _)| *leased == epoch).map(|(_, inbox)| inbox.clone())
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

    pub(super) fn insert(&self, group: GroupName, epoch: Epoch, inbox: mpsc::Sender<ToEngine>) {
        self.groups.write().unwrap_or_else(PoisonError::into_inner).insert(group, (epoch, inbox));
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
        directory.insert(group.clone(), Epoch(7), inbox);
        assert!(directory.find(&group, Epoch(6)).is_none());
        directory.remove(&group, Epoch(6));
        assert!(directory.find(&group, Epoch(7)).is_some());
    }

    #[test]
    fn the_longest_turn_is_told_once() {
        let gauges = Gauges::default();
        [3, 9, 4].map(Duration::from_micros).into_iter().for_each(|took| gauges.turn(took));
        assert_eq!((gauges.take_turn_us(), gauges.take_turn_us()), (9, 0));
    }
}
