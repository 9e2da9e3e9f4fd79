//! Who may serve which map group: at most one host, under an epoch that only grows.

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::ids::{Epoch, GroupName, HostId};

use crate::fleet::LinkId;

/// The right of one host to serve one map group.
#[derive(Clone, Debug)]
pub struct Lease {
    /// Fencing token.
    pub epoch: Epoch,
    /// Who has it, and how far it is.
    pub state: LeaseState,
    /// Since when the state holds.
    pub since: Duration,
    /// Why this host, for people.
    pub why: String,
}

/// How far a lease is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LeaseState {
    /// Nobody serves the group.
    Vacant,
    /// After a restart of the coordinator: this host had it and may come back for it.
    Awaited(HostId),
    /// The host was told; its engine is not ready yet.
    Starting(HostId, LinkId),
    /// The engine takes players.
    Live(HostId, LinkId),
    /// Players are being taken off the host, and the group goes on elsewhere after that.
    Emptying(HostId, LinkId),
}

impl LeaseState {
    /// The host and connection that may send state for the group now.
    #[must_use]
    pub fn holder(&self) -> Option<(&HostId, LinkId)> {
        match self {
            Self::Starting(host, link) | Self::Live(host, link) | Self::Emptying(host, link) => Some((host, *link)),
            Self::Vacant | Self::Awaited(_) => None,
        }
    }
}

/// All leases. A group that is not in here does not exist.
#[derive(Clone, Debug, Default)]
pub struct Leases {
    by_group: BTreeMap<GroupName, Lease>,
}

impl Leases {
    /// Every group, vacant or awaiting the host of a former life of the coordinator.
    #[must_use]
    pub fn restore(groups: impl Iterator<Item = GroupName>, stored: &[(GroupName, Option<HostId>, Epoch)]) -> Self {
        let lease = |group: &GroupName| {
            let row = stored.iter().find(|(name, ..)| name == group);
            let (host, epoch) = row.map_or((None, Epoch(0)), |(_, host, epoch)| (host.clone(), *epoch));
            let state = host.map_or(LeaseState::Vacant, LeaseState::Awaited);
            Lease { epoch, state, since: Duration::ZERO, why: "from before the restart".into() }
        };
        Self {
            by_group: groups
                .map(|group| {
                    let lease = lease(&group);
                    (group, lease)
                })
                .collect(),
        }
    }

    /// A group's lease.
    #[must_use]
    pub fn get(&self, group: &GroupName) -> Option<&Lease> {
        self.by_group.get(group)
    }

