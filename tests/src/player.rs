//! A headless Ragnarok Online client: one player, one task, real sockets, the real protocol.
//!
//! It goes the way of a client: login-server, char-server (making a character when there is none), map-server; it follows
//! 0x0ac7 to another map-server, loads maps on 0x0091, and sends the time as clients do. What it sees becomes [`Event`]s,
//! so that tests wait for what they mean instead of sleeping; when each packet came is kept in its [`Record`].

mod account;
mod event;
mod journal;
mod login;
mod packets;
mod play;
mod record;
mod wire;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub use account::Account;
pub use event::{Event, Place};
use journal::Journal;
pub use login::{Ticket, ticket};
pub use record::{Hop, HopKind, Record};
pub use wire::Wire;

/// How long [`Player::wait_for`] waits: long enough for a failover on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One player. Dropping it ends the client without a word, as a crash would.
#[derive(Debug)]
pub struct Player {
    account: Account,
    watch: Watch,
    commands: mpsc::UnboundedSender<Command>,
    cursor: u64,
    _task: AbortOnDropHandle<()>,
}

/// How a player fares, for somebody who only looks.
#[derive(Clone, Debug)]
pub struct Watch {
    shared: Arc<Shared>,
}

/// What a player's task is told.
#[derive(Debug)]
enum Command {
    /// Send these bytes to the map-server.
    Send(Bytes),
    /// Stop sending, go on reading.
    HalfClose,
    /// Drop the connection with RST.
    Reset,
    /// Log in, after the connection was lost.
    LogIn,
}

/// What task and handle share.
#[derive(Debug, Default)]
struct Shared {
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    record: Record,
    place: Option<Place>,
    /// The last walk.
    walk: Option<Walk>,
    sitting: bool,
    in_play: bool,
    ticket: Option<Ticket>,
}

