//! Nodes come, beat, ask to be emptied, and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bifrost_protocol::control::{Beat, Benchmark, CoordinatorSays, HeldLease, Hello, NodeSays, Revoke, Welcome};
use bifrost_protocol::ids::{Epoch, GroupName, HostId};

use super::Fleet;
use crate::config::{EngineKind, GroupClass};
use crate::failover::{Cause, Detector, LeaseState};
use crate::fleet::command::Command;
use crate::fleet::session::{Leave, Phase};
use crate::fleet::{HostKind, LinkId};
use crate::placement::{Criterion, HostView, judge};

/// A connected node.
#[derive(Debug)]
pub(in crate::fleet) struct Host {
    pub(in crate::fleet) host: HostId,
    pub(in crate::fleet) kind: HostKind,
    pub(in crate::fleet) detector: Detector,
    pub(in crate::fleet) benchmark: Option<Benchmark>,
    /// What the coordinator measured, in kbit/s.
    upload: Option<u64>,
    pub(in crate::fleet) beat: Beat,
    pub(in crate::fleet) round_trip: Duration,
    pub(in crate::fleet) version: String,
    pub(in crate::fleet) violations: u64,
    pub(in crate::fleet) draining: bool,
    drains_since: Duration,
    /// Whether it runs stock map-servers, and of which build; `own`: from a folder of its own.
    stock: Option<Stock>,
    /// Most players and groups it says it carries.
    max_players: usize,
    max_groups: usize,
    /// The last sync sequence of each group it serves.
    pub(super) sequences: BTreeMap<GroupName, u64>,
    uptime_at_hello: u64,
    since: Duration,
}

/// How a host comes by its stock map-servers.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Stock {
    /// From the operator's bundle for this machine.
    Bundle(String),
    /// From a folder of its own.
    Folder,
}

/// What a node says of itself about stock map-servers.
fn stock(hello: &Hello) -> Option<Stock> {
    let says = |engine: &str| hello.engines.iter().any(|known| known == engine);
    if says("rathena-folder") {
        return Some(Stock::Folder);
    }
    says("rathena").then(|| Stock::Bundle(hello.abi.chars().take(MAX_VERSION).collect()))
}

impl Host {
    pub(in crate::fleet) fn criteria(&self, needs: &crate::config::Eligibility, now: Duration) -> Vec<Criterion> {
        let uptime = self.uptime_at_hello.saturating_add(now.saturating_sub(self.since).as_secs());
        // The transport's own round trip is what players will feel; what the node claims only fills in before it is known.
        let benchmark = self.benchmark.map(|benchmark| {
            let measured = u32::try_from(self.round_trip.as_micros()).unwrap_or(u32::MAX);
            Benchmark {
                round_trip_us: if measured == 0 { benchmark.round_trip_us } else { measured },
                upload_kbps: self.upload.unwrap_or(benchmark.upload_kbps),
                ..benchmark
            }
        });
        judge(needs, benchmark.as_ref(), uptime)
    }
}

impl Fleet {
    pub(super) fn node_connected(&mut self, link: LinkId, host: HostId, kind: HostKind, hello: &Hello) {
        // A host has one connection: a new one means that the old one is dead, whether it knows or not.
        let old = self.hosts.iter().find(|(_, known)| known.host == host).map(|(link, _)| *link);
        let entry = Host {
            host: host.clone(),
            kind,
            detector: Detector::new(self.now, self.config.beat),
            benchmark: hello.benchmark,
            upload: None,
            beat: Beat::default(),
            round_trip: Duration::ZERO,
            version: hello.version.chars().take(MAX_VERSION).collect(),
            violations: 0,
            draining: false,
            drains_since: Duration::ZERO,
            stock: stock(hello),
            max_players: limit(hello.max_players),
            max_groups: limit(hello.max_groups),
            sequences: BTreeMap::new(),
            uptime_at_hello: hello.uptime_seconds,
            since: self.now,
        };
        let criteria = self.criteria_of(&entry);
        self.hosts.insert(link, entry);
        let resumed = self.resume(link, &host, kind, &hello.leases);
        let not_eligible = criteria.iter().filter(|_| kind == HostKind::Player).filter(|criterion| !criterion.met);
        let welcome = Welcome {
            host: host.0,
            beat_ms: millis(self.config.beat),
            lease_ms: millis(self.config.lease),
            resumed,
            reconnect_ms: millis(self.config.reconnect),
            not_eligible: not_eligible.map(Criterion::sentence).collect(),
        };
        self.command(Command::Tell(link, CoordinatorSays::Welcome(welcome)));
        if let Some(old) = old {
            self.command(Command::CloseNode(old, "replaced", "the host has connected again".into()));
            self.host_lost(old, Cause::HostLost);
        }
        self.place_vacant();
    }

