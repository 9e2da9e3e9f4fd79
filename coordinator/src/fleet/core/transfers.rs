//! Groups change hosts: placement, loss of a host, planned moves. The six steps of `failover::Transfer` happen here.

use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::OwnSays;
use bifrost_protocol::control::{CoordinatorSays, EngineOrder, Notice, SessionRef};
use bifrost_protocol::ids::{AccountId, Epoch, GroupName, HostId};

use super::Fleet;
use crate::failover::{Cause, LeaseState, Step, Transfer};
use crate::fleet::LinkId;
use crate::fleet::command::{Command, Duty};
use crate::fleet::session::{Leave, Phase};
use crate::placement::select;

/// What players read while no host has their map.
const IN_LIMBO: &[u8] = b"This map has lost its host. Please wait: you go on as soon as another one takes over.\0";

impl Fleet {
    /// Gives a group to the best host there is, except one. `false` when there is none.
    pub(super) fn place_group(&mut self, group: &GroupName, except: Option<&HostId>) -> bool {
        let Some(facts) = self.groups.get(group) else { return false };
        if let Some(host) = self.ready_standby(group, except) {
            return self.give(group, &host, "its engine stood by".into());
        }
        let views = self.views_for(group);
        let Some(choice) = select(facts.class, self.players_on(group), &views, except) else { return false };
        self.give(group, &choice.host, choice.why)
    }

    /// Players whose place the group is.
    pub(super) fn players_on(&self, group: &GroupName) -> usize {
        self.sessions.values().filter(|session| session.group == *group).count()
    }

    /// Gives a group to a host under a new epoch. From here on nobody else's word counts for it.
    fn give(&mut self, group: &GroupName, host: &HostId, why: String) -> bool {
        let Some(link) = self.link_of(host) else { return false };
        let Some(epoch) = self.leases.grant(group, host.clone(), link, why, self.now) else { return false };
        if let Some(host) = self.hosts.get_mut(&link) {
            host.sequences.remove(group);
        }
        tracing::info!(%group, %host, %epoch, "lease granted");
        if self.take_standby(group, link).is_some() {
            self.cold_starts.remove(group);
        } else {
            // A new engine: what an old one of this host may still say does not count.
            self.engine_gone(link, group);
            self.cold_starts.insert(group.clone(), self.now);
        }
        self.trust.opened(group, self.now);
        self.lease_changed(group);
        self.command(Command::Assign(link, group.clone(), epoch, Duty::Serve));
        true
    }

    /// Places every group that nobody serves.
    pub(super) fn place_vacant(&mut self) {
        if self.shutting_down {
            return;
        }
        let vacant = self.leases.iter().filter(|(_, lease)| lease.state == LeaseState::Vacant);
        for group in vacant.map(|(group, _)| group.clone()).collect::<Vec<_>>() {
            self.place_group(&group, None);
        }
    }

    /// The engine takes players now: those that wait go in.
    pub(super) fn engine_ready(&mut self, link: LinkId, group: &GroupName, epoch: Epoch) {
        if self.leases.ready(group, epoch, link, self.now) {
            if let Some(asked) = self.cold_starts.remove(group) {
                self.command(Command::EngineStarted(self.now.saturating_sub(asked)));
            }
            self.place_waiting(group);
        }
    }

    /// The engine cannot serve the group: somebody else has to, and this host is left alone for a while.
    pub(super) fn engine_failed(&mut self, link: LinkId, group: &GroupName, epoch: Epoch, problem: &str) {
        if !self.leases.admits(group, epoch, link) {
            return;
        }
        let Some(host) = self.hosts.get(&link).map(|host| host.host.clone()) else { return };
        tracing::warn!(%group, %host, problem, "engine cannot serve the group");
        self.command(Command::Count("engine_failed"));
        self.note_problem(group, &host, problem);
        self.unfit.insert((group.clone(), host.clone()), self.now + super::upkeep::UNFIT_FOR);
        let mut transfer = Transfer::new(Cause::EngineLost, host, vec![group.clone()], self.now, self.now);
        self.tell_revoked(link, group, epoch, problem);
        self.hand_over(&mut transfer, group, link);
        self.announce(transfer);
    }

