//! The player's task: gets in, plays on a map-server, follows redirects.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bifrost_protocol::client::Enter;
use bifrost_protocol::{Packet, Secret};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

use super::login::Turned;
use super::{Account, Command, Event, HopKind, Place, Shared, Ticket, Walk, Wire, login, packets};

/// How long a player waits before the next login after the connection was lost.
const RELOGIN_PAUSE: Duration = Duration::from_millis(500);

/// Milliseconds per cell of a player without speed changes (`DEFAULT_WALK_SPEED`).
const WALK_SPEED: u64 = 150;

/// How a stay on one map-server ends.
enum End {
    /// The server sent the client to another one.
    Redirected,
    /// The server sent the client back to character select.
    CharacterSelect,
    /// The connection broke or was closed.
    Lost(String),
}

/// Runs until the handle is dropped.
pub(super) async fn run(account: Account, shared: Arc<Shared>, mut orders: mpsc::UnboundedReceiver<Command>) {
    loop {
        let Err(error) = stay_in_game(&account, &shared, &mut orders).await;
        shared.state().in_play = false;
        shared.journal.add(match error.downcast_ref::<Turned>() {
            Some(turned) => Event::Refused(turned.0.clone()),
            None => Event::Lost(format!("{error:#}")),
        });
        if account.relogin {
            tokio::time::sleep(RELOGIN_PAUSE).await;
        } else if !told_to_log_in(&mut orders).await {
            return;
        }
        shared.state().record.relogins += 1;
    }
}

/// Logs in and plays; comes back to the char-server with the same session when the player wants to select again.
async fn stay_in_game(
    account: &Account,
    shared: &Shared,
    orders: &mut mpsc::UnboundedReceiver<Command>,
) -> Result<Infallible> {
    let session = login::log_in(account).await.context("login-server")?;
    shared.journal.add(Event::LoggedIn);
    loop {
        let ticket = login::select(account, &session).await.context("char-server")?;
        shared.journal.add(Event::Selected(ticket.place.clone()));
        if let Some(reason) = play(account, ticket, shared, orders).await {
            bail!(reason);
        }
    }
}

async fn told_to_log_in(orders: &mut mpsc::UnboundedReceiver<Command>) -> bool {
    while let Some(order) = orders.recv().await {
        if matches!(order, Command::LogIn) {
            return true;
        }
    }
    false
}

/// Plays from map-server to map-server. Returns why the connection was lost; `None` back to character select.
async fn play(
    account: &Account,
    ticket: Ticket,
    shared: &Shared,
    orders: &mut mpsc::UnboundedReceiver<Command>,
) -> Option<String> {
    shared.state().ticket = Some(ticket);
    loop {
        let end = Stay::begin(account, shared).await;
        let end = match end {
            Ok(mut stay) => stay.run(orders).await,
            Err(error) => Err(error),
        };
        let mut state = shared.state();
        state.in_play = false;
        state.walk = None;
        match end.unwrap_or_else(|error| End::Lost(format!("{error:#}"))) {
            End::Redirected => state.record.redirects += 1,
            End::CharacterSelect => return None,
            End::Lost(reason) => {
                state.record.losses += 1;
                state.record.hop(HopKind::Loss, Instant::now());
                return Some(reason);
            }
        }
    }
}

/// One connection to a map-server.
struct Stay<'a> {
    shared: &'a Shared,
    wire: Wire,
    pings: Interval,
    /// Maps the client has loaded (0x007d) without having heard of the server since.
    loading: u32,
}

