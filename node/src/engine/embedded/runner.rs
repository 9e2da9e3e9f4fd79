//! The task that owns a world: takes what streams bring, lets time pass, carries out what the world wants.
//!
//! A turn is: everything that waits in the inbox, up to [`TURN_EVENTS`], then the world's timers, then its outputs. The
//! task never waits for a peer: clients have bounded outboxes, the sync stream a bounded queue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bifrost_protocol::control::{
    ChangeMap, EngineOrder, EngineSays, GameOpen, Misbehaved, Place, PlayerUpdate, SessionRef, SyncData,
};
use bifrost_protocol::ids::{MapPoint, SessionId};
use bifrost_world::{World, WorldEvent, WorldOutput};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::ToEngine;
use super::sync_log::SyncLog;
use crate::engine::Lease;
use crate::engine::directory::{Gauges, PlayerCount};
use crate::tunnel::outbox::Outbox;

/// How many events may wait for a turn. Streams that find it full wait, and their clients with them.
const INBOX: usize = 4_096;
/// How many events one turn takes in, so that timers and outputs are never far away.
const TURN_EVENTS: usize = 512;
/// The least time between two syncs of changes.
const SYNC_INTERVAL: Duration = Duration::from_millis(200);

/// What a runner is started with, beside its world.
#[derive(Debug)]
pub(crate) struct RunnerConfig {
    /// The host, as syncs name it.
    pub(crate) host: String,
    /// What it serves.
    pub(crate) lease: Lease,
    /// Where players and turns are counted.
    pub(crate) gauges: Arc<Gauges>,
    /// Whether players are held now.
    pub(crate) hold: watch::Receiver<bool>,
    /// Ends it.
    pub(crate) stop: CancellationToken,
}

/// A running embedded engine.
#[derive(Debug)]
pub(crate) struct Runner {
    world: World,
    lease: Lease,
    inbox: mpsc::Receiver<ToEngine>,
    outboxes: HashMap<SessionId, Outbox>,
    log: SyncLog,
    says: Option<mpsc::Sender<EngineSays>>,
    /// Sessions that left in this turn.
    left: Vec<PlayerUpdate>,
    players: PlayerCount,
    gauges: Arc<Gauges>,
    hold: watch::Receiver<bool>,
    stop: CancellationToken,
    started: Instant,
    /// When changes may be sent again.
    next_sync: Instant,
}

impl Runner {
    /// A runner and the inbox that streams put their events in.
    pub(crate) fn new(world: World, config: RunnerConfig) -> (Self, mpsc::Sender<ToEngine>) {
        let RunnerConfig { host, lease, gauges, mut hold, stop } = config;
        let (sender, inbox) = mpsc::channel(INBOX);
        hold.mark_changed();
        let now = Instant::now();
        let runner = Self {
            world,
            inbox,
            outboxes: HashMap::new(),
            log: SyncLog::new(host, lease.1.0),
            lease,
            says: None,
            left: Vec::new(),
            players: PlayerCount::new(Arc::clone(&gauges)),
            gauges,
            hold,
            stop,
            started: now,
            next_sync: now,
        };
        (runner, sender)
    }