    /// A host is gone, from one moment to the next. Everything it had goes on elsewhere from the last state it sent.
    pub(super) fn host_lost(&mut self, link: LinkId, cause: Cause) {
        let Some(host) = self.hosts.remove(&link) else { return };
        self.engines_gone(link);
        self.parting.retain(|(of, _), _| *of != link);
        self.forget_standbys(link);
        self.command(Command::CloseNode(link, "lost", "no sign of life".into()));
        let held = self.leases.held_by(link);
        // Planned moves of it that were under way end as this one.
        self.transfers.iter_mut().filter(|transfer| transfer.from == host.host).for_each(|transfer| {
            transfer.passed(Step::Transition, self.now);
            transfer.passed(Step::Notify, self.now);
        });
        if held.is_empty() {
            return;
        }
        let groups = held.iter().map(|(group, _)| group.clone()).collect();
        let mut transfer = Transfer::new(cause, host.host.clone(), groups, host.detector.last(), self.now);
        tracing::warn!(host = %host.host, ?cause, groups = held.len(), "host lost");
        for (group, _) in &held {
            self.hand_over(&mut transfer, group, link);
        }
        self.announce(transfer);
    }

    /// Takes a group from a connection that serves it no longer, gives it to another host, and sends its players after it.
    fn hand_over(&mut self, transfer: &mut Transfer, group: &GroupName, from: LinkId) {
        self.leases.vacate(group, self.now);
        let placed = !self.shutting_down && self.place_group(group, Some(&transfer.from.clone()));
        if !placed {
            self.lease_changed(group);
        }
        let here = self.sessions.values().filter(|session| session.group == *group && session.link() == Some(from));
        for account in here.map(|session| session.account).collect::<Vec<_>>() {
            self.carry_over(transfer, account, placed);
        }
    }

    fn carry_over(&mut self, transfer: &mut Transfer, account: AccountId, placed: bool) {
        let Some(session) = self.sessions.get(&account) else { return };
        let (connection, at) = (session.connection, session.at.clone());
        if let Phase::Releasing(_, leave) = &session.phase
            && *leave != Leave::Move
        {
            let leave = leave.clone();
            return self.released(account, leave);
        }
        transfer.carry(account);
        if placed {
            return self.depart(account, at);
        }
        self.hold_in_limbo(account);
        if let Some(connection) = connection {
            self.command(Command::Hold(connection));
        }
    }

    /// Tells nodes and lets the transfer run; its players' progress closes the remaining steps.
    fn announce(&mut self, mut transfer: Transfer) {
        transfer.passed(Step::Transition, self.now);
        let held = |group: &&GroupName| self.leases.get(group).is_some_and(|lease| lease.state.holder().is_some());
        let (on, waiting): (Vec<_>, Vec<_>) = transfer.groups.iter().partition(held);
        let text = format!("{} map groups go on at other hosts, {} wait for one", on.len(), waiting.len());
        let group = transfer.groups.first().map(|group| group.0.clone()).unwrap_or_default();
        let notice = CoordinatorSays::Notice(Notice { group, text });
        for link in self.hosts.keys().copied().collect::<Vec<_>>() {
            self.command(Command::Tell(link, notice.clone()));
        }
        transfer.passed(Step::Notify, self.now);
        self.transfers.push(transfer);
        self.settle_transfers();
    }

    /// Moves groups off a host that is alive: its engine sends the last state of every player first.
    pub(super) fn move_groups(&mut self, link: LinkId, groups: Vec<GroupName>, cause: Cause) {
        let Some(from) = self.hosts.get(&link).map(|host| host.host.clone()) else { return };
        let mut transfer = Transfer::new(cause, from, groups.clone(), self.now, self.now);
        for group in &groups {
            let Some(epoch) = self.leases.get(group).map(|lease| lease.epoch) else { continue };
            if !self.leases.empty(group, epoch, link, self.now) {
                continue;
            }
            let here = self.sessions.values().filter(|session| session.group == *group && session.link() == Some(link));
            for (account, phase) in here.map(|session| (session.account, session.phase.clone())).collect::<Vec<_>>() {
                if !matches!(phase, Phase::Releasing(..)) {
                    transfer.carry(account);
                    self.release(account, Leave::Move);
                }
            }
        }
        self.transfers.push(transfer);
        groups.iter().for_each(|group| self.emptied(group));
    }

