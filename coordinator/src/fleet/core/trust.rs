//! What hosts may give their players and how they behaved: [`bounds`](crate::bounds) and standing, for all hosts and groups.

mod audits;
mod judge;

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::control::{CoordinatorSays, Notice};
use bifrost_protocol::ids::{GroupName, HostId};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::Fleet;
use crate::bounds::facts::Economy;
use crate::bounds::standing::{HostStanding, Policy, Standing};
use crate::bounds::{Bounds, Rules};
use crate::failover::Cause;
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::session::Session;
use crate::fleet::{HostKind, LinkId};
use crate::guard::Guard;
use audits::Period;

/// What hosts are held to, and what is remembered of them.
#[derive(Debug)]
pub struct TrustParts {
    /// What the realm's maps give; none: nothing is judged.
    pub economy: Option<Economy>,
    /// How it is judged.
    pub rules: Rules,
    /// How standing is earned and lost.
    pub policy: Policy,
    /// What a former life remembered.
    pub standings: Vec<HostStanding>,
    /// Decides which periods of trusted hosts are audited.
    pub seed: u64,
    /// Seconds since the Unix epoch when the coordinator's time began.
    pub began: u64,
}

/// The fleet's part of it.
#[derive(Debug)]
pub(super) struct Trust {
    bounds: Option<Bounds>,
    enforce: bool,
    policy: Policy,
    standings: BTreeMap<HostId, Standing>,
    periods: BTreeMap<GroupName, Period>,
    rng: StdRng,
    began: u64,
    looked: Duration,
}

/// Between looks at what is owed and at periods.
const LOOK: Duration = Duration::from_secs(1);
/// What a node reads of its quarantine.
const QUARANTINED: &str =
    "this host carries no map for a while: what it gave its players cannot have come from its maps";

impl Default for Trust {
    fn default() -> Self {
        Self::new(TrustParts {
            economy: None,
            rules: Rules { slack: 1.0, experience: 1.0, items: 1.0, enforce: false },
            policy: Policy::default(),
            standings: Vec::new(),
            seed: 0,
            began: 0,
        })
    }
}

impl Trust {
    fn new(parts: TrustParts) -> Self {
        Self {
            bounds: parts.economy.map(|economy| Bounds::new(economy, parts.rules)),
            enforce: parts.rules.enforce,
            policy: parts.policy,
            standings: parts.standings.into_iter().map(|row| (row.host, row.standing)).collect(),
            periods: BTreeMap::new(),
            rng: StdRng::seed_from_u64(parts.seed),
            began: parts.began,
            looked: Duration::ZERO,
        }
    }

    fn unix(&self, now: Duration) -> u64 {
        self.began.saturating_add(now.as_secs())
    }

    /// A character is in session now.
    pub(super) fn begins(&mut self, session: &Session, restored: bool) {
        let Some(bounds) = &mut self.bounds else { return };
        bounds.arrives(&session.image, session.group_id, restored);
        for storage in session.saves.storages().filter(|_| restored) {
            bounds.loaded(session.account, storage.kind, &storage.image);
        }
    }

    /// A character is on its way to its group's engine.
    pub(super) fn enters(&mut self, session: &Session, now: Duration) {
        if let Some(bounds) = &mut self.bounds {
            bounds.enters(session.character, &session.group, now);
        }
    }

    /// A character is off its engine.
    pub(super) fn leaves(&mut self, session: &Session) {
        if let Some(bounds) = &mut self.bounds {
            bounds.leaves(session.character);
        }
    }

    /// A session is over.
    pub(super) fn ends(&mut self, session: &Session) {
        if let Some(bounds) = &mut self.bounds {
            bounds.forget(session.character);
        }
    }

    /// A group's maps are loaded anew.
    pub(super) fn opened(&mut self, group: &GroupName, now: Duration) {
        if let Some(bounds) = &mut self.bounds {
            bounds.opened(group, now);
        }
    }

    /// An engine is over; nobody may hold a guild's storage any more.
    pub(super) fn engine_gone(&mut self, guard: &Guard) {
        if let Some(bounds) = &mut self.bounds {
            bounds.guild_closed(|guild| guard.holds_storage(guild));
        }
    }

    /// The clean audits, violations and quarantine of a host.
    pub(super) fn standing(&self, host: &HostId) -> Standing {
        self.standings.get(host).cloned().unwrap_or_default()
    }

