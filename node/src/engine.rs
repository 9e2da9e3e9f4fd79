//! Map-servers that this node runs, one a leased map group, and standbys beside them: [`embedded`] ones, which are written
//! here, and [`rathena`], which are stock map-servers in processes of their own.

mod directory;
pub(crate) mod embedded;
pub(crate) mod rathena;

use std::collections::{BTreeMap, HashMap, VecDeque};

use bifrost_protocol::control::Assign;
use bifrost_protocol::ids::{Epoch, GroupName};
use bifrost_world::World;
use quinn::Connection;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::agent::Identity;
use crate::config::EngineConfig;
use crate::tunnel::sync::SyncStream;

pub(crate) use directory::{Directory, Serving};
pub(crate) use embedded::ToEngine;
use embedded::{Runner, RunnerConfig, build};
pub(crate) use rathena::{Assigned, Sources, Taken};
use rathena::{StockEngines, StockEvent};

/// One lease: a group under an epoch.
pub(crate) type Lease = (GroupName, Epoch);

/// Something an engine's task came to.
#[derive(Debug)]
pub(crate) enum EngineEvent {
    /// The maps are read. The engine can be launched, or the reason why not is known.
    Built(Lease, Result<Box<World>, String>),
    /// The engine has ended: it was stopped, or it broke.
    Ended(Lease),
    /// A stock map-server takes players.
    Ready(Assigned),
    /// A stock map-server cannot be run, or broke. [`Ended`](Self::Ended) follows.
    Broke(Assigned, String),
}

/// The engines of this node.
#[derive(Debug)]
pub(crate) struct Engines {
    identity: Identity,
    directory: Directory,
    links: watch::Sender<Option<Connection>>,
    hold: watch::Sender<bool>,
    running: BTreeMap<Lease, CancellationToken>,
    tasks: JoinSet<EngineEvent>,
    leases: HashMap<Id, Lease>,
    stock: StockEngines,
    /// What has happened and was not told yet.
    events: VecDeque<EngineEvent>,
}

impl Engines {
    /// No engines yet.
    pub(crate) fn new(identity: Identity, directory: Directory, config: &EngineConfig, sources: Sources) -> Self {
        let hold = watch::Sender::new(false);
        let stock = StockEngines::new(config, sources, identity.clone(), directory.clone(), hold.subscribe());
        Self {
            identity,
            directory,
            links: watch::Sender::new(None),
            hold,
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            leases: HashMap::new(),
            stock,
            events: VecDeque::new(),
        }
    }

    /// The engines this node can run, as Hello names them.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let stock = self.stock.available().then_some(rathena::NAME);
        let own = self.stock.needs_no_bundle().then_some(rathena::OWN_FOLDER);
        [embedded::NAME].into_iter().chain(stock).chain(own).map(str::to_owned).collect()
    }

    /// The connection on which engines send their state from now on.
    pub(crate) fn set_link(&mut self, link: Option<Connection>) {
        self.stock.set_link(link.as_ref());
        self.links.send_replace(link);
    }

    /// Gives an assignment to a stock map-server: one that stands by, or one that is started. [`EngineEvent::Ready`] or
    /// [`EngineEvent::Broke`] follows unless it is ready.
    pub(crate) fn assign_stock(&mut self, assign: &Assign) -> Taken {
        self.stock.assign(assign)
    }

    /// Reads the maps of an assignment, off the async threads. [`EngineEvent::Built`] follows.
    pub(crate) fn build(&mut self, assign: Assign) {
        let lease = (GroupName(assign.group.clone()), Epoch(assign.epoch));
        let of = lease.clone();
        let task = self.tasks.spawn(async move {
            let built = tokio::task::spawn_blocking(move || build(assign)).await;
            EngineEvent::Built(of, built.unwrap_or_else(|_| Err("the maps could not be read".into())))
        });
        self.leases.insert(task.id(), lease);
    }

    /// Starts an engine. [`EngineEvent::Ended`] follows, sooner or later.
    pub(crate) fn launch(&mut self, lease: Lease, world: World) {
        let stop = CancellationToken::new();
        let about = RunnerConfig {
            host: self.identity.held().map(|held| held.credentials.host_id.clone()).unwrap_or_default(),
            lease: lease.clone(),
            gauges: self.directory.gauges(),
            hold: self.hold.subscribe(),
            stop: stop.clone(),
        };
        let (runner, inbox) = Runner::new(world, about);
        let (group, epoch) = lease.clone();
        let sync = SyncStream {
            identity: self.identity.clone(),
            group: group.clone(),
            epoch,
            engine: inbox.clone(),
            links: self.links.subscribe(),
        };
        self.directory.insert(group, epoch, Serving::Embedded(inbox));
        self.running.insert(lease.clone(), stop);
        let of = lease.clone();
        let task = self.tasks.spawn(
            async move {
                tokio::join!(runner.run(), sync.run());
                EngineEvent::Ended(of)
            }
            .in_current_span(),
        );
        self.leases.insert(task.id(), lease);
    }

    /// Takes an engine off the directory and tells it to end. `false` when there is none; else [`EngineEvent::Ended`] follows.
    pub(crate) fn stop(&mut self, lease: &Lease) -> bool {
        self.directory.remove(&lease.0, lease.1);
        self.running.get(lease).inspect(|stop| stop.cancel()).is_some() || self.stock.stop(lease)
    }

    /// Holds the players of every engine, of those launched later too, or lets them go on.
    pub(crate) fn hold(&self, hold: bool) {
        self.hold.send_replace(hold);
    }

    /// The next thing an engine came to; never when there is none. Cancel safe.
    pub(crate) async fn next(&mut self) -> EngineEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next_with_id() => self.joined(ended),
                event = self.stock.next() => match event {
                    StockEvent::Ready(assigned) => self.events.push_back(EngineEvent::Ready(assigned)),
                    StockEvent::Ended(assigned, problem) => {
                        let lease = assigned.lease.clone();
                        self.events.extend(problem.map(|problem| EngineEvent::Broke(assigned, problem)));
                        self.events.push_back(EngineEvent::Ended(lease));
                    }
                },
            }
        }
    }

    /// A task of an embedded engine has ended.
    fn joined(&mut self, ended: Result<(Id, EngineEvent), JoinError>) {
        let (id, event) = match ended {
            Ok((id, event)) => (id, Some(event)),
            Err(error) => (error.id(), None),
        };
        let lease = self.leases.remove(&id);
        // A task that panicked has said nothing; its lease ends like any other.
        let Some(event) = event.or_else(|| lease.map(EngineEvent::Ended)) else { return };
        if let EngineEvent::Ended(lease) = &event {
            self.directory.remove(&lease.0, lease.1);
            self.running.remove(lease);
        }
        self.events.push_back(event);
    }

    /// Whether there is an engine for this lease that takes players.
    pub(crate) fn serves(&self, lease: &Lease) -> bool {
        self.running.contains_key(lease) || self.stock.ready(lease)
    }

    /// How many engines run or are being stopped.
    pub(crate) fn count(&self) -> usize {
        self.running.len() + self.stock.count()
    }
}