    /// A group whose players are all off its old host goes to the new one.
    pub(super) fn emptied(&mut self, group: &GroupName) {
        let Some(lease) = self.leases.get(group) else { return };
        let LeaseState::Emptying(host, link) = lease.state.clone() else { return };
        let epoch = lease.epoch;
        if self.sessions.values().any(|session| session.group == *group && session.link() == Some(link)) {
            return;
        }
        self.tell_revoked(link, group, epoch, "the group goes on elsewhere");
        self.parting.insert((link, group.clone()), (epoch, self.now + PARTING));
        self.leases.vacate(group, self.now);
        let placed = match self.planned_target(group, &host) {
            Some((to, why)) => self.give(group, &to, why),
            None => self.place_group(group, Some(&host)),
        };
        if !placed {
            self.lease_changed(group);
        }
        self.finish_transition(group);
    }

    /// Where rebalancing wants a group to be, if that host can still take it.
    fn planned_target(&mut self, group: &GroupName, from: &HostId) -> Option<(HostId, String)> {
        let plan = self.upkeep.plan.take_if(|plan| plan.group == *group)?;
        let fit = !self.unfit.contains_key(&(group.clone(), plan.to.clone())) && plan.to != *from;
        let there = self.views().iter().any(|view| view.host == plan.to && view.available && view.eligible);
        (fit && there).then_some((plan.to, plan.why))
    }

    fn finish_transition(&mut self, group: &GroupName) {
        let now = self.now;
        let emptying = |group: &GroupName| {
            self.leases.get(group).is_some_and(|lease| matches!(lease.state, LeaseState::Emptying(..)))
        };
        let ready: Vec<_> = (0..self.transfers.len())
            .filter(|index| {
                let transfer = &self.transfers[*index];
                transfer.groups.contains(group) && !transfer.groups.iter().any(emptying)
            })
            .collect();
        for index in ready {
            self.transfers[index].passed(Step::Transition, now);
            self.transfers[index].passed(Step::Notify, now);
        }
        self.settle_transfers();
    }

    /// A session without engine, whose client stands on a map.
    pub(super) fn hold_in_limbo(&mut self, account: AccountId) {
        self.set_phase(account, Phase::Limbo { fresh: false });
        if let Some(connection) = self.sessions.get(&account).and_then(|session| session.connection) {
            self.command(Command::Send(connection, OwnSays { text: IN_LIMBO.to_vec() }.encode()));
        }
    }

    /// Moves what is over to the history, and says how it went.
    pub(super) fn settle_transfers(&mut self) {
        let now = self.now;
        self.transfers.iter_mut().for_each(|transfer| {
            if transfer.steps().take(3).all(|(_, at)| at.is_some()) {
                transfer.settle(now);
            }
        });
        let (over, open) = std::mem::take(&mut self.transfers).into_iter().partition(Transfer::is_over);
        self.transfers = open;
        for transfer in over {
            let steps: Vec<_> =
                transfer.steps().map(|(name, at)| format!("{name} {:.1?}", at.unwrap_or_default())).collect();
            tracing::info!(
                host = %transfer.from, cause = ?transfer.cause, players = transfer.players,
                missing = transfer.missing.len(), steps = steps.join(", "), "transfer done"
            );
            if self.history.len() == MAX_HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(transfer);
        }
    }

    /// Tells an engine to let a session go that it should not have.
    pub(super) fn order_release(&mut self, link: LinkId, group: &GroupName, session: u64) {
        self.command(Command::Order(link, group.clone(), EngineOrder::Release(SessionRef { session })));
    }
}

/// How long the engine of a planned move may still write rows: a node gives it five seconds to stop.
const PARTING: Duration = Duration::from_secs(6);
/// Transfers kept for the status page.
const MAX_HISTORY: usize = 64;
