//! Stock map-servers: a process each, whose every connection ends in this node.
//!
//! ```text
//! game stream  --+                    +-- map port   (127.77.x.y)
//! inter stream --+-- node -- loopback-+-- char-server (the node listens)
//!                                     +-- database    (an endpoint of the node)
//! ```

mod conf;
mod door;
mod folder;
mod game;
mod limits;
mod link;
mod log;
mod npc;
mod port;
mod process;
mod pulse;
mod run;
mod saves;
pub(crate) mod sources;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bifrost_protocol::PACKETVER;
use bifrost_protocol::control::{Assign, EngineBuild};
use bifrost_protocol::ids::{Epoch, GroupName};
use bifrost_protocol::layout::Abi;
use quinn::Connection;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span};

use super::directory::Serving;
use super::{Directory, Lease};
use crate::agent::Identity;
use crate::config::EngineConfig;
use limits::Limits;
use run::{Ready, Run, Spec};

pub(crate) use door::Door;
pub(crate) use game::{ENGINE_PATIENCE, PlayError, play};
pub(crate) use run::Assigned;
pub(crate) use sources::Sources;

/// The name by which assignments and Hello speak of it.
pub(crate) const NAME: &str = "rathena";
/// What Hello says beside it when the node has a folder of its own and needs no bundle.
pub(crate) const OWN_FOLDER: &str = "rathena-folder";
/// Below the state folder: a folder for each run.
const HOME: &str = "engines";

/// What the engines have come to.
#[derive(Debug)]
pub(crate) enum StockEvent {
    /// It takes players.
    Ready(Assigned),
    /// It has ended: it was stopped, or it broke, for this reason.
    Ended(Assigned, Option<String>),
}

/// What became of an assignment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    /// An engine is being started; [`StockEvent::Ready`] follows.
    Starting,
    /// An engine that was there takes it over, and is ready.
    Ready,
}

/// The stock map-servers of this node.
#[derive(Debug)]
pub(crate) struct StockEngines {
    home: PathBuf,
    limits: Limits,
    sources: Sources,
    identity: Identity,
    directory: Directory,
    hold: watch::Receiver<bool>,
    link: Option<Connection>,
    running: BTreeMap<u64, Entry>,
    tasks: JoinSet<(u64, Option<String>)>,
    changed: Arc<Notify>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    spec: Spec,
    assigned: watch::Sender<Assigned>,
    links: watch::Sender<Option<Connection>>,
    ready: Ready,
    /// Whether [`StockEvent::Ready`] was said since it became ready.
    said: bool,
    stop: CancellationToken,
    door: Door,
    task: AbortHandle,
}

impl StockEngines {
    /// None yet. What a killed node has left is removed.
    pub(crate) fn new(
        config: &EngineConfig,
        sources: Sources,
        identity: Identity,
        directory: Directory,
        hold: watch::Receiver<bool>,
    ) -> Self {
        let home = identity.state().folder().join(HOME);
        folder::sweep(&home);
        Self {
            home,
            limits: config.into(),
            sources,
            identity,
            directory,
            hold,
            link: None,
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            changed: Arc::default(),
            next: 0,
        }
    }

    /// Whether this machine can run one.
    pub(crate) fn available(&self) -> bool {
        Abi::here().is_some() && self.sources.available()
    }

    /// Whether it can without a bundle of the coordinator's.
    pub(crate) fn needs_no_bundle(&self) -> bool {
        self.available() && self.sources.bundles.needs_no_bundle()
    }

    /// The connection that engines use from now on. A new coordinator learns of standbys only when it assigns them again.
    pub(crate) fn set_link(&mut self, link: Option<&Connection>) {
        self.link = link.cloned();
        for entry in self.running.values() {
            let knows = !entry.assigned.borrow().standby;
            entry.links.send_replace(link.filter(|_| knows).cloned());
        }
    }

    /// Takes an assignment: an engine that has been started for the group goes on with it if it is the same engine, else
    /// one is started.
    pub(crate) fn assign(&mut self, assign: &Assign) -> Taken {
        let lease = (GroupName(assign.group.clone()), Epoch(assign.epoch));
        let (spec, assigned) = (spec(assign), Assigned { lease, standby: assign.standby });
        let same = |entry: &&mut Entry| {
            entry.assigned.borrow().lease.0 == assigned.lease.0 && entry.spec == spec && !entry.stop.is_cancelled()
        };
        let Some(entry) = self.running.values_mut().find(same) else {
            self.start(assigned, spec);
            return Taken::Starting;
        };
        let before = entry.assigned.send_replace(assigned.clone());
        entry.links.send_if_modified(|link| {
            let (had, has) = (link.as_ref().map(Connection::stable_id), self.link.as_ref().map(Connection::stable_id));
            link.clone_from(&self.link);
            had != has
        });
        entry.said = entry.ready.get();
        let (ready, door) = (entry.said, entry.door.clone());
        self.directory.remove(&before.lease.0, before.lease.1);
        self.open(&assigned, door);
        if ready { Taken::Ready } else { Taken::Starting }
    }

