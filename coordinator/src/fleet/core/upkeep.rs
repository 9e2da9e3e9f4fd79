//! What time does: suspicion, deadlines, saves, rebalancing.

use std::time::Duration;

use bifrost_protocol::client::CloseReason;
use bifrost_protocol::ids::{AccountId, GroupName};
use bifrost_protocol::inter::UserCount;

use super::Fleet;
use crate::config::EngineKind;
use crate::failover::{Cause, LeaseState};
use crate::fleet::command::Command;
use crate::fleet::session::{Leave, Phase, Session};
use crate::placement::{Move, Settled, next_move};

/// When what is due next.
#[derive(Debug, Default)]
pub(super) struct Due {
    last_tick: Duration,
    slow: Duration,
    users: Duration,
    balance: Duration,
    /// The move that rebalancing is carrying out.
    pub(super) plan: Option<Move>,
}

impl Fleet {
    /// To be called every [`TICK`].
    pub(super) fn tick(&mut self) {
        let now = self.now;
        let absence = now.saturating_sub(std::mem::replace(&mut self.upkeep.last_tick, now));
        if absence > STALL {
            // This process did not run: beats that came meanwhile are still in the queue.
            tracing::warn!(?absence, "the coordinator was not running for a while");
            self.hosts.values_mut().for_each(|host| host.detector.forgive(absence, now));
        }
        let silent = self.hosts.iter().filter(|(_, host)| host.detector.suspects(now));
        for link in silent.map(|(link, _)| *link).collect::<Vec<_>>() {
            self.host_lost(link, Cause::HostLost);
        }
        if now >= self.upkeep.slow {
            self.upkeep.slow = now + SLOW;
            self.check_sessions();
            self.check_leases();
            self.audit();
            self.arrivals_expire();
            self.repeat_final_saves();
            self.transfers.iter_mut().filter(|transfer| now > transfer.detected + TRANSFER_LIMIT).for_each(
                |transfer| {
                    transfer.expire(now);
                },
            );
            self.settle_transfers();
        }
        if now >= self.upkeep.users {
            self.upkeep.users = now + USER_COUNT_EVERY;
            let users = u16::try_from(self.sessions.len()).unwrap_or(u16::MAX);
            self.tell_char(UserCount { users });
        }
        if now >= self.upkeep.balance && !self.shutting_down {
            self.upkeep.balance = now + BALANCE_EVERY;
            self.place_vacant();
            self.tend_standbys();
            self.go_on_draining();
            self.balance();
        }
    }

    fn check_sessions(&mut self) {
        let now = self.now;
        let waited = |session: &Session| now.saturating_sub(session.since);
        let all: Vec<_> =
            self.sessions.values().map(|session| (session.account, session.phase.clone(), waited(session))).collect();
        for (account, phase, waited) in all {
            match phase {
                Phase::Releasing(_, leave) if waited > RELEASE_LIMIT => self.not_released(account, leave),
                Phase::Away if waited > AWAY_LIMIT && !self.is_arriving(account) => self.finish(account),
                Phase::Redirecting(_) if waited > AWAY_LIMIT => {
                    self.released(account, Leave::Kick(CloseReason::SERVER_CLOSED));
                }
                Phase::Selecting | Phase::Selected if waited > AWAY_LIMIT => {
                    self.released(account, Leave::Kick(CloseReason::SERVER_CLOSED));
                }
                Phase::Entering(_) if waited > ENTER_LIMIT => {
                    self.release(account, Leave::Kick(CloseReason::SERVER_CLOSED));
                }
                Phase::Orphaned if waited > ORPHAN_LIMIT => self.settle_orphan(account),
                Phase::Limbo { .. } if waited <= self.config.limbo => self.place(account),
                Phase::Limbo { fresh } if waited > self.config.limbo => self.out_of_limbo(account, fresh),
                Phase::Orphaned
                | Phase::Limbo { .. }
                | Phase::Entering(_)
                | Phase::Playing(_)
                | Phase::Releasing(..)
                | Phase::Redirecting(_)
                | Phase::Away
                | Phase::Selecting
                | Phase::Selected => self.save_if_due(account),
            }
        }
    }

