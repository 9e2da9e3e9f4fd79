//! Stock map-servers that stand by: started on another host, so that a group whose host is lost goes on at once.

use std::time::Duration;

use bifrost_protocol::ids::{Epoch, GroupName, HostId};

use super::Fleet;
use crate::config::EngineKind;
use crate::failover::LeaseState;
use crate::fleet::LinkId;
use crate::fleet::command::{Command, Duty};
use crate::placement::select;

/// An engine that holds no lease.
#[derive(Clone, Debug)]
pub(in crate::fleet) struct Standby {
    pub(in crate::fleet) host: HostId,
    pub(in crate::fleet) link: LinkId,
    /// What its assignment is called; larger than any epoch.
    pub(super) ticket: Epoch,
    pub(in crate::fleet) ready: bool,
    since: Duration,
}

impl Fleet {
    /// Starts what is missing and stops what nobody needs: a group that has players gets as many as the operator wants.
    pub(super) fn tend_standbys(&mut self) {
        let now = self.now;
        let late = |standby: &Standby| !standby.ready && now > standby.since + START_LIMIT;
        let dead: Vec<_> = self
            .standbys
            .iter()
            .flat_map(|(group, all)| all.iter().filter(|one| late(one)).map(|one| (group.clone(), one.link)))
            .collect();
        for (group, link) in dead {
            self.standby_failed(link, &group, "did not start in time");
        }
        let wanting = self.leases.iter().filter(|(group, lease)| self.wants_standby(group, &lease.state));
        let wanting: Vec<_> = wanting.map(|(group, _)| group.clone()).collect();
        wanting.iter().for_each(|group| self.start_standby(group));
        self.stop_surplus();
    }

    /// Once a move is over, or was given up, its target is one too many.
    fn stop_surplus(&mut self) {
        let (most, now) = (self.config.standbys, self.now);
        let surplus: Vec<_> = self
            .standbys
            .iter()
            .filter(|(_, all)| all.len() > most)
            .filter_map(|(group, all)| {
                all.iter().find(|one| now > one.since + SURPLUS_FOR).map(|one| (group, one.link))
            })
            .map(|(group, link)| (group.clone(), link))
            .collect();
        for (group, link) in surplus {
            if let Some(standby) = self.take_standby(&group, link) {
                self.tell_revoked(link, &group, standby.ticket, "no longer needed");
                self.engine_gone(link, &group);
            }
        }
    }

    /// Whether a stock group could go on at a host at once. If not, an engine is started there, and the answer changes.
    pub(super) fn prepared(&mut self, group: &GroupName, host: &HostId) -> bool {
        if self.engine_of(group) == EngineKind::Embedded {
            return true;
        }
        let known = self.standbys.get(group).into_iter().flatten().find(|one| one.host == *host);
        if let Some(standby) = known {
            return standby.ready;
        }
        if let Some(link) = self.link_of(host) {
            self.stand_by(group, host.clone(), link);
        }
        false
    }

    fn wants_standby(&self, group: &GroupName, state: &LeaseState) -> bool {
        let stock = self.engine_of(group) == EngineKind::Rathena;
        let here = self.standbys.get(group).map_or(0, Vec::len);
        stock && matches!(state, LeaseState::Live(..)) && here < self.config.standbys
    }

    fn start_standby(&mut self, group: &GroupName) {
        let Some(facts) = self.groups.get(group) else { return };
        let Some(lease) = self.leases.get(group) else { return };
        let Some((holder, _)) = lease.state.holder().map(|(host, link)| (host.clone(), link)) else { return };
        let taken: Vec<_> = self.standbys.get(group).into_iter().flatten().map(|one| one.host.clone()).collect();
        let mut views = self.views_for(group);
        // A host may have as many engines stand by as it may carry groups: most of them never get one.
        let has_room = |host: &HostId| {
            let standing = self.link_of(host).map_or(0, |link| self.standbys_on(link));
            views.iter().any(|view| view.host == *host && standing < view.room)
        };
        let full: Vec<_> = views.iter().filter(|view| !has_room(&view.host)).map(|view| view.host.clone()).collect();
        views.retain(|view| !taken.contains(&view.host) && !full.contains(&view.host));
        // Those that carry much already stand by for less.
        views.iter_mut().for_each(|view| {
            let standing = self.link_of(&view.host).map_or(0, |link| self.standbys_on(link));
            (view.groups, view.room) = (view.groups + standing, 2 * view.room);
        });
        let Some(choice) = select(facts.class, self.players_on(group), &views, Some(&holder)) else { return };
        let Some(link) = self.link_of(&choice.host) else { return };
        self.stand_by(group, choice.host, link);
    }