    /// Leases that go on: the same host, the same epoch, and nobody else has been given the group meanwhile.
    fn resume(&mut self, link: LinkId, host: &HostId, kind: HostKind, held: &[HeldLease]) -> Vec<HeldLease> {
        let mut resumed = Vec::new();
        if kind == HostKind::Player && self.trust.quarantine_left(host, self.now) > 0 {
            return resumed;
        }
        for lease in held.iter().take(self.groups.len()) {
            let (group, epoch) = (GroupName(lease.group.clone()), Epoch(lease.epoch));
            // The operator may have made it critical since.
            let critical = self.groups.get(&group).is_none_or(|facts| facts.class == GroupClass::Critical);
            if critical && kind == HostKind::Player {
                continue;
            }
            if self.leases.resume(&group, epoch, host, link, self.now) {
                resumed.push(lease.clone());
                self.move_sessions(&group, link);
                self.place_waiting(&group);
            }
        }
        resumed
    }

    /// The host's players are on its new connection; their game streams died with the old one.
    fn move_sessions(&mut self, group: &GroupName, link: LinkId) {
        let here = self.sessions.values().filter(|session| session.group == *group && session.link().is_some());
        for account in here.map(|session| session.account).collect::<Vec<_>>() {
            let Some(session) = self.sessions.get(&account) else { continue };
            if session.link() != Some(link) {
                let asked = if let Phase::Releasing(_, leave) = &session.phase { Some(leave.clone()) } else { None };
                self.released(account, asked.unwrap_or(Leave::Move));
            }
        }
    }

