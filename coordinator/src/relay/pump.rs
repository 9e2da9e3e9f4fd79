//! Moves packets between one client's socket and one engine's game stream.
//!
//! Everything is polled, nothing is awaited: both directions, the opening of a game stream and the deadlines live in one
//! task, and no write is ever lost or cut by a `select!`. A direction that cannot write does not read, so that each side
//! feels the other's pace through TCP's and QUIC's own flow control.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::Disconnect;
use bifrost_protocol::client::{client_to_server, login, server_to_client};
use bifrost_protocol::control::StreamCode;
use bifrost_protocol::frame::{LengthTable, packet_id};
use bifrost_protocol::ids::SessionId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, timeout};

use super::engine::Engine;
use super::lane::Lane;
use super::reason::{CloseReason, LostReason};
use super::rules::{Clock, Refused, from_client, from_engine};

/// Most bytes read at once from a client. Its packets are small.
const READ_CLIENT: usize = 4 * 1024;
/// Most bytes read at once from an engine.
const READ_ENGINE: usize = 16 * 1024;
/// Most bytes of a client that wait for its first engine. Clients say next to nothing before they are answered.
const MAX_HELD: usize = 4 * 1024;
/// Most bytes that wait for a client: one read and one unfinished packet of its engine (80 KiB), and what the fleet says.
const MAX_WAITING: usize = 128 * 1024;
/// How long the relay waits for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Without a byte from the client.
    pub(super) idle: Duration,
    /// Until a client has read all that waits for it, at most [`MAX_WAITING`] bytes.
    pub(super) slow_client: Duration,
    /// Until an engine takes a byte of what its client sends.
    pub(super) slow_engine: Duration,
    /// Until a redirected client is gone.
    pub(super) redirect: Duration,
    /// Until what is on its way is delivered on a connection that ends.
    pub(super) last_words: Duration,
}

impl Patience {
    /// The usual, with a configured idle time.
    pub(super) const fn new(idle: Duration) -> Self {
        Self {
            idle,
            slow_client: Duration::from_secs(20),
            slow_engine: Duration::from_secs(10),
            redirect: Duration::from_secs(15),
            last_words: Duration::from_secs(2),
        }
    }
}

/// Why the pump stopped to be heard.
#[derive(Debug)]
pub(super) enum Wake {
    /// The engine is gone; the client is held.
    Lost {
        /// Of the client.
        session: SessionId,
        /// The host sent what no map-server sends.
        misbehaved: bool,
    },
    /// The client is gone or has to go.
    Close(CloseReason),
}

/// A client's socket, its engine, and what is on its way between them.
#[derive(Debug)]
pub(super) struct Pump<S> {
    socket: S,
    engine: Engine,
    /// From client to engine.
    up: Lane,
    /// From engine and fleet to client.
    down: Lane,
    clock: Clock,
    patience: Patience,
    heard: Instant,
    up_blocked: Option<Instant>,
    down_blocked: Option<Instant>,
    leave_by: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    /// A pump without an engine, for a client whose first packet has been read.
    pub(super) fn new(socket: S, patience: Patience) -> Self {
        let heard = Instant::now();
        Self {
            socket,
            engine: Engine::Awaited,
            up: Lane::default(),
            down: Lane::default(),
            clock: Clock::default(),
            patience,
            heard,
            up_blocked: None,
            down_blocked: None,
            leave_by: None,
            timer: Box::pin(tokio::time::sleep_until(heard + patience.idle)),
        }
    }

    /// Gives the client to an engine. One that it had is left.
    pub(super) fn attach(&mut self, engine: Engine) {
        self.change(engine, StreamCode::Detached);
    }

    /// Takes the client away from its engine.
    pub(super) fn hold(&mut self) {
        self.change(Engine::Held, StreamCode::Detached);
    }

    fn change(&mut self, next: Engine, code: StreamCode) {
        let before = std::mem::replace(&mut self.engine, next);
        // What waits for an engine may start in the middle of a packet of which it has taken the first half. What waits
        // for one that never came is for the next.
        if matches!(before, Engine::Attached(_)) {
            drop(self.up.drain());
        }
        before.detach(code);
        self.down.cut();
        self.up_blocked = None;
    }