    /// Runs until stopped. The last thing it says is the state of everybody who is still there.
    #[tracing::instrument(name = "engine", skip_all, fields(group = %self.lease.0, epoch = self.lease.1.0))]
    pub(crate) async fn run(mut self) {
        info!("engine runs");
        let mut events = Vec::with_capacity(TURN_EVENTS);
        loop {
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Ok(()) = self.hold.changed() => {
                    let held = *self.hold.borrow_and_update();
                    self.tell(if held { WorldEvent::Hold } else { WorldEvent::Resume });
                }
                received = self.inbox.recv_many(&mut events, TURN_EVENTS) => if received == 0 {
                    break;
                },
                () = sleep_until(wake) => {}
            }
            let turn = Instant::now();
            events.drain(..).for_each(|event| self.take(event));
            self.turn();
            self.gauges.turn(turn.elapsed());
        }
        self.last_words();
        info!(sessions = self.outboxes.len(), "engine stopped");
    }

    /// Timers, outputs, syncs, after whatever was taken in.
    fn turn(&mut self) {
        self.tell(WorldEvent::Tick);
        self.carry_out();
        self.release();
        let now = Instant::now();
        if now >= self.next_sync && self.says.is_some() && self.world.has_updates() && self.log.has_room() {
            let data = self.changes();
            let says = self.log.changes(&data, unix_ms());
            self.say(says);
            self.next_sync = now + SYNC_INTERVAL;
        }
        self.players.set(self.world.map_state().players);
    }

    fn take(&mut self, event: ToEngine) {
        match event {
            ToEngine::Attach { open, outbox } => self.attach(*open, outbox),
            ToEngine::Packet { session, packet } => self.tell(WorldEvent::Packet { session, packet }),
            ToEngine::Left { session } => self.tell(WorldEvent::Leave { session }),
            ToEngine::SyncOpened { says } => self.sync_opened(says),
            ToEngine::Order(order) => self.obey(order),
        }
    }

    fn attach(&mut self, open: GameOpen, outbox: Outbox) {
        let session = SessionId(open.session);
        let Some(character) = open.character.filter(|_| !self.outboxes.contains_key(&session)) else {
            // Dropping the outbox ends the stream; the session it already has, if so, is not touched.
            warn!(session = session.0, "an arrival without a character or under a session that is here already");
            return;
        };
        self.outboxes.insert(session, outbox);
        self.tell(WorldEvent::Join { session, character: Box::new(character), changing: open.changing });
    }

    fn obey(&mut self, order: EngineOrder) {
        match order {
            EngineOrder::Ack(ack) => self.log.acknowledge(ack.sequence),
            EngineOrder::Release(of) => self.release_session(SessionId(of.session)),
            EngineOrder::Stay(of) => {
                self.log.answer(of.session);
                self.tell(WorldEvent::Stay { session: SessionId(of.session) });
            }
            EngineOrder::Resync(resync) => {
                warn!(reason = resync.reason, "the coordinator asks for a full sync");
                let data = self.everything();
                let says = self.log.full(data, unix_ms());
                self.say(says);
            }
        }
    }

    /// Releasing a session that is not here is answered too: the coordinator may have missed that it left.
    fn release_session(&mut self, session: SessionId) {
        if self.world.sessions().any(|here| here == session) {
            self.tell(WorldEvent::Release { session });
        } else {
            self.say(EngineSays::Released(SessionRef { session: session.0 }));
        }
    }

    fn sync_opened(&mut self, says: mpsc::Sender<EngineSays>) {
        self.says = Some(says);
        // Outputs of this turn go before it: what they change is in the full state, what they ask is in the log.
        self.carry_out();
        let data = self.everything();
        for says in self.log.reopened(data, unix_ms()) {
            self.say(says);
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.world.poll() {
            match output {
                WorldOutput::ToClient { session, bytes } => self.send(session, &bytes),
                WorldOutput::Entered { session } => self.say(EngineSays::Entered(SessionRef { session: session.0 })),
                WorldOutput::ChangeMap { session, to } => {
                    let says = EngineSays::ChangeMap(ChangeMap { session: session.0, to: Some(place(to)) });
                    self.ask(session, says);
                }
                WorldOutput::CharacterSelect { session } => {
                    self.ask(session, EngineSays::CharacterSelect(SessionRef { session: session.0 }));
                }
                WorldOutput::Released { session, last } => {
                    debug!(session = session.0, "session released");
                    self.outboxes.remove(&session);
                    self.left.push(last);
                }
                WorldOutput::Misbehaved { session, problem } => {
                    self.say(EngineSays::Misbehaved(Misbehaved { session: session.0, problem }));
                }
            }
        }
    }

    /// Bytes for a client. One that does not read loses its session here; the coordinator is asked to close it.
    fn send(&mut self, session: SessionId, bytes: &[u8]) {
        let Some(outbox) = self.outboxes.get(&session) else { return };
        if let Err(full) = outbox.push(bytes) {
            warn!(session = session.0, "client reads too slowly");
            self.outboxes.remove(&session);
            self.say(EngineSays::Misbehaved(Misbehaved { session: session.0, problem: full.to_string() }));
            self.tell(WorldEvent::Leave { session });
        }
    }

    /// Sessions that left in this turn: their last state, then that they are gone.
    fn release(&mut self) {
        if self.left.is_empty() {
            return;
        }
        let left = std::mem::take(&mut self.left);
        let data = self.changes();
        for says in self.log.departed(data, left, unix_ms(), self.says.is_some()) {
            self.say(says);
        }
    }

    fn ask(&mut self, session: SessionId, says: EngineSays) {
        self.log.asks(session.0, says.clone());
        self.say(says);
    }

    /// Policy of the full queue: the stream is given up, and the next one starts with all there is.
    fn say(&mut self, says: EngineSays) {
        if self.says.as_ref().is_some_and(|stream| stream.try_send(says).is_err()) {
            warn!("sync stream is gone or does not keep up");
            self.says = None;
        }
    }

    /// What an engine leaves behind when it is stopped with players on it.
    fn last_words(&mut self) {
        self.turn();
        let data = self.everything();
        let says = self.log.full(data, unix_ms());
        self.say(says);
    }

    fn changes(&mut self) -> SyncData {
        SyncData {
            map_state: Some(self.world.map_state()),
            player_updates: self.world.take_updates(),
            event_logs: self.world.take_logs(),
        }
    }

    fn everything(&mut self) -> SyncData {
        SyncData { player_updates: self.world.full_state(), ..self.changes() }
    }

    fn tell(&mut self, event: WorldEvent) {
        self.world.handle(event, self.started.elapsed());
    }

    /// When there is something to do although nothing comes in.
    fn next_wake(&self) -> Option<Instant> {
        let timers = self.world.next_wakeup().map(|due| self.started + due);
        let sync = (self.says.is_some() && self.world.has_updates() && self.log.has_room()).then_some(self.next_sync);
        timers.into_iter().chain(sync).min()
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

fn place(point: MapPoint) -> Place {
    Place { map: point.map.to_string(), x: point.x.into(), y: point.y.into() }
}

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