    /// The engine does not answer: the session goes on with the last state it sent.
    fn not_released(&mut self, account: AccountId, leave: Leave) {
        let Some(session) = self.sessions.get(&account) else { return };
        let (group, id, link) = (session.group.clone(), session.id, session.link());
        match link {
            Some(link) if self.engine_of(&group) == EngineKind::Embedded => {
                self.violation(link, "release_ignored");
                self.order_release(link, &group, id.0);
            }
            // It may not have had the player yet, or be gone itself: its host says so soon.
            Some(link) => {
                self.note_left(link, account);
                self.command(Command::Count("release_unanswered"));
            }
            None => {}
        }
        self.released(account, leave);
        self.emptied(&group);
    }

    /// Told why not: a client on a map goes to character select, one that was not let in yet is closed with a reason.
    fn out_of_limbo(&mut self, account: AccountId, fresh: bool) {
        let leave = if fresh { Leave::Kick(CloseReason::SERVER_CLOSED) } else { Leave::Select };
        self.released(account, leave);
    }

    fn save_if_due(&mut self, account: AccountId) {
        let due = self.sessions.get(&account).is_some_and(|session| self.now > session.saved + SAVE_EVERY);
        if due {
            self.save(account);
        }
    }

    fn check_leases(&mut self) {
        let now = self.now;
        self.unfit.retain(|_, until| *until > now);
        self.parting.retain(|_, (_, until)| *until > now);
        let age = |since: Duration| now.saturating_sub(since);
        let late: Vec<_> = self.leases.iter().map(|(group, lease)| (group.clone(), lease.clone())).collect();
        for (group, lease) in late {
            match lease.state {
                LeaseState::Awaited(_) if age(lease.since) > RESUME_LIMIT => {
                    self.place_awaited(&group);
                }
                LeaseState::Starting(_, link) if age(lease.since) > self.start_limit(&group) => {
                    self.engine_failed(link, &group, lease.epoch, "did not start in time");
                }
                LeaseState::Emptying(..) => self.emptied(&group),
                LeaseState::Awaited(_) | LeaseState::Starting(..) | LeaseState::Vacant | LeaseState::Live(..) => {}
            }
        }
    }

    fn start_limit(&self, group: &GroupName) -> Duration {
        match self.engine_of(group) {
            EngineKind::Embedded => START_LIMIT,
            EngineKind::Rathena => STOCK_START_LIMIT,
        }
    }

    /// The host of a former life did not come back: somebody else gets the group; `grant` jumps past its epochs.
    fn place_awaited(&mut self, group: &GroupName) {
        if self.place_group(group, None) {
            let orphaned = |session: &&Session| session.group == *group && session.phase == Phase::Orphaned;
            let orphans: Vec<_> = self.sessions.values().filter(orphaned).map(|session| session.account).collect();
            orphans.into_iter().for_each(|account| self.settle_orphan(account));
        }
    }

    fn arrivals_expire(&mut self) {
        let now = self.now;
        let late = self.arrivals.iter().filter(|(_, arrival)| now > arrival.since + ARRIVAL_LIMIT);
        let late = late.filter(|(key, _)| !self.waits_for_its_engine(**key));
        for account in late.map(|(account, _)| *account).collect::<Vec<_>>() {
            if let Some(arrival) = self.arrivals.remove(&account) {
                self.refuse(arrival.connection, CloseReason::SERVER_CLOSED, "char_server_silent");
            }
        }
    }