    /// Holds the client, sends it these packets and expects it to leave.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(super) fn redirect(&mut self, packets: &[u8]) -> Result<(), CloseReason> {
        self.hold();
        self.leave_by = Some(Instant::now() + self.patience.redirect);
        self.send(packets)
    }

    /// Whether the client has been told to go elsewhere.
    pub(super) fn redirected(&self) -> bool {
        self.leave_by.is_some()
    }

    /// Writes these whole packets behind those that are on their way.
    ///
    /// # Errors
    /// [`CloseReason::Slow`] when too much waits for the client already.
    pub(super) fn send(&mut self, packets: &[u8]) -> Result<(), CloseReason> {
        if self.down.len() + packets.len() > MAX_WAITING {
            return Err(CloseReason::Slow);
        }
        self.down.put(packets);
        Ok(())
    }

    /// Moves packets until something has to be told.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        if let Some(opened) = self.engine.poll_open(context) {
            let Err(session) = opened else { return self.poll(context) };
            return Poll::Ready(self.lose(session, LostReason::Unreachable));
        }
        if let Poll::Ready(wake) = self.poll_up(context) {
            return Poll::Ready(wake);
        }
        if let Poll::Ready(wake) = self.poll_down(context) {
            return Poll::Ready(wake);
        }
        self.poll_timer(context)
    }

    /// Client to engine.
    fn poll_up(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        loop {
            if let Engine::Attached(stream) = &mut self.engine {
                while !self.up.ready().is_empty() {
                    match Pin::new(&mut stream.send).poll_write(context, self.up.ready()) {
                        Poll::Ready(Ok(count)) => {
                            self.up.left(count);
                            self.up_blocked = None;
                        }
                        Poll::Ready(Err(_)) => return Poll::Ready(self.lose_attached(LostReason::Broken)),
                        Poll::Pending => {
                            self.up_blocked.get_or_insert_with(Instant::now);
                            return Poll::Pending;
                        }
                    }
                }
            }
            if let Err(reason) = ready!(self.poll_client(context)) {
                return Poll::Ready(Wake::Close(reason));
            }
        }
    }

    /// Takes in what the client sent.
    fn poll_client(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        let mut space = [MaybeUninit::uninit(); READ_CLIENT];
        let mut fresh = ReadBuf::uninit(&mut space);
        let read = ready!(Pin::new(&mut self.socket).poll_read(context, &mut fresh));
        if read.is_err() || fresh.filled().is_empty() {
            return Poll::Ready(Err(match read {
                _ if self.redirected() => CloseReason::Redirected,
                Ok(()) => CloseReason::Left,
                Err(_) => CloseReason::Failed,
            }));
        }
        self.heard = Instant::now();
        let taken = self.up.take(fresh.filled(), client_to_server(), |id, _| from_client(id));
        Poll::Ready(match (taken, &self.engine) {
            (Err(refused), _) => {
                tracing::debug!(%refused, "client broke the protocol");
                Err(match refused {
                    Refused::Garbage(_) => CloseReason::Garbage,
                    Refused::Misplaced(_) | Refused::LetGo(_) => CloseReason::Misplaced,
                })
            }
            (Ok(()), Engine::Attached(_)) => Ok(()),
            (Ok(()), Engine::Awaited | Engine::Opening(_)) if self.up.len() > MAX_HELD => Err(CloseReason::Flood),
            (Ok(()), Engine::Awaited | Engine::Opening(_)) => Ok(()),
            (Ok(()), Engine::Held) => {
                self.answer_held();
                if self.down.len() > MAX_WAITING { Err(CloseReason::Slow) } else { Ok(()) }
            }
        })
    }

    /// Answers what a held client must have answered, drops the rest.
    fn answer_held(&mut self) {
        let (packets, now) = (self.up.drain(), Instant::now().into_std());
        for_each_packet(client_to_server(), &packets, |id, packet| {
            if let Some(answer) = self.clock.answer(id, packet, now) {
                self.down.put(&answer);
            }
        });
    }

    /// Engine and fleet to client.
    fn poll_down(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        loop {
            if let Err(reason) = ready!(self.poll_flush(context)) {
                return Poll::Ready(Wake::Close(reason));
            }
            let Engine::Attached(stream) = &mut self.engine else { return Poll::Pending };
            let mut space = [MaybeUninit::uninit(); READ_ENGINE];
            let mut fresh = ReadBuf::uninit(&mut space);
            let lost = match ready!(stream.recv.poll_read_buf(context, &mut fresh)) {
                Err(_) => Some(LostReason::Broken),
                Ok(()) if fresh.filled().is_empty() => Some(LostReason::Ended),
                Ok(()) => {
                    let (clock, now) = (&mut self.clock, Instant::now().into_std());
                    let stock = stream.stock;
                    let taken = self.down.take(fresh.filled(), server_to_client(), |id, packet| {
                        clock.hear(id, packet, now);
                        from_engine(id, stock)
                    });
                    match taken {
                        Ok(()) => None,
                        // What came before is the client's; the packet itself is not.
                        Err(Refused::LetGo(_)) => Some(LostReason::Ended),
                        Err(refused) => Some(stream.misbehaved(&refused)),
                    }
                }
            };
            if let Some(reason) = lost {
                return Poll::Ready(self.lose_attached(reason));
            }
        }
    }

    /// Writes what waits for the client.
    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CloseReason>> {
        while !self.down.ready().is_empty() {
            match Pin::new(&mut self.socket).poll_write(context, self.down.ready()) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(CloseReason::Failed)),
                Poll::Ready(Ok(count)) => self.down.left(count),
                Poll::Pending => {
                    self.down_blocked.get_or_insert_with(Instant::now);
                    return Poll::Pending;
                }
            }
        }
        self.down_blocked = None;
        Poll::Ready(Ok(()))
    }

    /// Wakes at the next deadline. The timer is only touched when it would ring too late or has rung: deadlines move with
    /// every packet.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Wake> {
        loop {
            let deadlines = self.deadlines();
            // The list is never empty: every client has an idle deadline.
            let Some(next) = deadlines.iter().flatten().map(|(at, _)| *at).min() else { return Poll::Pending };
            if next < self.timer.deadline() {
                self.timer.as_mut().reset(next);
            }
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            match deadlines.into_iter().flatten().find(|(at, _)| *at <= now) {
                Some((_, Deadline::Client(reason))) => return Poll::Ready(Wake::Close(reason)),
                Some((_, Deadline::Engine)) => return Poll::Ready(self.lose_attached(LostReason::Slow)),
                None => self.timer.as_mut().reset(next),
            }
        }
    }

    fn deadlines(&self) -> [Option<(Instant, Deadline)>; 4] {
        [
            self.up_blocked.map(|since| (since + self.patience.slow_engine, Deadline::Engine)),
            self.down_blocked.map(|since| (since + self.patience.slow_client, Deadline::Client(CloseReason::Slow))),
            self.leave_by.map(|by| (by, Deadline::Client(CloseReason::Redirected))),
            Some((self.heard + self.patience.idle, Deadline::Client(CloseReason::Idle))),
        ]
    }

    /// Holds a client whose engine is gone.
    fn lose(&mut self, session: SessionId, reason: LostReason) -> Wake {
        reason.count();
        tracing::debug!(%session, reason = reason.label(), "engine lost");
        let misbehaved = reason == LostReason::Misbehaved;
        self.change(Engine::Held, if misbehaved { StreamCode::Misbehaved } else { StreamCode::Detached });
        Wake::Lost { session, misbehaved }
    }

    /// Tells the engine, if there is one, that the client is gone.
    pub(super) fn finish(&mut self) {
        self.engine.finish();
    }

    /// Ends the connection in the way its reason asks for. The engine has been told.
    pub(super) async fn part(mut self, reason: CloseReason) {
        match reason {
            // The client may have ended only its own side: what the engine still says is delivered.
            CloseReason::Left => {
                if matches!(self.engine, Engine::Attached(_)) {
                    let _ended = timeout(self.patience.last_words, poll_fn(|context| self.poll_down(context))).await;
                }
            }
            CloseReason::Idle
            | CloseReason::Redirected
            | CloseReason::Ordered
            | CloseReason::Dropped
            | CloseReason::Shutdown => {
                self.engine = Engine::Held;
                if reason == CloseReason::Shutdown {
                    self.down.cut();
                    // One who does not read what came before does not need to know.
                    let _unread = self.send(&Disconnect { reason: login::CloseReason::SERVER_CLOSED }.encode());
                }
                let _ended = timeout(self.patience.last_words, self.say_goodbye()).await;
            }
            CloseReason::Full
            | CloseReason::Address
            | CloseReason::Silent
            | CloseReason::NotEnter
            | CloseReason::Failed
            | CloseReason::Garbage
            | CloseReason::Misplaced
            | CloseReason::Flood
            | CloseReason::Slow => {}
        }
    }

    /// Writes what waits, and closes so that the client gets to read it: a socket closed over unread input is reset.
    async fn say_goodbye(&mut self) -> std::io::Result<()> {
        if poll_fn(|context| self.poll_flush(context)).await.is_ok() {
            self.socket.shutdown().await?;
            let mut rest = [0; 256];
            while self.socket.read(&mut rest).await? > 0 {}
        }
        Ok(())
    }

    fn lose_attached(&mut self, reason: LostReason) -> Wake {
        match &self.engine {
            Engine::Attached(stream) => self.lose(stream.session, reason),
            // Deadlines and streams of an engine end with it.
            Engine::Awaited | Engine::Opening(_) | Engine::Held => Wake::Close(CloseReason::Failed),
        }
    }
}

/// What happens at a deadline.
#[derive(Clone, Copy, Debug)]
enum Deadline {
    /// The client is closed.
    Client(CloseReason),
    /// The engine is given up.
    Engine,
}

/// Walks bytes that are whole packets.
fn for_each_packet(table: &LengthTable, mut packets: &[u8], mut visit: impl FnMut(u16, &[u8])) {
    while let (Ok(id), Ok(Some(len))) = (packet_id(packets), table.measure(packets)) {
        let Some((packet, rest)) = packets.split_at_checked(len) else { return };
        visit(id, packet);
        packets = rest;
    }
}
