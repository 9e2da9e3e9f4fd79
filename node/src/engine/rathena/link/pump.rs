//! One login of an engine: packets up, packets down, saves packed, the game loop watched.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::Packet;
use bifrost_protocol::control::{
    InterDown, InterOrder, InterSays, InterUp, MAX_INTER, SessionRef, StreamCode, delimited,
};
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::SessionId;
use bifrost_protocol::inter::{Maps, Online, Ping, Pong, TotalUsers, char_to_map, map_to_char};
use bytes::{Bytes, BytesMut};
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::engine::directory::Gauges;
use crate::engine::rathena::door::Hinge;
use crate::engine::rathena::port::Caller;
use crate::engine::rathena::pulse::{Due, Pulse};
use crate::engine::rathena::saves::{Collector, Output};
use crate::tunnel::code;
use crate::tunnel::messages::MessageReader;
use crate::tunnel::outbox::{self, Outbox, Packets};

/// What may wait for the coordinator: some eighty whole saves, or ten thousand packed ones.
const UP_BYTES: usize = 8 * 1024 * 1024;
/// What may wait for the engine: the storages of some hundred players who arrive at once.
const DOWN_BYTES: usize = 32 * 1024 * 1024;
/// How long the last of an engine's saves may take to arrive.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What the owner of a run hears of its link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::engine::rathena) enum LinkSays {
    /// The engine is there and wants to log in.
    Called,
    /// The coordinator has taken the engine in.
    Ready,
    /// The engine does not have these maps.
    Missing(Vec<String>),
    /// The game loop stands still.
    Hung(Duration),
    /// What it sends makes no sense.
    Garbage(String),
    /// The coordinator does not take this engine.
    Refused(String),
}

/// How it ended.
#[derive(Debug)]
pub(super) enum End {
    /// The engine closed its link.
    Engine,
    /// The stream ended, for this reason.
    Coordinator(String),
    /// The owner was told something that ends the run.
    GivenUp,
}

/// One login.
pub(super) struct Pump {
    engine: OwnedReadHalf,
    buffer: BytesMut,
    orders: MessageReader<RecvStream, InterDown>,
    up: Outbox,
    down: Outbox,
    writers: JoinSet<End>,
    collector: Collector,
    pulse: Pulse,
    /// Players of the whole realm, as the coordinator said last.
    users: Bytes,
    maps: Vec<String>,
    says: mpsc::Sender<LinkSays>,
    gauges: Arc<Gauges>,
}

impl Pump {
    /// Begins with the engine's login.
    pub(super) fn new(
        caller: Caller,
        send: SendStream,
        orders: RecvStream,
        maps: Vec<String>,
        says: mpsc::Sender<LinkSays>,
        gauges: Arc<Gauges>,
    ) -> Self {
        let (engine, to_engine) = caller.stream.into_split();
        let (up, to_send) = outbox::channel(UP_BYTES);
        let (down, to_write) = outbox::channel(DOWN_BYTES);
        let mut writers = JoinSet::new();
        writers.spawn(write_up(send, to_send));
        writers.spawn(write_down(to_engine, to_write));
        let pump = Self {
            engine,
            buffer: BytesMut::new(),
            orders: MessageReader::new(orders, MAX_INTER),
            up,
            down,
            writers,
            collector: Collector::default(),
            pulse: Pulse::new(Instant::now()),
            users: TotalUsers { users: 0 }.encode(),
            maps,
            says,
            gauges,
        };
        // An empty outbox takes it.
        let _fits = pump.say(InterSays::Packet(caller.login.to_vec()));
        pump
    }

    /// Until one of its sides ends. What the engine said before its end has arrived then, if there was a way.
    pub(super) async fn run(mut self, hinge: &mut Hinge) -> End {
        let end = loop {
            if let Err(end) = self.turn(hinge).await {
                break end;
            }
        };
        if matches!(end, End::Engine | End::GivenUp) {
            self.finish().await;
        }
        end
    }

    async fn turn(&mut self, hinge: &mut Hinge) -> Result<(), End> {
        let due = self.collector.deadline().into_iter().chain([self.pulse.deadline()]).min();
        tokio::select! {
            biased;
            ended = self.writers.join_next() => {
                Err(ended.and_then(Result::ok).unwrap_or_else(|| End::Coordinator("a writer is gone".into())))
            }
            order = self.orders.next() => match order {
                Ok(Some(InterDown { says: Some(order) })) => self.obey(order),
                Ok(Some(InterDown { says: None })) => Ok(()),
                Ok(None) => Err(End::Coordinator("the coordinator closed it".into())),
                Err(error) => Err(End::Coordinator(error.to_string())),
            },
            read = self.engine.read_buf(&mut self.buffer) => match read {
                Ok(0) => Err(End::Engine),
                Ok(_) => self.read(hinge),
                Err(error) => {
                    debug!(%error, "the engine's link broke");
                    Err(End::Engine)
                }
            },
            Some(session) = hinge.entered.recv() => self.entered(session),
            () = crate::agent::at(due) => self.tick(hinge),
        }
    }

