//! Map-servers that this node runs, one a leased map group. Today all are [`embedded`].

mod directory;
pub(crate) mod embedded;
pub(crate) mod rathena;

use std::collections::{BTreeMap, HashMap};

use bifrost_protocol::control::Assign;
use bifrost_protocol::ids::{Epoch, GroupName};
use bifrost_world::World;
use quinn::Connection;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::agent::Identity;
use crate::tunnel::sync::SyncStream;

pub(crate) use directory::Directory;
pub(crate) use embedded::ToEngine;
use embedded::{Runner, RunnerConfig, build};

/// One lease: a group under an epoch.
pub(crate) type Lease = (GroupName, Epoch);

/// Something an engine's task came to.
#[derive(Debug)]
pub(crate) enum EngineEvent {
    /// The maps are read. The engine can be launched, or the reason why not is known.
    Built(Lease, Result<Box<World>, String>),
    /// The engine has ended: it was stopped, or it broke.
    Ended(Lease),
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
}

impl Engines {
    /// No engines yet.
    pub(crate) fn new(identity: Identity, directory: Directory) -> Self {
        Self {
            identity,
            directory,
            links: watch::Sender::new(None),
            hold: watch::Sender::new(false),
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            leases: HashMap::new(),
        }
    }

    /// The connection on which engines send their state from now on.
    pub(crate) fn set_link(&self, link: Option<Connection>) {
        self.links.send_replace(link);
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
        self.directory.insert(group, epoch, inbox);
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
        self.running.get(lease).inspect(|stop| stop.cancel()).is_some()
    }

    /// Holds the players of every engine, of those launched later too, or lets them go on.
    pub(crate) fn hold(&self, hold: bool) {
        self.hold.send_replace(hold);
    }

    /// The next thing a task came to; never when there is none. Cancel safe.
    pub(crate) async fn next(&mut self) -> EngineEvent {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let (id, event) = match ended {
                Ok((id, event)) => (id, Some(event)),
                Err(error) => (error.id(), None),
            };
            let lease = self.leases.remove(&id);
            // A task that panicked has said nothing; its lease ends like any other.
            let Some(event) = event.or_else(|| lease.map(EngineEvent::Ended)) else { continue };
            if let EngineEvent::Ended(lease) = &event {
                self.directory.remove(&lease.0, lease.1);
                self.running.remove(lease);
            }
            return event;
        }
    }

    /// Whether there is an engine for this lease.
    pub(crate) fn runs(&self, lease: &Lease) -> bool {
        self.running.contains_key(lease)
    }

    /// How many engines run or are being stopped.
    pub(crate) fn count(&self) -> usize {
        self.running.len()
    }
}