    /// Whether a host has earned trust.
    pub(super) fn trusts(&self, host: &HostId) -> bool {
        self.standings.get(host).is_some_and(|standing| standing.is_trusted(&self.policy))
    }

    /// How long a host still carries nothing, in seconds.
    pub(super) fn quarantine_left(&self, host: &HostId, now: Duration) -> u64 {
        let until = self.standings.get(host).map_or(0, |standing| standing.quarantined_until);
        until.saturating_sub(self.unix(now))
    }
}

impl Fleet {
    /// Holds hosts to this.
    #[must_use]
    pub fn with_trust(mut self, parts: TrustParts) -> Self {
        self.trust = Trust::new(parts);
        // What was saved before the restart is where counting goes on.
        self.sessions.values().for_each(|session| self.trust.begins(session, true));
        self
    }

    /// A host broke a rule of any layer: it has to earn trust anew, and with enforcement it carries nothing for a while.
    pub(super) fn violated(&mut self, host: &HostId, rule: &str) {
        let player = self.hosts.values().any(|known| known.host == *host && known.kind == HostKind::Player);
        if !player && !self.trust.standings.contains_key(host) {
            return;
        }
        let (now, trust) = (self.trust.unix(self.now), &mut self.trust);
        let standing = trust.standings.entry(host.clone()).or_default();
        standing.violated(rule, trust.enforce, &trust.policy, now);
        let until = standing.quarantined_until.saturating_sub(now);
        tracing::warn!(%host, rule, quarantined_seconds = until, "host's standing is lost");
        self.remember(host);
    }

    fn remember(&mut self, host: &HostId) {
        let standing = self.trust.standing(host);
        self.command(Command::Store(StoreWrite::Standing(HostStanding { host: host.clone(), standing })));
    }

    /// A rule that counts for a host's standing was broken on another stream.
    pub(super) fn violated_elsewhere(&mut self, link: LinkId, rule: &'static str) {
        self.violation(link, rule);
        if rule == POLICY_BROKEN
            && let Some(host) = self.hosts.get(&link).map(|host| host.host.clone())
        {
            self.violated(&host, rule);
            self.leave_if_quarantined(&host);
        }
    }

    /// The operator takes a host back.
    pub(super) fn pardon(&mut self, host: &HostId) {
        if let Some(standing) = self.trust.standings.get_mut(host) {
            standing.pardon();
            self.remember(host);
            self.place_vacant();
        }
    }

    /// Takes everything from a host whose word counts no more: its players go on elsewhere with their last good state.
    fn evict(&mut self, host: &HostId, problem: &str) {
        let Some(link) = self.link_of(host) else { return };
        for (group, epoch) in self.leases.held_by(link) {
            self.command(Command::CloseInter(link, group.clone()));
            self.engine_gone(link, &group);
            self.engine_failed(link, &group, epoch, problem);
        }
        self.send_standbys_home(link);
        self.say_quarantined(link);
    }

    /// Moves groups off a host that is in quarantine: each player is saved once more, and judged.
    pub(super) fn leave_if_quarantined(&mut self, host: &HostId) {
        if self.trust.quarantine_left(host, self.now) == 0 {
            return;
        }
        let Some(link) = self.link_of(host) else { return };
        let held: Vec<_> = self.leases.held_by(link).into_iter().map(|(group, _)| group).collect();
        if !held.is_empty() {
            self.move_groups(link, held, Cause::Quarantined);
        }
        self.send_standbys_home(link);
        self.say_quarantined(link);
    }

    fn send_standbys_home(&mut self, link: LinkId) {
        let groups: Vec<_> = self.groups.keys().cloned().collect();
        for group in groups {
            if let Some(standby) = self.take_standby(&group, link) {
                self.tell_revoked(link, &group, standby.ticket, QUARANTINED);
                self.engine_gone(link, &group);
            }
        }
    }

    fn say_quarantined(&mut self, link: LinkId) {
        let notice = Notice { group: String::new(), text: QUARANTINED.to_owned() };
        self.command(Command::Tell(link, CoordinatorSays::Notice(notice)));
    }
}

/// What the database counts against a host when it breaks the policy of its SQL.
const POLICY_BROKEN: &str = "sql_attack";
