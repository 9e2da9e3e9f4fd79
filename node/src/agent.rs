//! The part of a node that speaks with the coordinator: one actor that owns leases, engines and the link.
//!
//! It waits for whatever happens next ([`Wake`]) and acts on it, without ever waiting for a peer in between: beats must
//! not be late. What takes time (connecting, reading maps, measuring, stopping engines) happens in tasks that report back.

mod api;
mod attempt;
mod control;
mod health;
pub(crate) mod identity;
mod leases;
pub(crate) mod link;
mod parting;
mod standbys;
pub(crate) mod state;
pub(crate) mod tls;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::control::{Beat, Benchmark, HeldLease, Hello, NodeSays, Renewed};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, warn};

use crate::backoff::Backoff;
use crate::bench;
use crate::config::NodeConfig;
use crate::engine::{Directory, EngineEvent, Engines, Lease, Sources};
use crate::node::{NodeState, StopCode};
use crate::within::Way;
use attempt::{Attempt, AttemptError, Connected};
use health::Health;
pub(crate) use identity::Identity;
use identity::IdentityError;
use leases::{LeaseCommand, LeaseEvent, Leases};
use link::{Link, LinkError, LinkEvent};
use standbys::Standbys;
use state::Held;

/// Waits between attempts to connect. Every second without a link is one in which a coordinator that came back cannot
/// resume this node's groups.
const CONNECT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// Beats before the coordinator has said how many it wants.
const FIRST_BEAT_INTERVAL: Duration = Duration::from_millis(250);
/// Game streams beyond the limit of players, so that those refused hear of it.
const SPARE_STREAMS: u32 = 64;

/// What the owner of a node asks of it.
#[derive(Debug)]
pub(crate) enum Order {
    /// Give everything away, then stop.
    Drain {
        /// Why, for people.
        reason: String,
    },
}

/// Why a node has stopped.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) code: StopCode,
    pub(crate) why: String,
}

/// The actor.
#[derive(Debug)]
pub(crate) struct Agent {
    config: NodeConfig,
    identity: Identity,
    credentials: watch::Receiver<Option<Arc<Held>>>,
    state: watch::Sender<NodeState>,
    /// How the coordinator was reached last.
    way: watch::Sender<Way>,
    orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
    started: Instant,
    health: Arc<Health>,
    leases: Leases,
    standbys: Standbys,
    engines: Engines,
    directory: Directory,
    /// Leases whose end has to be reported when their engines have ended.
    revoking: BTreeSet<Lease>,
    link: Option<Link>,
    not_eligible: Vec<String>,
    attempt: JoinSet<Result<Box<Connected>, AttemptError>>,
    backoff: Backoff,
    retry_at: Instant,
    /// Whether the credentials at hand were refused.
    replace: bool,
    beats: Interval,
    beat: u64,
    machine: Option<Benchmark>,
    benchmark: Option<Benchmark>,
    measuring: JoinSet<Option<Benchmark>>,
    drain: Option<Instant>,
}

/// What happens next.
enum Wake {
    Stop,
    Order(Option<Order>),
    DrainTimeout,
    LeaseDeadline,
    StandbyDeadline,
    Link(LinkEvent),
    Beat,
    Engine(EngineEvent),
    Attempt(Result<Box<Connected>, AttemptError>),
    Retry,
    Measured(Option<Benchmark>),
    NewCredentials,
}