    /// Whole packets of the engine.
    fn read(&mut self, hinge: &Hinge) -> Result<(), End> {
        loop {
            match map_to_char().next(&mut self.buffer) {
                Ok(Some(packet)) => self.heard(packet, hinge)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.give_up(LinkSays::Garbage(error.to_string()))),
            }
        }
    }

    fn heard(&mut self, packet: Bytes, hinge: &Hinge) -> Result<(), End> {
        let now = Instant::now();
        match packet_id(&packet).unwrap_or_default() {
            Ping::ID => {
                match self.pulse.answered(now) {
                    Some(took) => self.gauges.turn(took),
                    None => self.tell(&Pong {}.encode())?,
                }
                return Ok(());
            }
            Maps::ID => self.check_maps(&packet)?,
            _ => {}
        }
        // The engine says who is on it when it has been taken in (`chrif_on_ready`).
        let ready = packet_id(&packet) == Ok(Online::ID);
        let outputs = self.collector.take(packet, now);
        self.put(outputs)?;
        if ready {
            let _owner_is_gone = self.says.try_send(LinkSays::Ready);
            for session in hinge.in_play() {
                self.entered(session)?;
            }
        }
        Ok(())
    }

    /// A map that its files do not have is left out by a map-server, with a line in the log.
    fn check_maps(&self, packet: &[u8]) -> Result<(), End> {
        let has: BTreeSet<String> = Maps::decode(packet)
            .map(|maps| maps.maps.0.iter().map(bifrost_protocol::FixedText::to_text).collect())
            .unwrap_or_default();
        let missing: Vec<_> = self.maps.iter().filter(|map| !has.contains(*map)).cloned().collect();
        if missing.is_empty() { Ok(()) } else { Err(self.give_up(LinkSays::Missing(missing))) }
    }

    fn obey(&mut self, order: InterOrder) -> Result<(), End> {
        match order {
            InterOrder::Packet(packet) => {
                if char_to_map().measure(&packet) != Ok(Some(packet.len())) {
                    return Err(End::Coordinator("it sent what is no packet".into()));
                }
                if packet_id(&packet) == Ok(<TotalUsers as Packet>::ID) {
                    // Goes with the next question: its answer could not be told from the others.
                    self.users = packet.into();
                    return Ok(());
                }
                self.tell(&packet)
            }
            InterOrder::Whole(of) => {
                info!(character = of.character, "the coordinator asks for a whole save");
                self.collector.forget_base(of.character);
                Ok(())
            }
            InterOrder::Refused(refused) => Err(self.give_up(LinkSays::Refused(refused.reason))),
        }
    }

    fn tick(&mut self, hinge: &Hinge) -> Result<(), End> {
        let now = Instant::now();
        let outputs = self.collector.tick(now);
        self.put(outputs)?;
        match self.pulse.tick(now) {
            Due::Nothing => {}
            Due::Ask => {
                let question = self.users.clone();
                self.tell(&question)?;
            }
            Due::Slow(silence) => {
                self.gauges.turn(silence);
                warn!(silent_ms = silence.as_millis(), "the engine's game loop is slow");
            }
            Due::Hung(_) => {
                // This task may have been the slow one: the answer may be there already.
                if let Ok(1..) = self.engine.try_read_buf(&mut self.buffer) {
                    self.read(hinge)?;
                }
                if let Due::Hung(silence) = self.pulse.tick(now) {
                    self.gauges.turn(silence);
                    return Err(self.give_up(LinkSays::Hung(silence)));
                }
            }
        }
        Ok(())
    }

    fn entered(&self, session: SessionId) -> Result<(), End> {
        self.say(InterSays::Entered(SessionRef { session: session.0 }))
    }

    fn put(&self, outputs: Result<Vec<Output>, impl std::fmt::Display>) -> Result<(), End> {
        let outputs = outputs.map_err(|error| self.give_up(LinkSays::Garbage(error.to_string())))?;
        outputs.into_iter().try_for_each(|output| match output {
            Output::Packet(packet) => self.say(InterSays::Packet(packet.to_vec())),
            Output::Save(bundle) => self.say(InterSays::Save(bundle)),
        })
    }

    /// Policy of the full queue: the stream is given up. The engine comes back and tells everything again.
    fn say(&self, says: InterSays) -> Result<(), End> {
        let message = delimited(&InterUp { says: Some(says) });
        self.up.push(&message).map_err(|_| End::Coordinator("it does not keep up with the engine".into()))
    }

    /// Policy of the full queue: the link is closed. An engine that does not read for so long does not turn.
    fn tell(&self, packet: &[u8]) -> Result<(), End> {
        self.down.push(packet).map_err(|_| End::Engine)
    }

    fn give_up(&self, says: LinkSays) -> End {
        // The queue takes all that one login can say.
        let _owner_is_gone = self.says.try_send(says);
        End::GivenUp
    }

    /// Sends what is left and waits until it has arrived.
    async fn finish(mut self) {
        let outputs = self.collector.end();
        let _full = self.put(outputs);
        let Self { up, down, mut writers, .. } = self;
        drop((up, down));
        let flushed = async { while writers.join_next().await.is_some() {} };
        if tokio::time::timeout(FLUSH_TIMEOUT, flushed).await.is_err() {
            warn!("the coordinator did not take the last of an engine in time");
        }
    }
}

/// Everything for the coordinator, in as few writes as the stream takes, then its end.
async fn write_up(mut send: SendStream, mut packets: Packets) -> End {
    while let Some(bytes) = packets.next().await {
        if let Err(error) = send.write_chunk(bytes).await {
            return End::Coordinator(error.to_string());
        }
    }
    if send.finish().is_err() || send.stopped().await.is_err() {
        let _over = send.reset(code(StreamCode::Dropped));
    }
    End::Engine
}

/// Everything for the engine.
async fn write_down(mut engine: OwnedWriteHalf, mut packets: Packets) -> End {
    while let Some(bytes) = packets.next().await {
        if let Err(error) = engine.write_all(&bytes).await {
            debug!(%error, "the engine's link broke");
            break;
        }
    }
    End::Engine
}