impl<'a> Stay<'a> {
    async fn begin(account: &Account, shared: &'a Shared) -> Result<Self> {
        let (server, enter) = {
            let state = shared.state();
            let ticket = state.ticket.as_ref().expect("play sets the ticket first");
            let enter = Enter {
                account: ticket.account,
                character: ticket.character,
                login_id1: Secret::new(ticket.login_id1),
                client_tick: state.record.clock(),
                unknown: 0,
                sex: ticket.sex,
            };
            (ticket.map_server, enter)
        };
        let mut wire = Wire::connect(server).await?;
        wire.send(&enter.encode()).await?;
        shared.state().record.connected = Some(Instant::now());
        let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + account.ping, account.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { shared, wire, pings, loading: 0 })
    }

    async fn run(&mut self, orders: &mut mpsc::UnboundedReceiver<Command>) -> Result<End> {
        loop {
            let next = tokio::select! {
                biased;
                packet = self.wire.next() => Next::Packet(packet?),
                order = orders.recv() => Next::Order(order),
                _ = self.pings.tick() => Next::Ping,
            };
            match next {
                Next::Packet(None) => return Ok(End::Lost("closed by the server".into())),
                Next::Packet(Some(packet)) => {
                    if let ControlFlow::Break(end) = self.packet(&packet).await? {
                        return Ok(end);
                    }
                }
                Next::Ping => self.ask_time().await?,
                Next::Order(None) => return Ok(End::Lost("the player is gone".into())),
                Next::Order(Some(Command::Send(bytes))) => self.wire.send(&bytes).await?,
                Next::Order(Some(Command::HalfClose)) => self.wire.half_close().await?,
                Next::Order(Some(Command::Reset)) => {
                    self.wire.reset_on_drop()?;
                    return Ok(End::Lost("reset by the player".into()));
                }
                Next::Order(Some(Command::LogIn)) => {}
            }
        }
    }

    async fn packet(&mut self, packet: &[u8]) -> Result<ControlFlow<End>> {
        if packet.starts_with(&packets::REDIRECT.to_le_bytes()) {
            self.shared.state().record.hop(HopKind::Redirect, Instant::now());
        } else {
            self.shared.state().record.packet(Instant::now());
        }
        if packet.starts_with(&packets::LIVE_PING.to_le_bytes()) {
            self.wire.send(&packets::live_pong()).await?;
        }
        let Some(event) = packets::read(packet)? else { return Ok(ControlFlow::Continue(())) };
        let event = self.note(event);
        self.shared.journal.add(event.clone());
        match &event {
            Event::Entered(_) | Event::Moved(_) => {
                self.wire.send(&packets::loaded()).await?;
                self.ask_time().await?;
                self.loading += 1;
            }
            Event::Redirected(..) => return Ok(ControlFlow::Break(End::Redirected)),
            Event::ToCharacterSelect => return Ok(ControlFlow::Break(End::CharacterSelect)),
            Event::Refused(reason) => return Ok(ControlFlow::Break(End::Lost(reason.clone()))),
            Event::Time(_) => self.answered(),
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    async fn ask_time(&mut self) -> Result<()> {
        let clock = self.shared.state().record.clock();
        self.wire.send(&packets::time(clock)).await
    }

    /// Servers answer in order: the time after 0x007d shows that the player is on the map.
    fn answered(&mut self) {
        let open = self.loading;
        self.loading = open.saturating_sub(1);
        if open != 1 {
            return;
        }
        let mut state = self.shared.state();
        state.in_play = true;
        let place = state.place.clone().unwrap_or_else(|| Place::new("", 0, 0));
        drop(state);
        self.shared.journal.add(Event::Loaded(place));
    }

    /// Keeps the player's own state; completes what the packet alone does not say.
    fn note(&self, event: Event) -> Event {
        let mut state = self.shared.state();
        let own = state.ticket.as_ref().map_or(0, |ticket| ticket.account.0);
        match event {
            Event::Entered(at) => {
                let map = state.ticket.as_ref().map_or("", |ticket| ticket.place.map.as_str());
                let place = Place::new(map, at.x, at.y);
                state.place = Some(place.clone());
                state.sitting = false;
                return Event::Entered(place);
            }
            Event::Moved(ref place) => {
                state.place = Some(place.clone());
                state.walk = None;
                if let Some(ticket) = &mut state.ticket {
                    ticket.place = place.clone();
                }
            }
            Event::Redirected(server, ref place) => {
                if let Some(ticket) = &mut state.ticket {
                    ticket.map_server = server;
                    ticket.place = place.clone();
                }
            }
            Event::Walking { from, to } => {
                state.walk = Some(Walk { arrives: Instant::now() + walking_time(from, to) });
                state.put(to);
            }
            Event::Stopped(id, at) if id == own => {
                state.walk = None;
                state.put(at);
            }
            Event::Sat(id) if id == own => state.sitting = true,
            Event::Stood(id) if id == own => state.sitting = false,
            _ => {}
        }
        event
    }
}

enum Next {
    Packet(Option<bytes::Bytes>),
    Order(Option<Command>),
    Ping,
}

impl super::State {
    fn put(&mut self, (x, y): (u16, u16)) {
        if let Some(place) = &mut self.place {
            (place.x, place.y) = (x, y);
        }
    }
}

/// How long a straight walk takes; around obstacles it takes longer. Diagonal steps cost 1.4 (`unit.cpp`, `MOVE_DIAGONAL_COST`).
fn walking_time(from: (u16, u16), to: (u16, u16)) -> Duration {
    let (dx, dy) = (u64::from(from.0.abs_diff(to.0)), u64::from(from.1.abs_diff(to.1)));
    let (diagonal, straight) = (dx.min(dy), dx.abs_diff(dy));
    Duration::from_millis(straight * WALK_SPEED + diagonal * WALK_SPEED * 14 / 10)
}