impl Agent {
    /// An agent that has not done anything yet.
    pub(crate) fn new(
        config: NodeConfig,
        sources: Option<Sources>,
        (state, way): (watch::Sender<NodeState>, watch::Sender<Way>),
        orders: mpsc::Receiver<Order>,
        stop: CancellationToken,
    ) -> Result<Self, IdentityError> {
        let identity = Identity::open(&config)?;
        let directory = Directory::new(config.limits.players);
        let sources = sources.unwrap_or_else(|| Sources::of(&config, &identity));
        let now = Instant::now();
        Ok(Self {
            credentials: identity.watch(),
            benchmark: bench::kept(identity.state(), &config.coordinator),
            engines: Engines::new(identity.clone(), directory.clone(), &config.engine, sources),
            config,
            identity,
            state,
            way,
            orders,
            stop,
            started: now,
            health: Arc::default(),
            leases: Leases::new(now),
            standbys: Standbys::default(),
            directory,
            revoking: BTreeSet::new(),
            link: None,
            not_eligible: Vec::new(),
            attempt: JoinSet::new(),
            backoff: CONNECT_BACKOFF,
            retry_at: now,
            replace: false,
            beats: beats(FIRST_BEAT_INTERVAL),
            beat: 0,
            machine: None,
            measuring: JoinSet::new(),
            drain: None,
        })
    }

    /// Runs until stopped, drained, or told by the coordinator to leave for good.
    pub(crate) async fn run(mut self) -> Stop {
        let mut helpers = JoinSet::new();
        let token = self.stop.child_token();
        helpers.spawn(Arc::clone(&self.health).sample(token.clone()));
        let identity = self.identity.clone();
        helpers.spawn(async move { identity.keep_fresh(token).await }.in_current_span());
        let stop = loop {
            let wake = self.next_wake().await;
            if let Some(stop) = self.act(wake) {
                break stop;
            }
            if let Some(stop) = self.drained() {
                break stop;
            }
            self.publish();
        };
        self.leave(&stop).await;
        helpers.shutdown().await;
        stop
    }

