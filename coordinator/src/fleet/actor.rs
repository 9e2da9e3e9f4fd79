//! The one owner of the fleet's core: feeds it events and the clock, carries out its commands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::control::{Assign, BundleRef, CoordinatorSays, EngineOrder, InterOrder, MapData};
use bifrost_protocol::ids::{Epoch, GroupName, HostId, MapName};
use bifrost_protocol::layout::Abi;
use bytes::Bytes;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::command::{Command, Duty, Input};
use super::core::{Fleet, TICK};
use super::journal::{Durable, Journal};
use super::link::CharEvent;
use super::status::FleetStatus;
use super::{ClientEvent, ConnectionId, FleetEvent, LinkId, NodeEvent};
use crate::bounds::Finding;
use crate::bundles::Index;
use crate::config::{Build, EngineKind};
use crate::maps::Catalog;
use crate::nodes::NodeHandle;
use crate::relay::{ClientHandle, ToClient};

/// A question or order from the API.
#[derive(Debug)]
pub(super) enum Request {
    Status(oneshot::Sender<FleetStatus>),
    Revoke(HostId, oneshot::Sender<()>),
    Pardon(HostId, oneshot::Sender<()>),
    /// Whether rows of a group's engine are taken from a connection.
    MayWrite(LinkId, GroupName, Epoch, oneshot::Sender<bool>),
}

/// Where events come from.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) events: mpsc::Receiver<FleetEvent>,
    pub(super) char_events: mpsc::Receiver<CharEvent>,
    pub(super) durable: mpsc::Receiver<Durable>,
    pub(super) requests: mpsc::Receiver<Request>,
}

/// The shell around the core.
#[derive(Debug)]
pub(super) struct Actor {
    pub(super) fleet: Fleet,
    pub(super) catalog: Arc<Catalog>,
    pub(super) char_packets: mpsc::Sender<Bytes>,
    /// Breaks the connection to the char-server.
    pub(super) char_overrun: Arc<Notify>,
    pub(super) journal: Journal,
    pub(super) started: Instant,
    pub(super) clients: HashMap<ConnectionId, ClientHandle>,
    pub(super) nodes: HashMap<LinkId, NodeHandle>,
    pub(super) syncs: BTreeMap<(LinkId, GroupName), mpsc::Sender<EngineOrder>>,
    /// The inter streams of stock map-servers.
    pub(super) inters: BTreeMap<(LinkId, GroupName), mpsc::Sender<InterOrder>>,
    /// The operator's bundles.
    pub(super) bundles: watch::Receiver<Arc<Index>>,
    /// What stock map-servers have to be compiled for.
    pub(super) build: Build,
}