    /// All groups with their leases, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&GroupName, &Lease)> {
        self.by_group.iter()
    }

    /// Gives the group to a host under a new epoch. Whoever had it has nothing from now on.
    pub fn grant(
        &mut self,
        group: &GroupName,
        host: HostId,
        link: LinkId,
        why: String,
        now: Duration,
    ) -> Option<Epoch> {
        let lease = self.by_group.get_mut(group)?;
        // After a restart the stored epoch may lag behind one that was handed out but not yet stored.
        let step = if matches!(lease.state, LeaseState::Awaited(_)) { RESTART_GAP } else { 1 };
        lease.epoch = Epoch(lease.epoch.0.saturating_add(step));
        lease.why = why;
        lease.become_at(LeaseState::Starting(host, link), now);
        Some(lease.epoch)
    }

    /// The engine is ready. `false` when the lease is not this one any more.
    pub fn ready(&mut self, group: &GroupName, epoch: Epoch, link: LinkId, now: Duration) -> bool {
        let starting = self.get(group).is_some_and(|lease| matches!(lease.state, LeaseState::Starting(..)));
        starting && self.change(group, epoch, link, now, |host| LeaseState::Live(host, link))
    }

    /// Players are being taken off.
    pub fn empty(&mut self, group: &GroupName, epoch: Epoch, link: LinkId, now: Duration) -> bool {
        self.change(group, epoch, link, now, |host| LeaseState::Emptying(host, link))
    }

    /// Takes the group from whoever has it.
    pub fn vacate(&mut self, group: &GroupName, now: Duration) {
        if let Some(lease) = self.by_group.get_mut(group) {
            lease.epoch = Epoch(lease.epoch.0.saturating_add(1));
            lease.become_at(LeaseState::Vacant, now);
        }
    }

    /// A host is back with a lease of a former life of the coordinator, or of a connection that broke.
    pub fn resume(&mut self, group: &GroupName, epoch: Epoch, host: &HostId, link: LinkId, now: Duration) -> bool {
        let Some(lease) = self.by_group.get_mut(group) else { return false };
        let its_own = match &lease.state {
            LeaseState::Awaited(owner) | LeaseState::Live(owner, _) => owner == host,
            LeaseState::Vacant | LeaseState::Starting(..) | LeaseState::Emptying(..) => false,
        };
        if its_own && lease.epoch == epoch {
            lease.become_at(LeaseState::Live(host.clone(), link), now);
        }
        its_own && lease.epoch == epoch
    }

    /// Whether state under this epoch from this connection counts.
    #[must_use]
    pub fn admits(&self, group: &GroupName, epoch: Epoch, link: LinkId) -> bool {
        self.by_group
            .get(group)
            .is_some_and(|lease| lease.epoch == epoch && lease.state.holder().is_some_and(|(_, holder)| holder == link))
    }

    /// The groups a connection holds, with their epochs.
    #[must_use]
    pub fn held_by(&self, link: LinkId) -> Vec<(GroupName, Epoch)> {
        let holds = |lease: &&Lease| lease.state.holder().is_some_and(|(_, holder)| holder == link);
        let held = self.by_group.iter().filter(|(_, lease)| holds(lease));
        held.map(|(group, lease)| (group.clone(), lease.epoch)).collect()
    }

    fn change(
        &mut self,
        group: &GroupName,
        epoch: Epoch,
        link: LinkId,
        now: Duration,
        to: impl FnOnce(HostId) -> LeaseState,
    ) -> bool {
        if !self.admits(group, epoch, link) {
            return false;
        }
        let Some(lease) = self.by_group.get_mut(group) else { return false };
        let Some(host) = lease.state.holder().map(|(host, _)| host.clone()) else { return false };
        lease.become_at(to(host), now);
        true
    }
}

impl Lease {
    fn become_at(&mut self, state: LeaseState, now: Duration) {
        self.state = state;
        self.since = now;
    }
}

/// How far an epoch jumps when a host that was awaited does not come back.
const RESTART_GAP: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn group() -> GroupName {
        GroupName("fields".into())
    }

    fn host(name: &str) -> HostId {
        HostId(name.into())
    }

    #[test]
    fn an_old_epoch_and_an_old_connection_change_nothing() {
        let mut leases = Leases::restore([group()].into_iter(), &[]);
        let first = leases.grant(&group(), host("a"), LinkId(1), String::new(), NOW).expect("known group");
        assert!(leases.ready(&group(), first, LinkId(1), NOW));
        let second = leases.grant(&group(), host("b"), LinkId(2), String::new(), NOW).expect("known group");
        assert!(second > first);
        assert!(!leases.admits(&group(), first, LinkId(1)));
        assert!(!leases.admits(&group(), second, LinkId(1)), "a replayed epoch from another connection");
        assert!(!leases.ready(&group(), first, LinkId(2), NOW));
        assert!(leases.admits(&group(), second, LinkId(2)));
    }

    #[test]
    fn after_a_restart_only_the_awaited_host_resumes() {
        let stored = [(group(), Some(host("a")), Epoch(7))];
        let mut leases = Leases::restore([group()].into_iter(), &stored);
        assert!(!leases.resume(&group(), Epoch(7), &host("b"), LinkId(1), NOW));
        assert!(!leases.resume(&group(), Epoch(6), &host("a"), LinkId(1), NOW));
        assert!(leases.resume(&group(), Epoch(7), &host("a"), LinkId(1), NOW));
        assert!(leases.admits(&group(), Epoch(7), LinkId(1)));
    }

    #[test]
    fn a_grant_after_a_restart_passes_every_epoch_that_may_have_been_handed_out() {
        let mut leases = Leases::restore([group()].into_iter(), &[(group(), Some(host("a")), Epoch(7))]);
        let epoch = leases.grant(&group(), host("b"), LinkId(1), String::new(), NOW).expect("known group");
        assert!(epoch.0 > 7 + 1_000);
    }
}