    async fn next_wake(&mut self) -> Wake {
        let idle = self.link.is_none() && self.attempt.is_empty();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Wake::Stop,
            order = self.orders.recv(), if self.drain.is_none() => Wake::Order(order),
            () = at(self.drain) => Wake::DrainTimeout,
            () = at(self.leases.deadline()) => Wake::LeaseDeadline,
            () = at(self.standbys.deadline()) => Wake::StandbyDeadline,
            _ = self.beats.tick(), if self.link.is_some() => Wake::Beat,
            event = next_event(self.link.as_mut()) => Wake::Link(event),
            event = self.engines.next() => Wake::Engine(event),
            Some(result) = self.attempt.join_next() => Wake::Attempt(result.unwrap_or_else(|error| {
                Err(LinkError::Lost(error.to_string()).into())
            })),
            Some(measured) = self.measuring.join_next() => Wake::Measured(measured.unwrap_or_default()),
            Ok(()) = self.credentials.changed() => Wake::NewCredentials,
            () = at(Some(self.retry_at)), if idle => Wake::Retry,
        }
    }

    fn act(&mut self, wake: Wake) -> Option<Stop> {
        match wake {
            Wake::Stop | Wake::Order(None) => {
                return Some(Stop { code: StopCode::Asked, why: "was asked to stop".into() });
            }
            Wake::Order(Some(Order::Drain { reason })) => self.start_drain(reason),
            Wake::DrainTimeout => {
                warn!(groups = self.leases.count(), "drain took too long");
                return Some(Stop {
                    code: StopCode::DrainTimeout,
                    why: "groups were left when the drain timed out".into(),
                });
            }
            Wake::LeaseDeadline => self.on_lease(LeaseEvent::Tick),
            Wake::StandbyDeadline => self.end_standbys(),
            Wake::Beat => self.send_beat(),
            Wake::Link(LinkEvent::Answered(ack)) => {
                // Only now it is sure that the link works.
                self.backoff.reset();
                self.on_lease(LeaseEvent::BeatAnswered(ack.sequence));
            }
            Wake::Link(LinkEvent::Says(says)) => return self.hear(says),
            Wake::Link(LinkEvent::Lost(error)) => return self.lost(error),
            Wake::Engine(event) => self.on_engine(event),
            Wake::Attempt(Ok(connected)) => self.connected(*connected),
            Wake::Attempt(Err(error)) => return self.failed(error),
            Wake::Retry => self.start_attempt(),
            Wake::Measured(measured) => self.measured(measured),
            Wake::NewCredentials => self.renewed(),
        }
        None
    }

    fn start_attempt(&mut self) {
        let leases = self.leases.held().map(|(group, epoch)| HeldLease { group: group.0.clone(), epoch: epoch.0 });
        let limits = self.config.limits;
        let hello = Hello {
            leases: leases.collect(),
            uptime_seconds: self.started.elapsed().as_secs(),
            max_players: limits.players,
            max_groups: u32::try_from(limits.groups).unwrap_or(u32::MAX),
            engines: self.engines.kinds(),
            ..Hello::default()
        };
        let attempt = Attempt {
            identity: self.identity.clone(),
            directory: self.directory.clone(),
            state: self.state.clone(),
            hello,
            machine: self.machine,
            kept: self.benchmark,
            max_streams: self.config.limits.players.saturating_add(SPARE_STREAMS),
            replace: self.replace,
        };
        self.attempt.spawn(attempt.run().in_current_span());
    }

    fn on_lease(&mut self, event: LeaseEvent) {
        for command in self.leases.handle(event, Instant::now()) {
            match command {
                LeaseCommand::Hold => {
                    warn!("leases have lapsed, players are held");
                    self.engines.hold(true);
                }
                LeaseCommand::Resume => {
                    info!("leases are good again, players go on");
                    self.engines.hold(false);
                }
                LeaseCommand::Stop { group, epoch, why } => {
                    warn!(%group, epoch = epoch.0, why, "lease ended");
                    self.engines.stop(&(group, epoch));
                }
            }
        }
    }

    fn send_beat(&mut self) {
        let Some(link) = &self.link else { return };
        let gauges = self.directory.gauges();
        self.beat += 1;
        link.beat(Beat {
            sequence: self.beat,
            cpu_permille: self.health.cpu_permille(),
            memory_free_mib: self.health.memory_free_mib(),
            players: gauges.players(),
            turn_us: gauges.take_turn_us(),
            errors: gauges.errors(),
            round_trip_us: 0,
        });
        self.on_lease(LeaseEvent::BeatSent(self.beat));
    }

    /// The way to the coordinator is measured on the first connection, and reported on it.
    fn measure(&mut self) {
        let (Some(link), Some(machine), None) = (&self.link, self.machine, self.benchmark) else { return };
        let connection = link.connection().clone();
        let measure = async move {
            match bench::network(machine, &connection).await {
                Ok(benchmark) => Some(benchmark),
                Err(error) => {
                    warn!(%error, "the way to the coordinator could not be measured");
                    None
                }
            }
        };
        self.measuring.spawn(measure.in_current_span());
    }

    fn measured(&mut self, measured: Option<Benchmark>) {
        let Some(benchmark) = measured else { return };
        bench::keep(self.identity.state(), &self.config.coordinator, &benchmark);
        self.benchmark = Some(benchmark);
        self.tell(NodeSays::Benchmark(benchmark));
    }

    /// The link goes on under the new token; its certificate counts from the next connection on.
    fn renewed(&mut self) {
        let Some(held) = self.credentials.borrow_and_update().clone() else { return };
        self.tell(NodeSays::Renewed(Renewed { token: held.credentials.token.clone() }));
    }

    fn tell(&self, says: NodeSays) {
        match &self.link {
            Some(link) => link.tell(says),
            None => debug!("not said: there is no link"),
        }
    }

    fn publish(&self) {
        let (groups, players) = (self.leases.count(), self.directory.gauges().players());
        let state = match (&self.link, self.drain) {
            (_, Some(_)) => NodeState::Draining,
            (None, None) => return,
            (Some(_), None) if groups > 0 => NodeState::Hosting { groups, players },
            (Some(_), None) => NodeState::Connected { not_eligible: self.not_eligible.clone() },
        };
        self.state.send_if_modified(|current| {
            let changed = *current != state;
            *current = state;
            changed
        });
    }
}

fn beats(every: Duration) -> Interval {
    let mut beats = tokio::time::interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}

async fn next_event(link: Option<&mut Link>) -> LinkEvent {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

/// Until that time; for ever when there is none.
pub(crate) async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