    fn repeat_final_saves(&mut self) {
        let now = self.now;
        let late = self.leaving.iter().filter(|(_, leaving)| now > leaving.since + CONFIRM_LIMIT);
        late.map(|(character, _)| *character)
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|id| self.save_finally_again(id));
    }

    /// One planned move at a time, and only of groups that have settled.
    fn balance(&mut self) {
        if !self.transfers.is_empty() {
            return;
        }
        let settled = |group: &GroupName, since: Duration| {
            // An engine of it has just failed: the next move would lead to the same host.
            if self.unfit.keys().any(|(unfit, _)| unfit == group) {
                return false;
            }
            let players = self.sessions.values().any(|session| session.group == *group);
            self.now > since + if players { SETTLE_WITH_PLAYERS } else { SETTLE_EMPTY }
        };
        let live: Vec<_> = self
            .leases
            .iter()
            .filter(|(group, lease)| settled(group, lease.since))
            .filter_map(|(group, lease)| {
                let LeaseState::Live(host, _) = &lease.state else { return None };
                let class = self.groups.get(group)?.class;
                let standby = self.standbys_of(group).next().map(|standby| standby.host.clone());
                let players = self.players_on(group);
                Some(Settled { group: group.clone(), class, on: host.clone(), players, standby })
            })
            .collect();
        let Some(plan) = next_move(&live, &self.views()) else { return };
        if self.prepared(&plan.group, &plan.to) {
            self.upkeep.plan = Some(plan.clone());
            let from = self.leases.get(&plan.group).and_then(|lease| lease.state.holder().map(|(_, link)| link));
            if let Some(link) = from {
                tracing::info!(group = %plan.group, to = %plan.to, why = plan.why, "moving a group");
                self.move_groups(link, vec![plan.group], Cause::Rebalance);
            }
        }
    }

    /// Saves everybody and lets them go; leases stay in the store, so that nodes resume their groups.
    pub(super) fn shut_down(&mut self) {
        self.shutting_down = true;
        for account in self.arrivals.keys().copied().collect::<Vec<_>>() {
            if let Some(arrival) = self.arrivals.remove(&account) {
                self.refuse(arrival.connection, CloseReason::SERVER_CLOSED, "shutting_down");
            }
        }
        for account in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.release(account, Leave::Kick(CloseReason::SERVER_CLOSED));
        }
    }
}

/// How often [`Input::Tick`](crate::fleet::command::Input::Tick) has to come: it bounds how late suspicion is noticed.
pub(in crate::fleet) const TICK: Duration = Duration::from_millis(20);
/// A tick that late means that this process was stopped or starved.
const STALL: Duration = Duration::from_millis(150);
/// How long an engine that failed is not asked for the same group.
pub(super) const UNFIT_FOR: Duration = Duration::from_secs(30);
/// Between checks of deadlines.
const SLOW: Duration = Duration::from_millis(250);
/// `UPDATE_INTERVAL` (chrif.cpp). It also keeps the char-server from closing a silent link.
const USER_COUNT_EVERY: Duration = Duration::from_secs(10);
/// Between looks for a better placement.
const BALANCE_EVERY: Duration = Duration::from_millis(500);
/// How long an engine may take to let a session go.
const RELEASE_LIMIT: Duration = Duration::from_secs(2);
/// How long a redirected client may take to come back: a slow disk loading a map, twice.
const AWAY_LIMIT: Duration = Duration::from_secs(60);
/// How long a client may take to load a map.
const ENTER_LIMIT: Duration = Duration::from_secs(120);
/// How long after a restart the hosts of restored sessions may take to report.
const ORPHAN_LIMIT: Duration = Duration::from_secs(20);
/// How long after a restart the former host of a group is waited for.
const RESUME_LIMIT: Duration = Duration::from_secs(10);
/// How long an engine may take to start.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long a stock map-server may take to start; its bundle may have to be fetched first.
const STOCK_START_LIMIT: Duration = Duration::from_secs(120);
/// How long the char-server may take to answer 0x2b26, or be away while a client waits.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(15);
/// How long the char-server may take to confirm a final save before it is sent again.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// How often the char-server gets a changed character while it stays: in between, the journal has it.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// How long a transfer is waited for before its report closes.
const TRANSFER_LIMIT: Duration = Duration::from_secs(30);
/// How long a group stays with its host at least, empty or with players.
const SETTLE_EMPTY: Duration = Duration::from_secs(1);
const SETTLE_WITH_PLAYERS: Duration = Duration::from_secs(120);