    /// Has an engine started for a group that has none standing by.
    pub(super) fn want_standby(&mut self, group: &GroupName) {
        if self.standbys_of(group).next().is_none() {
            self.start_standby(group);
        }
    }

    fn stand_by(&mut self, group: &GroupName, host: HostId, link: LinkId) {
        self.tickets += 1;
        let ticket = Epoch(FIRST_TICKET | self.tickets);
        let standby = Standby { host, link, ticket, ready: false, since: self.now };
        tracing::info!(%group, host = %standby.host, "engine is to stand by");
        self.standbys.entry(group.clone()).or_default().push(standby);
        self.command(Command::Assign(link, group.clone(), ticket, Duty::StandBy));
    }

    /// A standby's engine is connected and takes players as soon as it gets the lease.
    pub(super) fn standby_ready(&mut self, link: LinkId, group: &GroupName, ticket: Epoch) {
        let mut all = self.standbys.get_mut(group).into_iter().flatten();
        if let Some(one) = all.find(|one| one.link == link && one.ticket == ticket && !one.ready) {
            one.ready = true;
            let took = self.now.saturating_sub(one.since);
            self.command(Command::EngineStarted(took));
        }
    }

    /// It cannot start, or has died.
    pub(super) fn standby_failed(&mut self, link: LinkId, group: &GroupName, problem: &str) {
        let Some(standby) = self.take_standby(group, link) else { return };
        tracing::warn!(%group, host = %standby.host, problem, "standby failed");
        self.command(Command::Count("standby_failed"));
        self.note_problem(group, &standby.host, problem);
        self.unfit.insert((group.clone(), standby.host), self.now + super::upkeep::UNFIT_FOR);
        self.tell_revoked(link, group, standby.ticket, problem);
        self.engine_gone(link, group);
    }

    /// The host whose standby can take the group at once.
    pub(super) fn ready_standby(&self, group: &GroupName, except: Option<&HostId>) -> Option<HostId> {
        let views = self.views();
        let usable = |one: &&Standby| {
            let there = views.iter().any(|view| view.host == one.host && view.available);
            one.ready && there && except != Some(&one.host)
        };
        self.standbys.get(group)?.iter().find(usable).map(|one| one.host.clone())
    }

    /// Takes a standby off the list: it is promoted, or over.
    pub(super) fn take_standby(&mut self, group: &GroupName, link: LinkId) -> Option<Standby> {
        let all = self.standbys.get_mut(group)?;
        let index = all.iter().position(|one| one.link == link)?;
        Some(all.swap_remove(index))
    }

    /// A host is gone, and so are its standbys.
    pub(super) fn forget_standbys(&mut self, link: LinkId) {
        self.standbys.values_mut().for_each(|all| all.retain(|one| one.link != link));
    }

    /// How many standbys a host runs.
    pub(super) fn standbys_on(&self, link: LinkId) -> usize {
        self.standbys.values().flatten().filter(|one| one.link == link).count()
    }

    /// Whether an assignment under this ticket is a living standby of this connection.
    pub(super) fn is_standby(&self, link: LinkId, group: &GroupName, ticket: Epoch) -> bool {
        self.standbys.get(group).into_iter().flatten().any(|one| one.link == link && one.ticket == ticket)
    }

    pub(in crate::fleet) fn standbys_of(&self, group: &GroupName) -> impl Iterator<Item = &Standby> {
        self.standbys.get(group).into_iter().flatten()
    }
}

/// Tickets are told from epochs by this bit.
const FIRST_TICKET: u64 = 1 << 63;
/// How long a standby that is one too many is kept: a planned move waits for it.
const SURPLUS_FOR: Duration = Duration::from_secs(60);
/// How long a standby may take to start; its bundle may have to be fetched first.
const START_LIMIT: Duration = Duration::from_secs(300);
