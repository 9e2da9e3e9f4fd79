//! The map-server itself: events in, outputs out.
//!
//! The owner calls [`World::handle`] for everything that happens, with the time since the engine started, then
//! [`World::poll`] until it is empty, and [`WorldEvent::Tick`] when [`World::next_wakeup`] has come.

mod entering;
mod event;
mod grid;
pub mod limits;
mod map;
mod player;
mod refusing;
mod sight;
mod social;
mod status;
mod units;
mod walking;
mod warping;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bifrost_protocol::client::client_to_server;
use bifrost_protocol::client::map::{ClientToMap, Ping, Posture, QuitAck, RefusedRequest, Time, Unblocked};
use bifrost_protocol::control::{EventLog, MapState, Place, PlayerUpdate};
use bifrost_protocol::ids::{AccountId, SessionId};
use bifrost_protocol::{DecodeError, Packet};
use bytes::Bytes;

pub use event::{MapProblem, WorldConfig, WorldError, WorldEvent, WorldOutput};
pub use map::{FIRST_WARP_ID, MAX_MAPS, MAX_WARPS_PER_MAP};
pub use player::WALK_SPEED;
pub use sight::{CHAT_RANGE, SIGHT_RANGE};

use map::Maps;
use player::{Player, Stage, Wish};

use crate::random::Random;

/// Time between looks at clients that may need a ping (`ping_timer_inverval`, conf/battle/client.conf).
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time without a packet to a client until it is pinged (`ping_time`).
const PING_AFTER: Duration = Duration::from_secs(20);
/// A step that comes later than this counts from now, not from when it was due (`do_timer`, timer.cpp).
const MAX_STEP_DELAY: Duration = Duration::from_secs(1);

/// A running map-server.
#[derive(Debug)]
pub struct World {
    maps: Maps,
    players: BTreeMap<SessionId, Player>,
    accounts: BTreeMap<AccountId, SessionId>,
    /// When whose next step is due.
    steps: BTreeSet<(Duration, SessionId)>,
    next_ping: Duration,
    outputs: VecDeque<WorldOutput>,
    changed: BTreeSet<SessionId>,
    logs: VecDeque<EventLog>,
    random: Random,
    on_hold: bool,
    now: Duration,
}

impl World {
    /// A world without players.
    ///
    /// # Errors
    /// The configuration is not legal; the error says which map or warp and why.
    pub fn new(config: &WorldConfig, seed: u64) -> Result<Self, WorldError> {
        Ok(Self {
            maps: Maps::new(config)?,
            players: BTreeMap::new(),
            accounts: BTreeMap::new(),
            steps: BTreeSet::new(),
            next_ping: PING_INTERVAL,
            outputs: VecDeque::new(),
            changed: BTreeSet::new(),
            logs: VecDeque::new(),
            random: Random::new(seed),
            on_hold: false,
            now: Duration::ZERO,
        })
    }

    /// Takes an event. `now` is the time since the engine started; a clock that steps back stands still here.
    pub fn handle(&mut self, event: WorldEvent, now: Duration) {
        self.now = self.now.max(now);
        self.run_timers();
        match event {
            WorldEvent::Join { session, character, changing } => self.join(session, &character, changing),
            WorldEvent::Packet { session, packet } => self.packet(session, &packet),
            WorldEvent::Leave { session } | WorldEvent::Release { session } => self.release(session),
            WorldEvent::Stay { session } => self.stay(session),
            WorldEvent::Hold => self.hold(),
            WorldEvent::Resume => self.resume(),
            WorldEvent::Tick => {}
        }
    }

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<WorldOutput> {
        self.outputs.pop_front()
    }