#[derive(Clone, Copy, Debug)]
struct Walk {
    arrives: Instant,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player {
    /// Starts a player and returns at once.
    #[must_use]
    pub fn start(account: Account) -> Self {
        let shared = Arc::new(Shared::default());
        let (commands, orders) = mpsc::unbounded_channel();
        let task = tokio::spawn(play::run(account.clone(), Arc::clone(&shared), orders));
        Self { account, watch: Watch { shared }, commands, cursor: 0, _task: AbortOnDropHandle::new(task) }
    }

    /// Starts a player and waits until it stands on a map.
    ///
    /// # Errors
    /// A server refused it, or it took longer than [`PATIENCE`].
    pub async fn join(account: Account) -> Result<Self> {
        let mut player = Self::start(account);
        player.until_in_play().await?;
        Ok(player)
    }

    /// Waits until the player has loaded a map, and fails at once when a server turns it away. What the player saw on
    /// entering that map can be waited for afterwards.
    ///
    /// # Errors
    /// A server refused it, or it took longer than [`PATIENCE`].
    pub async fn until_in_play(&mut self) -> Result<Place> {
        let arrived = |event: &Event| match event {
            Event::Loaded(place) => Some(Ok(place.clone())),
            Event::Refused(_) | Event::Lost(_) => Some(Err(anyhow::anyhow!("{event:?}"))),
            _ => None,
        };
        let start = self.cursor;
        let place = self
            .wait_map("arrival on a map", PATIENCE, arrived)
            .await?
            .with_context(|| format!("{} does not get in", self.account.username))?;
        let before = self.watch.shared.journal.since(start);
        let loaded = before.iter().position(|event| matches!(event, Event::Loaded(_))).unwrap_or_default();
        let entered = before[..loaded].iter().rposition(|event| matches!(event, Event::Entered(_) | Event::Moved(_)));
        self.cursor -= entered.map_or(0, |entered| (loaded - entered) as u64);
        Ok(place)
    }

    /// Waits for an event, from the one after the last that was waited for.
    ///
    /// # Errors
    /// None came within [`PATIENCE`]; the error lists what came instead.
    pub async fn wait_for(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        self.wait_map(what, PATIENCE, |event| wanted(event).then(|| event.clone())).await
    }

    /// As [`wait_for`](Self::wait_for), with a limit of its own and a value taken from the event.
    ///
    /// # Errors
    /// None came within `limit`.
    pub async fn wait_map<T>(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> Result<T> {
        let start = self.cursor;
        if let Some(found) = self.within(limit, wanted).await {
            return Ok(found);
        }
        let seen = self.shared.journal.since(start);
        bail!("{}: no {what} within {limit:?}; seen: {seen:#?}", self.account.username)
    }

    /// As [`wait_map`](Self::wait_map), where it is no failure that nothing comes.
    pub async fn within<T>(&mut self, limit: Duration, wanted: impl Fn(&Event) -> Option<T>) -> Option<T> {
        let found = tokio::time::timeout(limit, self.watch.shared.journal.find(self.cursor, wanted)).await;
        let (value, next) = found.ok()?;
        self.cursor = next;
        Some(value)
    }

    /// Passes over everything that has happened, so that the next wait is for something new.
    pub fn forget(&mut self) {
        self.cursor = self.shared.journal.end();
    }

    /// Whether an event has happened, however long ago.
    #[must_use]
    pub fn has_seen(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.shared.journal.since(0).iter().any(wanted)
    }

    /// Asks to walk to a cell (0x035f).
    pub fn walk(&self, x: u16, y: u16) {
        self.send(packets::walk(x, y));
    }

    /// Walks to a cell and waits until it is reached, in steps short enough for the server.
    ///
    /// # Errors
    /// The server does not let the player get there.
    pub async fn walk_to(&mut self, x: u16, y: u16) -> Result<()> {
        self.forget();
        self.walk(x, y);
        let taken = |event: &Event| matches!(event, Event::Walking { to, .. } if *to == (x, y));
        self.wait_for(&format!("walk to {x},{y}"), taken).await?;
        tokio::time::sleep(self.walk_left()).await;
        Ok(())
    }

    /// Says something to everybody near (0x00f3).
    pub fn say(&self, text: &str) {
        self.send(packets::say(&self.account.character, text));
    }

    /// Sits down (0x0437, type 2).
    pub fn sit(&self) {
        self.send(packets::action(2));
    }

    /// Stands up (0x0437, type 3).
    pub fn stand(&self) {
        self.send(packets::action(3));
    }

    /// Shows an emotion (0x00bf).
    pub fn emote(&self, kind: u8) {
        self.send(packets::emote(kind));
    }

    /// Turns head and body (0x0361).
    pub fn turn(&self, head: u8, body: u8) {
        self.send(packets::turn(head, body));
    }

    /// Asks for the name of somebody (0x0368).
    pub fn ask_name(&self, id: u32) {
        self.send(packets::ask_name(id));
    }

    /// Returns to the save point (0x00b2, type 0).
    pub fn respawn(&self) {
        self.send(packets::restart(0));
    }

    /// Returns to character select (0x00b2, type 1), from where the client enters again.
    pub fn to_character_select(&self) {
        self.send(packets::restart(1));
    }

    /// Leaves the game (0x018a).
    pub fn quit(&self) {
        self.send(packets::quit());
    }

    /// Talks to an NPC (0x0090); what it answers is an event.
    pub fn contact(&self, npc: u32) {
        self.send(packets::contact(npc));
    }

    /// Buys of the market shop that is open (0x09d6), answered by [`Event::Sold`].
    pub fn buy(&self, item: u32, count: u32) {
        self.send(packets::buy(item, count));
    }

    /// Closes the market shop that is open (0x09d8).
    pub fn leave_market(&self) {
        self.send(packets::leave_market());
    }

    /// Takes the first thing of the barter shop that is open, and closes it (0x0b0f, 0x0b12).
    pub fn barter(&self, item: u32, count: u32) {
        self.send(packets::barter(item, count));
    }

    /// Asks for the server's time (0x0360), answered by [`Event::Time`].
    pub fn ask_time(&self) {
        self.send(packets::time(self.shared.state().record.clock()));
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: Bytes) {
        // A task that has ended has said so in the journal.
        let _ = self.commands.send(Command::Send(bytes));
    }

    /// Closes the sending half of the connection to the map-server.
    pub fn half_close(&self) {
        let _ = self.commands.send(Command::HalfClose);
    }

    /// Drops the connection to the map-server with RST.
    pub fn reset(&self) {
        let _ = self.commands.send(Command::Reset);
    }

    /// Logs in again after the connection was lost.
    pub fn log_in(&self) {
        let _ = self.commands.send(Command::LogIn);
    }

    /// A view of this player that does not keep it in the game.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Who plays.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }
}

impl Deref for Player {
    type Target = Watch;

    fn deref(&self) -> &Watch {
        &self.watch
    }
}

impl Watch {
    /// The session of the last login.
    #[must_use]
    pub fn ticket(&self) -> Option<Ticket> {
        self.shared.state().ticket.clone()
    }

    /// The account id, which is also the object id; 0 before the first login.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.shared.state().ticket.as_ref().map_or(0, |ticket| ticket.account.0)
    }

    /// Where the player stands, or is walking to.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.shared.state().place.clone()
    }

    /// Whether a walk is still under way.
    #[must_use]
    pub fn is_walking(&self) -> bool {
        !self.walk_left().is_zero()
    }

    /// How long the walk that is under way still takes.
    #[must_use]
    pub fn walk_left(&self) -> Duration {
        let arrives = self.shared.state().walk.map(|walk| walk.arrives);
        arrives.map(|arrives| arrives.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    /// Whether the server says that the player sits.
    #[must_use]
    pub fn is_sitting(&self) -> bool {
        self.shared.state().sitting
    }

    /// Whether the player is on a map, with a connection.
    #[must_use]
    pub fn is_in_play(&self) -> bool {
        self.shared.state().in_play
    }

    /// What has happened to the player so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.shared.state().record.clone()
    }

    /// The map-server the client is or was last connected to.
    #[must_use]
    pub fn map_server(&self) -> Option<SocketAddr> {
        self.shared.state().ticket.as_ref().map(|ticket| ticket.map_server)
    }
}