impl Actor {
    /// Runs until `token` is cancelled and every player is saved, or [`SHUTDOWN_GRACE`] after that.
    pub(super) async fn run(mut self, mut sources: Sources, token: CancellationToken) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut deadline: Option<Instant> = None;
        self.bundles.mark_changed();
        loop {
            let input = tokio::select! {
                biased;
                () = token.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + SHUTDOWN_GRACE);
                    Some(Input::Shutdown)
                }
                _ = ticks.tick() => {
                    self.take_beats();
                    Some(Input::Tick)
                }
                Some(event) = sources.char_events.recv() => Some(match event {
                    CharEvent::Up => Input::CharUp,
                    CharEvent::Says(packet) => Input::Char(packet),
                    CharEvent::Down => Input::CharDown,
                }),
                Ok(()) = self.bundles.changed() => {
                    self.bundles.mark_unchanged();
                    Some(Input::Bundles(self.offered()))
                }
                Some((link, group, epoch, sequence)) = sources.durable.recv() => {
                    Some(Input::Journaled(link, group, epoch, sequence))
                }
                Some(request) = sources.requests.recv() => self.asked(request),
                Some(event) = sources.events.recv() => self.translate(event),
            };
            if let Some(input) = input {
                self.feed(input);
            }
            if deadline.is_some_and(|deadline| self.fleet.is_drained() || Instant::now() > deadline) {
                if !self.fleet.is_drained() {
                    tracing::warn!("stopped before every player was saved at the char-server; the journal has them");
                }
                return;
            }
        }
    }

    /// Looks for beats before suspicion is judged.
    fn take_beats(&mut self) {
        let beat = |(link, node): (&LinkId, &mut NodeHandle)| Some((*link, node.beat()?, node.round_trip()));
        let beats: Vec<_> = self.nodes.iter_mut().filter_map(beat).collect();
        beats.into_iter().for_each(|(link, beat, round_trip)| self.feed(Input::Beat(link, beat, round_trip)));
    }

    fn feed(&mut self, input: Input) {
        self.fleet.handle(input, self.started.elapsed());
        while let Some(command) = self.fleet.poll() {
            self.carry_out(command);
        }
    }

    fn asked(&mut self, request: Request) -> Option<Input> {
        match request {
            Request::Status(answer) => {
                // Nobody waits for it any more: fine.
                let _ = answer.send(self.fleet.status());
                None
            }
            Request::MayWrite(link, group, epoch, answer) => {
                let _ = answer.send(self.fleet.may_write(link, &group, epoch));
                None
            }
            Request::Pardon(host, done) => {
                self.feed(Input::Pardon(host));
                let _ = done.send(());
                None
            }
            Request::Revoke(host, done) => {
                self.feed(Input::Revoke(host));
                let _ = done.send(());
                None
            }
        }
    }

    /// Keeps the handles here and gives the core plain values.
    fn translate(&mut self, event: FleetEvent) -> Option<Input> {
        match event {
            FleetEvent::Client(connection, event) => Some(match event {
                ClientEvent::Arrived { enter, address, held, client } => {
                    self.clients.insert(connection, client);
                    Input::Arrived(connection, enter, address, held)
                }
                ClientEvent::EngineLost { misbehaved: false, .. } => Input::EngineLost(connection),
                ClientEvent::EngineLost { misbehaved: true, .. } => Input::EngineMisbehaved(connection),
                ClientEvent::Closed => {
                    self.clients.remove(&connection);
                    Input::ClientClosed(connection)
                }
            }),
            FleetEvent::Node(link, event) => self.translate_node(link, event),
        }
    }

    fn translate_node(&mut self, link: LinkId, event: NodeEvent) -> Option<Input> {
        Some(match event {
            NodeEvent::Connected { host, kind, hello, node } => {
                self.nodes.insert(link, node);
                Input::NodeConnected(link, host, kind, hello)
            }
            NodeEvent::Uploaded { kbps } => Input::Upload(link, kbps),
            NodeEvent::Says(says) => Input::NodeSays(link, says),
            NodeEvent::SyncOpened { group, epoch, orders } => {
                self.syncs.insert((link, group.clone()), orders);
                Input::SyncOpened(link, group, epoch)
            }
            NodeEvent::Engine { group, epoch, says } => Input::Engine(link, group, epoch, says),
            NodeEvent::SyncClosed { group, orders } => {
                // The group may have a newer stream by now.
                let key = (link, group);
                let closed = orders.upgrade();
                if closed.is_none_or(|closed| self.syncs.get(&key).is_some_and(|kept| kept.same_channel(&closed))) {
                    self.syncs.remove(&key);
                }
                return None;
            }
            NodeEvent::InterOpened { group, epoch, instance, orders } => {
                self.inters.insert((link, group.clone()), orders);
                Input::InterOpened(link, group, epoch, instance)
            }
            NodeEvent::Inter { group, instance, event } => Input::Inter(link, group, instance, event),
            NodeEvent::InterClosed { group, orders } => {
                let key = (link, group);
                let closed = orders.upgrade();
                if closed.is_none_or(|closed| self.inters.get(&key).is_some_and(|kept| kept.same_channel(&closed))) {
                    self.inters.remove(&key);
                }
                return None;
            }
            NodeEvent::Violation { rule } => Input::Violation(link, rule),
            NodeEvent::Closed { reason } => {
                tracing::debug!(?link, reason, "node connection closed");
                self.forget(link);
                Input::NodeClosed(link)
            }
        })
    }

    fn forget(&mut self, link: LinkId) {
        self.nodes.remove(&link);
        self.syncs.retain(|(of, _), _| *of != link);
        self.inters.retain(|(of, _), _| *of != link);
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Attach(connection, link, open) => match self.nodes.get(&link).cloned() {
                Some(node) => self.order(connection, ToClient::Attach { node, open }),
                None => self.feed(Input::EngineLost(connection)),
            },
            Command::Send(connection, packets) => self.order(connection, ToClient::Send(packets)),
            Command::Hold(connection) => self.order(connection, ToClient::Hold),
            Command::Redirect(connection, packets) => self.order(connection, ToClient::Redirect(packets)),
            Command::CloseClient(connection, packets) => self.order(connection, ToClient::Close(packets)),
            Command::Tell(link, says) => {
                if let Some(node) = self.nodes.get(&link) {
                    node.tell(says);
                }
            }
            Command::Assign(link, group, epoch, duty) => self.assign(link, &group, epoch, duty),
            Command::Order(link, group, order) => {
                let queue = self.syncs.get(&(link, group.clone()));
                if queue.is_some_and(|queue| queue.try_send(order).is_err()) {
                    // An engine that does not read its orders cannot be told to let players go: it loses the stream.
                    self.syncs.remove(&(link, group));
                }
            }
            Command::CloseSync(link, group) => {
                self.syncs.remove(&(link, group));
            }
            Command::Inter(link, group, packet) => {
                let queue = self.inters.get(&(link, group.clone()));
                if queue.is_some_and(|queue| queue.try_send(InterOrder::Packet(packet.into())).is_err()) {
                    // It would miss a packet for good: it has to log in again.
                    metrics::counter!("bifrost_inter_queue_full_total").increment(1);
                    self.inters.remove(&(link, group));
                }
            }
            Command::CloseInter(link, group) => {
                self.inters.remove(&(link, group));
            }
            Command::CloseNode(link, code, reason) => {
                if let Some(node) = self.nodes.get(&link) {
                    node.close(code, &reason);
                }
                self.forget(link);
            }
            Command::Char(packet) => self.tell_char(packet.encode()),
            Command::Forward(packet) => self.tell_char(packet),
            Command::Store(write) => self.journal.put(write),
            Command::EngineStarted(took) => metrics::histogram!("bifrost_engine_start_seconds").record(took),
            Command::Found(finding) => found(&finding),
            Command::Count(rule) => metrics::counter!("bifrost_fleet_rule_total", "rule" => rule).increment(1),
        }
    }

    fn order(&self, connection: ConnectionId, order: ToClient) {
        // A connection that is gone says so itself.
        if let Some(client) = self.clients.get(&connection) {
            client.tell(order);
        }
    }

    /// The newest bundle for a machine.
    fn bundle(&self, abi: &str) -> Option<BundleRef> {
        let index = self.bundles.borrow();
        index.current(abi, self.build.packetver, self.build.renewal).map(|entry| entry.info.reference())
    }

    /// The machines for which there are bundles.
    fn offered(&self) -> BTreeSet<String> {
        let names = Abi::ALL.into_iter().map(Abi::name);
        names.filter(|abi| self.bundle(abi).is_some()).map(str::to_owned).collect()
    }

    fn tell_char(&mut self, packet: Bytes) {
        // A packet that is lost would be missing for good. A new connection hears everything that matters again.
        if self.char_packets.try_send(packet).is_err() {
            metrics::counter!("bifrost_char_queue_full_total").increment(1);
            self.char_overrun.notify_one();
            self.feed(Input::CharDown);
        }
    }

    fn assign(&self, link: LinkId, group: &GroupName, epoch: Epoch, duty: Duty) {
        let Some(node) = self.nodes.get(&link) else { return };
        let (group_name, standby) = (group.0.clone(), duty == Duty::StandBy);
        let assign = match self.catalog.engine(group) {
            EngineKind::Embedded => {
                let (maps, warps) = self.catalog.assignment(group);
                Assign { group: group_name, epoch: epoch.0, maps, warps, ..Assign::default() }
            }
            EngineKind::Rathena => {
                let name = |map: &MapName| MapData { name: map.as_str().to_owned(), ..MapData::default() };
                let maps = self.catalog.groups().get(group).into_iter().flat_map(|info| info.maps.iter().map(name));
                Assign {
                    group: group_name,
                    epoch: epoch.0,
                    maps: maps.collect(),
                    engine: "rathena".into(),
                    bundle: self.bundle(&node.abi),
                    standby,
                    database: true,
                    ..Assign::default()
                }
            }
        };
        node.tell(CoordinatorSays::Assign(assign));
    }
}

/// Tells the operator of a gain that nothing explains.
fn found(finding: &Finding) {
    metrics::counter!("bifrost_bounds_total", "rule" => finding.rule).increment(1);
    tracing::warn!(
        host = %finding.host, group = %finding.group, rule = finding.rule, grade = ?finding.grade, "gained {finding}"
    );
}

/// How long the last saves may take when the coordinator stops.
pub(super) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