    /// When [`WorldEvent::Tick`] is due, in time since the engine started; `None` while nothing is.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Duration> {
        let step = self.steps.first().map(|(due, _)| *due);
        let ping = (!self.players.is_empty()).then_some(self.next_ping);
        step.into_iter().chain(ping).min()
    }

    /// Players that changed since the last call, each once.
    pub fn take_updates(&mut self) -> Vec<PlayerUpdate> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().filter_map(|session| self.players.get(session)).map(|player| self.update_of(player)).collect()
    }

    /// Whether [`take_updates`](Self::take_updates) would return anything.
    #[must_use]
    pub fn has_updates(&self) -> bool {
        !self.changed.is_empty()
    }

    /// All players.
    #[must_use]
    pub fn full_state(&self) -> Vec<PlayerUpdate> {
        self.players.values().map(|player| self.update_of(player)).collect()
    }

    /// What happened since the last call.
    pub fn take_logs(&mut self) -> Vec<EventLog> {
        self.logs.drain(..).collect()
    }

    /// The state of the group as a whole.
    #[must_use]
    pub fn map_state(&self) -> MapState {
        MapState { tick: self.millis(), players: u32::try_from(self.players.len()).unwrap_or(u32::MAX) }
    }

    /// Sessions in this world, held ones included.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.players.keys().copied()
    }

    fn run_timers(&mut self) {
        while let Some(&(due, session)) = self.steps.first().filter(|(due, _)| *due <= self.now) {
            let at = if self.now - due > MAX_STEP_DELAY { self.now } else { due };
            self.step(session, at);
        }
        if self.next_ping <= self.now {
            self.next_ping = self.now + PING_INTERVAL;
            let silent = |player: &&Player| self.now.saturating_sub(player.last_sent) >= PING_AFTER;
            for session in self.players.values().filter(silent).map(|player| player.session).collect::<Vec<_>>() {
                self.send(session, &Ping {});
            }
        }
    }

    /// A whole packet of a client.
    fn packet(&mut self, session: SessionId, packet: &[u8]) {
        let now = self.now;
        let Some(player) = self.players.get_mut(&session) else { return };
        if matches!(player.stage, Stage::Held { wants: Wish::Close, .. }) {
            return;
        }
        if !player.packets.take(now) {
            return self.misbehaved(session, "sends more packets than any client does".into());
        }
        match ClientToMap::decode(packet) {
            Ok(packet) => self.request(session, packet),
            Err(DecodeError::UnknownId { .. }) => self.other_request(session, packet),
            Err(error) => self.misbehaved(session, error.to_string()),
        }
    }

    /// A packet for things that do not exist here. What clients wait for is refused. The rest is passed over: rAthena
    /// answers most of it only when there is something to answer with, so silence is what clients are used to.
    fn other_request(&mut self, session: SessionId, packet: &[u8]) {
        match RefusedRequest::decode(packet) {
            Ok(request) if self.is_playing(session) => self.refuse(session, &request),
            Ok(_) => {}
            Err(DecodeError::UnknownId { .. }) if client_to_server().measure(packet) == Ok(Some(packet.len())) => {}
            Err(error) => self.misbehaved(session, error.to_string()),
        }
    }

    fn is_playing(&self, session: SessionId) -> bool {
        !self.on_hold && self.players.get(&session).is_some_and(|player| player.stage == Stage::Playing)
    }

    fn request(&mut self, session: SessionId, request: ClientToMap) {
        let playing = self.is_playing(session);
        let Some(player) = self.players.get_mut(&session) else { return };
        match request {
            ClientToMap::AskTime(_) => {
                let server_tick = self.tick();
                self.send(session, &Time { server_tick });
            }
            ClientToMap::Enter(_) => self.misbehaved(session, "enters a second time".into()),
            ClientToMap::Loaded(_) if player.stage == Stage::Loading && self.on_hold => player.loaded_on_hold = true,
            ClientToMap::Loaded(_) if player.stage == Stage::Loading => self.loaded(session),
            ClientToMap::Unblock(_) => self.send(session, &Unblocked {}),
            // Only a client whose character stands on the map may do anything else (`clif_parse`, clif.cpp).
            _ if !playing => {}
            ClientToMap::Walk(walk) => self.ask_walk(session, walk.to),
            ClientToMap::Turn(turn) => self.turn(session, &turn),
            ClientToMap::Act(act) => self.act(session, act.action),
            ClientToMap::Say(say) => self.say(session, &say.text),
            ClientToMap::Whisper(whisper) => self.whisper(session, &whisper),
            ClientToMap::Emote(emote) => self.emote(session, emote.emotion),
            ClientToMap::AskName(ask) => self.tell_name(session, ask.object),
            ClientToMap::AskCharacterName(ask) => self.tell_character_name(session, ask.character),
            ClientToMap::AskPlayerCount(_) => self.tell_player_count(session),
            ClientToMap::Restart(restart) => self.restart(session, restart.kind),
            ClientToMap::Quit(_) => self.send(session, &QuitAck { result: 0 }),
            ClientToMap::Loaded(_) | ClientToMap::Pong(_) | ClientToMap::KeepAlive(_) | ClientToMap::AskGuild(_) => {}
        }
    }

    /// Reports a client that broke the protocol, once, and listens to it no more.
    fn misbehaved(&mut self, session: SessionId, problem: String) {
        self.halt(session);
        if let Some(player) = self.players.get_mut(&session) {
            player.stage = Stage::Held { wants: Wish::Close, visible: player.is_visible() };
            self.outputs.push_back(WorldOutput::Misbehaved { session, problem });
        }
    }

    fn send(&mut self, session: SessionId, packet: &impl Packet) {
        self.send_bytes(session, packet.encode());
    }

    fn send_bytes(&mut self, session: SessionId, bytes: Bytes) {
        if let Some(player) = self.players.get_mut(&session).filter(|_| !bytes.is_empty()) {
            player.last_sent = self.now;
            self.outputs.push_back(WorldOutput::ToClient { session, bytes });
        }
    }

    fn log(&mut self, session: SessionId, what: &str) {
        if self.logs.len() >= limits::MAX_LOGS {
            self.logs.pop_front();
        }
        self.logs.push_back(EventLog { session: session.0, what: what.into(), tick: self.millis() });
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX)
    }

    /// The server's clock as clients know it.
    fn tick(&self) -> u32 {
        tick_of(self.now)
    }

    fn update_of(&self, player: &Player) -> PlayerUpdate {
        let map = self.maps.get(player.map).name.to_string();
        PlayerUpdate {
            session: player.session.0,
            at: Some(Place { map, x: player.at.x.into(), y: player.at.y.into() }),
            direction: player.body.number().into(),
            sitting: player.posture == Posture::SITTING,
            hp: player.hp,
            sp: player.sp,
        }
    }
}

/// A time as the 32 bits of milliseconds that clients know. It wraps after 49 days, as rAthena's does.
fn tick_of(time: Duration) -> u32 {
    u32::try_from(time.as_millis() % (1 << 32)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