    /// Tells an engine to end. `false` when there is none; else [`StockEvent::Ended`] follows.
    pub(crate) fn stop(&mut self, lease: &Lease) -> bool {
        self.directory.remove(&lease.0, lease.1);
        let of_lease = self.running.values().find(|entry| entry.assigned.borrow().lease == *lease);
        of_lease.inspect(|entry| entry.stop.cancel()).is_some()
    }

    /// Whether the engine of this lease takes players.
    pub(crate) fn ready(&self, lease: &Lease) -> bool {
        self.running.values().any(|entry| entry.assigned.borrow().lease == *lease && entry.ready.get())
    }

    /// How many run or are being stopped.
    pub(crate) fn count(&self) -> usize {
        self.running.len()
    }

    /// What happens next; never when there is none. Cancel safe.
    pub(crate) async fn next(&mut self) -> StockEvent {
        loop {
            if let Some(event) = self.news() {
                return event;
            }
            tokio::select! {
                biased;
                Some(ended) = self.tasks.join_next() => match ended {
                    Ok((number, problem)) => {
                        if let Some(event) = self.ended(number, problem) {
                            return event;
                        }
                    }
                    Err(error) => {
                        error!(%error, "an engine's task failed");
                        let of = self.running.iter().find(|(_, entry)| entry.task.is_finished()).map(|(number, _)| *number);
                        let problem = Some("a fault of the node".to_owned());
                        if let Some(event) = of.and_then(|number| self.ended(number, problem)) {
                            return event;
                        }
                    }
                },
                () = self.changed.notified() => {}
            }
        }
    }

    /// An engine that has become ready and was not told of, or whose task is gone without a word.
    fn news(&mut self) -> Option<StockEvent> {
        for entry in self.running.values_mut() {
            let ready = entry.ready.get();
            if ready && !entry.said {
                entry.said = true;
                return Some(StockEvent::Ready(entry.assigned.borrow().clone()));
            }
            entry.said = ready;
        }
        None
    }

    fn ended(&mut self, number: u64, problem: Option<String>) -> Option<StockEvent> {
        let entry = self.running.remove(&number)?;
        let assigned = entry.assigned.borrow().clone();
        self.directory.remove(&assigned.lease.0, assigned.lease.1);
        Some(StockEvent::Ended(assigned, problem))
    }

    fn start(&mut self, assigned: Assigned, spec: Spec) {
        let (door, hinge) = door::door(self.hold.clone(), self.directory.gauges());
        let ready = Ready::new(Arc::clone(&self.changed));
        let (assigned_now, assignment) = watch::channel(assigned.clone());
        let (links, link) = watch::channel(self.link.clone());
        let stop = CancellationToken::new();
        let run = Run {
            spec: spec.clone(),
            home: self.home.clone(),
            limits: self.limits,
            sources: self.sources.clone(),
            identity: self.identity.clone(),
            assigned: assignment,
            links: link,
            gauges: self.directory.gauges(),
            ready: ready.clone(),
            stop: stop.clone(),
        };
        self.open(&assigned, door.clone());
        self.next += 1;
        let number = self.next;
        let span = info_span!("engine", group = %assigned.lease.0);
        let task = self.tasks.spawn(async move { (number, run.run(hinge).await) }.instrument(span));
        let entry = Entry { spec, assigned: assigned_now, links, ready, said: false, stop, door, task };
        self.running.insert(number, entry);
    }

    /// Lets game streams of a lease find the engine.
    fn open(&self, assigned: &Assigned, door: Door) {
        if !assigned.standby {
            let (group, epoch) = assigned.lease.clone();
            self.directory.insert(group, epoch, Serving::Stock(door));
        }
    }
}

/// What an assignment wants to run. A folder of the machine's owner says nothing of its build: then it is the one that
/// everything else here is made for.
fn spec(assign: &Assign) -> Spec {
    let abi = Abi::here().map(Abi::name).unwrap_or_default();
    let usual = EngineBuild { abi: abi.to_owned(), packetver: PACKETVER, renewal: false };
    let bundle = assign.bundle.clone();
    Spec {
        maps: assign.maps.iter().map(|map| map.name.clone()).collect(),
        build: bundle.as_ref().and_then(|bundle| bundle.build.clone()).unwrap_or(usual),
        bundle,
        database: assign.database,
    }
}