    pub(super) fn beat(&mut self, link: LinkId, beat: Beat, round_trip: Duration) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(&link) else { return };
        if beat.sequence > host.beat.sequence || host.beat.sequence == 0 {
            host.detector.beat(now);
            (host.beat, host.round_trip) = (beat, round_trip);
        }
    }

    pub(super) fn upload_measured(&mut self, link: LinkId, kbps: u64) {
        if let Some(host) = self.hosts.get_mut(&link) {
            host.upload = Some(kbps);
        }
    }

    pub(super) fn node_says(&mut self, link: LinkId, says: NodeSays) {
        match says {
            NodeSays::Assigned(answer) => {
                let (group, epoch) = (GroupName(answer.group), Epoch(answer.epoch));
                if answer.standby {
                    match answer.problem.as_str() {
                        "" => self.standby_ready(link, &group, epoch),
                        problem => self.standby_failed(link, &group, problem),
                    }
                } else if answer.problem.is_empty() {
                    self.engine_ready(link, &group, epoch);
                } else {
                    self.engine_failed(link, &group, epoch, &answer.problem);
                }
            }
            // The link's own business.
            NodeSays::Revoked(_) | NodeSays::Hello(_) | NodeSays::Renewed(_) => {}
            NodeSays::Drain(drain) => self.drain(link, &drain.reason),
            NodeSays::Goodbye(goodbye) => {
                if let Some(host) = self.hosts.get(&link) {
                    tracing::info!(host = %host.host, reason = goodbye.reason, "host says goodbye");
                }
                self.host_lost(link, Cause::Drain);
            }
            NodeSays::Benchmark(benchmark) => {
                if let Some(host) = self.hosts.get_mut(&link) {
                    host.benchmark = Some(benchmark);
                }
                self.place_vacant();
            }
        }
    }

    fn drain(&mut self, link: LinkId, reason: &str) {
        let now = self.now;
        let Some(host) = self.hosts.get_mut(&link) else { return };
        if !host.draining {
            (host.draining, host.drains_since) = (true, now);
            tracing::info!(host = %host.host, reason, "host asks to be emptied");
        }
        self.go_on_draining();
    }

    /// Moves what can go on elsewhere at once off the hosts that ask to be emptied: a stock group waits for an engine that
    /// stands by for it, but not for ever.
    pub(super) fn go_on_draining(&mut self) {
        let draining = self.hosts.iter().filter(|(_, host)| host.draining);
        for (link, since, host) in
            draining.map(|(link, host)| (*link, host.drains_since, host.host.clone())).collect::<Vec<_>>()
        {
            let waited = self.now > since + DRAIN_PATIENCE;
            let held: Vec<_> = self.leases.held_by(link).into_iter().map(|(group, _)| group).collect();
            let ready = |group: &GroupName| {
                waited
                    || self.engine_of(group) == EngineKind::Embedded
                    || self.players_on(group) == 0
                    || self.ready_standby(group, Some(&host)).is_some()
            };
            let emptying = |group: &GroupName| {
                self.leases.get(group).is_some_and(|lease| matches!(lease.state, LeaseState::Emptying(..)))
            };
            let (going, waiting): (Vec<_>, Vec<_>) = held.into_iter().filter(|of| !emptying(of)).partition(ready);
            if !going.is_empty() {
                self.move_groups(link, going, Cause::Drain);
            }
            waiting.iter().for_each(|group| self.want_standby(group));
        }
    }

    pub(super) fn node_closed(&mut self, link: LinkId) {
        self.host_lost(link, Cause::HostLost);
    }

    pub(super) fn revoke(&mut self, host: &HostId) {
        let link = self.hosts.iter().find(|(_, known)| known.host == *host).map(|(link, _)| *link);
        if let Some(link) = link {
            self.command(Command::CloseNode(link, "revoked", "the operator has revoked this host".into()));
            self.host_lost(link, Cause::Revoked);
        }
    }

    /// Tells a node that a lease is over.
    pub(super) fn tell_revoked(&mut self, link: LinkId, group: &GroupName, epoch: Epoch, reason: &str) {
        if let Some(host) = self.hosts.get_mut(&link) {
            host.sequences.remove(group);
            let revoke = Revoke { group: group.0.clone(), epoch: epoch.0, reason: reason.into() };
            self.command(Command::Tell(link, CoordinatorSays::Revoke(revoke)));
        }
    }

    /// All hosts as placement sees them.
    pub(in crate::fleet) fn views(&self) -> Vec<HostView> {
        let view = |(link, host): (&LinkId, &Host)| {
            let benchmark = host.benchmark.unwrap_or_default();
            let players = self.sessions.values().filter(|session| session.link() == Some(*link)).count();
            let criteria = self.criteria_of(host);
            HostView {
                host: host.host.clone(),
                kind: host.kind,
                available: !host.draining && !host.detector.suspects(self.now),
                eligible: host.violations < MAX_VIOLATIONS && criteria.iter().all(|criterion| criterion.met),
                trusted: self.trust.trusts(&host.host),
                performance: benchmark.performance(),
                round_trip_us: u64::try_from(host.round_trip.as_micros()).unwrap_or(u64::MAX),
                groups: self.leases.held_by(*link).len(),
                room: usize::try_from(benchmark.cores)
                    .unwrap_or(usize::MAX)
                    .clamp(MIN_ROOM, MAX_ROOM)
                    .min(host.max_groups),
                players,
                seats: host.max_players.saturating_sub(players),
            }
        };
        self.hosts.iter().map(view).collect()
    }

    /// The hosts that can serve a group: for a stock map-server they need one.
    pub(super) fn views_for(&self, group: &GroupName) -> Vec<HostView> {
        let mut views = self.views();
        views.retain(|view| !self.unfit.contains_key(&(group.clone(), view.host.clone())));
        if self.engine_of(group) == EngineKind::Rathena {
            views.retain(|view| self.link_of(&view.host).is_some_and(|link| self.runs_stock(link)));
        }
        views
    }

    /// All that a host has to meet, its standing included.
    pub(in crate::fleet) fn criteria_of(&self, host: &Host) -> Vec<Criterion> {
        let mut criteria = host.criteria(&self.config.eligibility, self.now);
        let left = self.trust.quarantine_left(&host.host, self.now);
        criteria.extend((left > 0).then(|| Criterion::quarantine(left)));
        criteria
    }

    fn runs_stock(&self, link: LinkId) -> bool {
        match self.hosts.get(&link).and_then(|host| host.stock.as_ref()) {
            Some(Stock::Folder) => true,
            Some(Stock::Bundle(abi)) => self.bundles.contains(abi),
            None => false,
        }
    }

    /// Bundles were added or removed.
    pub(super) fn bundles_changed(&mut self, abis: BTreeSet<String>) {
        self.bundles = abis;
        self.place_vacant();
    }

    /// Whether a host takes one more player.
    pub(super) fn has_seat(&self, link: LinkId) -> bool {
        let here = self.sessions.values().filter(|session| session.link() == Some(link)).count();
        self.hosts.get(&link).is_some_and(|host| here < host.max_players)
    }

    /// The living connection of a host.
    pub(in crate::fleet) fn link_of(&self, host: &HostId) -> Option<LinkId> {
        self.hosts.iter().find(|(_, known)| known.host == *host).map(|(link, _)| *link)
    }
}

/// What 0 means in a limit of Hello.
fn limit(stated: u32) -> usize {
    if stated == 0 { usize::MAX } else { usize::try_from(stated).unwrap_or(usize::MAX) }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// How long a host that asks to be emptied waits for engines that stand by for its groups.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// What is kept of a node's version.
const MAX_VERSION: usize = 64;
/// A host that broke that many rules gets no more groups while it is connected.
const MAX_VIOLATIONS: u64 = 10;
/// Fewest and most groups a player host carries; between them, one a core.
const MIN_ROOM: usize = 2;
const MAX_ROOM: usize = 16;
