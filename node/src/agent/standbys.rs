//! The groups this node stands by for. Events with their time in, leases to stop out. No IO, no clock.
//!
//! A standby is worth something only to a coordinator that knows of it: after every reconnect each has to be assigned
//! again, or it ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bifrost_protocol::ids::{Epoch, GroupName};

use crate::engine::Lease;

/// How long a coordinator may take to assign again what it still wants.
const ASSIGN_AGAIN: Duration = Duration::from_secs(10);

/// The standbys of this node.
#[derive(Debug, Default)]
pub(crate) struct Standbys {
    tickets: BTreeMap<GroupName, Standby>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Standby {
    ticket: Epoch,
    /// Whether the coordinator of the current connection knows of it.
    known: bool,
}

impl Standbys {
    /// One was assigned, for the first time or again.
    pub(crate) fn assigned(&mut self, group: &GroupName, ticket: Epoch) {
        self.tickets.insert(group.clone(), Standby { ticket, known: true });
    }

    /// It has ended, or has become the group's engine. Its ticket, if there was one.
    pub(crate) fn remove(&mut self, group: &GroupName) -> Option<Epoch> {
        self.tickets.remove(group).map(|standby| standby.ticket)
    }

    /// Whether it stands by under this ticket.
    pub(crate) fn has(&self, group: &GroupName, ticket: Epoch) -> bool {
        self.tickets.get(group).is_some_and(|standby| standby.ticket == ticket)
    }

    /// Whether there is one for the group.
    pub(crate) fn stands_by(&self, group: &GroupName) -> bool {
        self.tickets.contains_key(group)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.tickets.len()
    }

    /// The connection is gone; engines are kept for `reconnect` without one.
    pub(crate) fn lost(&mut self, now: Instant, reconnect: Duration) {
        self.tickets.values_mut().for_each(|standby| standby.known = false);
        self.deadline = Some(now + reconnect);
    }

    /// A coordinator has taken the node in.
    pub(crate) fn welcomed(&mut self, now: Instant) {
        self.deadline = Some(now + ASSIGN_AGAIN);
    }

    /// When [`expired`](Self::expired) is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.tickets.values().any(|standby| !standby.known))
    }

    /// Those that nobody has asked for in time. They are forgotten here.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<Lease> {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        self.deadline = None;
        self.take(|standby| !standby.known)
    }

    /// All of them. They are forgotten here.
    pub(crate) fn drain(&mut self) -> Vec<Lease> {
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(&Standby) -> bool) -> Vec<Lease> {
        let taken = self.tickets.extract_if(.., |_, standby| which(standby));
        taken.map(|(group, standby)| (group, standby.ticket)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> GroupName {
        GroupName(name.into())
    }

    #[test]
    fn a_standby_ends_unless_the_next_coordinator_wants_it_too() {
        let start = Instant::now();
        let mut standbys = Standbys::default();
        standbys.assigned(&group("a"), Epoch(1));
        standbys.assigned(&group("b"), Epoch(2));
        assert_eq!(standbys.deadline(), None);
        standbys.lost(start, Duration::from_secs(30));
        assert_eq!(standbys.deadline(), Some(start + Duration::from_secs(30)));
        standbys.welcomed(start);
        standbys.assigned(&group("b"), Epoch(5));
        assert!(standbys.expired(start + ASSIGN_AGAIN - Duration::from_millis(1)).is_empty());
        assert_eq!(standbys.expired(start + ASSIGN_AGAIN), [(group("a"), Epoch(1))]);
        assert_eq!((standbys.count(), standbys.deadline()), (1, None));
        assert!(standbys.has(&group("b"), Epoch(5)) && !standbys.has(&group("b"), Epoch(2)));
    }

    #[test]
    fn without_a_coordinator_they_end_after_a_while() {
        let start = Instant::now();
        let mut standbys = Standbys::default();
        standbys.assigned(&group("a"), Epoch(1));
        standbys.lost(start, Duration::from_secs(30));
        assert_eq!(standbys.expired(start + Duration::from_secs(30)), [(group("a"), Epoch(1))]);
        standbys.assigned(&group("c"), Epoch(4));
        assert_eq!((standbys.remove(&group("c")), standbys.remove(&group("c"))), (Some(Epoch(4)), None));
    }
}
