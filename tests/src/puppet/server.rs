//! The loop: everything that happens, in turn.

#[path = "server/client.rs"]
mod client;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use bifrost_protocol::client::map::Disconnect;
use bifrost_protocol::client::{CloseReason, client_to_server};
use bifrost_protocol::ids::AccountId;
use bifrost_protocol::inter::{AllOffline, BonusRequest, LoginResult};
use bifrost_protocol::inter::{
    Authenticated, ChangeServerAnswer, CharacterSelectAnswer, CooldownRequest, Counted, Kick, KickReason, Login,
    LoginAnswer, Maps, MapsAccepted, Online, OnlinePlayer, Ping, Refused, Registry, Saved, ServerMaps, Storage,
    TotalUsers, UserCount, WentOffline, char_to_map,
};
use bifrost_protocol::{FixedText, Ipv4Be, List, Packet, PortBe, Secret};
use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::fault::Fault;
use super::player::{Kind, Player, Stage, foreign, shorter};
use super::say;
use super::settings::Settings;
use super::wire::{self, From, Heard, Wire};

/// Packets that may wait for the loop.
const INBOX: usize = 4_096;
/// Between two counts of users (`UPDATE_INTERVAL`).
const COUNT_INTERVAL: Duration = Duration::from_secs(10);
/// The save that [`Fault::TornSave`] tears.
const TORN_SAVE: u64 = 3;
/// How long an ending puppet may take to get everything out.
const FLUSH: Duration = Duration::from_secs(2);

/// A puppet that runs.
pub(super) struct Server {
    settings: Settings,
    faults: Vec<Fault>,
    char: Option<(u64, Wire)>,
    /// Whether the char-server has taken it (0x2afb).
    online: bool,
    clients: BTreeMap<u64, Wire>,
    players: BTreeMap<AccountId, Player>,
    /// Where other map-servers have which maps.
    elsewhere: BTreeMap<String, SocketAddrV4>,
    heard: mpsc::Sender<Heard>,
    tasks: JoinSet<()>,
    next: u64,
    saves: u64,
    /// When it is to die, or to hang.
    end: Option<(Instant, Fault)>,
    again: Option<Instant>,
}

impl Server {
    /// Plays until it is told to stop.
    pub(super) async fn play(settings: Settings, faults: Vec<Fault>) -> Result<(), String> {
        if faults.contains(&Fault::DieAtStart) {
            say("Error", "npc_parsesrcfile: this is what the puppet was told to say.");
            return Err("The puppet was told to die.".into());
        }
        let listener = TcpListener::bind(settings.listen).await.map_err(|error| format!("bind: {error}"))?;
        say("Status", &format!("Server is 'ready' and listening on port '{}'.", settings.listen.port()));
        let (heard, mut inbox) = mpsc::channel(INBOX);
        let mut server = Self {
            settings,
            faults,
            char: None,
            online: false,
            clients: BTreeMap::new(),
            players: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            heard,
            tasks: JoinSet::new(),
            next: 0,
            saves: 0,
            end: None,
            again: Some(Instant::now()),
        };
        let mut stop = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
        let mut autosave = interval(server.settings.autosave.max(Duration::from_millis(100)));
        let mut count = interval(COUNT_INTERVAL);
        autosave.set_missed_tick_behavior(MissedTickBehavior::Delay);
        count.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.recv(), if !server.has(Fault::Deaf) => break,
                () = until(server.end.map(|(at, _)| at)) => server.misbehave()?,
                () = until(server.again) => server.connect().await,
                Some(heard) = inbox.recv() => server.hear(heard).await?,
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    server.welcome(stream);
                },
                _ = autosave.tick() => server.save_all(),
                _ = count.tick() => server.count(),
            }
        }
        server.finish().await;
        Ok(())
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn misbehave(&mut self) -> Result<(), String> {
        match self.end.take() {
            Some((_, Fault::HangAfter(_))) => loop {
                std::thread::sleep(COUNT_INTERVAL);
            },
            _ => Err("The puppet was told to crash.".into()),
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    async fn connect(&mut self) {
        self.again = None;
        let Ok(stream) = TcpStream::connect(self.settings.char_server).await else {
            self.again = Some(Instant::now() + self.settings.reconnect);
            return;
        };
        let number = self.number();
        let from = From::Char(number);
        let wire = wire::open(stream, from, char_to_map(), false, self.heard.clone(), &mut self.tasks);
        say("Status", "Logging in to char server...");
        let login = Login {
            user: FixedText::new(self.settings.user.as_str()),
            password: Secret::new(FixedText::new(self.settings.password.as_str())),
            unknown: 0,
            ip: Ipv4Be(*self.settings.public.ip()),
            port: PortBe(self.settings.public.port()),
        };
        if !self.has(Fault::SilentLogin) {
            wire.send(login.encode());
        }
        self.char = Some((number, wire));
    }

    fn welcome(&mut self, stream: TcpStream) {
        let number = self.number();
        let table = client_to_server();
        let wire = wire::open(stream, From::Client(number), table, true, self.heard.clone(), &mut self.tasks);
        self.clients.insert(number, wire);
    }

    async fn hear(&mut self, heard: Heard) -> Result<(), String> {
        match heard {
            Heard::Packet(From::Char(number), packet) => {
                if self.char.as_ref().is_some_and(|(current, _)| *current == number) {
                    self.char_says(&packet).await?;
                }
            }
            Heard::Closed(From::Char(number)) => {
                if self.char.take_if(|(current, _)| *current == number).is_some() {
                    say("Warning", "Connection to Char Server lost.");
                    self.online = false;
                    self.elsewhere.clear();
                    self.again = Some(Instant::now() + self.settings.reconnect);
                }
            }
            Heard::Packet(From::Client(number), packet) => self.client_says(number, &packet),
            Heard::Closed(From::Client(number)) => self.left(number),
        }
        Ok(())
    }

    /// Sends to the char-server, if there is one (`chrif_check`).
    fn tell(&self, packet: impl Into<Bytes>) {
        if let Some((_, wire)) = &self.char {
            wire.send(packet);
        }
    }

    async fn char_says(&mut self, packet: &[u8]) -> Result<(), String> {
        let id = bifrost_protocol::frame::packet_id(packet).unwrap_or_default();
        match id {
            LoginAnswer::ID => self.logged_in(packet)?,
            MapsAccepted::ID => self.taken_in().await,
            TotalUsers::ID => self.tell(Ping {}.encode()),
            ServerMaps::ID => self.learn(packet),
            Authenticated::ID => self.authenticated(packet),
            Refused::ID => {
                if let Some(player) =
                    Refused::decode(packet).ok().and_then(|refused| self.players.remove(&refused.account))
                {
                    self.close(player.client, CloseReason(0));
                }
            }
            Registry::ID => self.registry(packet),
            Storage::ID => self.storage(packet),
            ChangeServerAnswer::ID => self.change_answered(packet),
            CharacterSelectAnswer::ID => self.select_answered(packet),
            Kick::ID => self.kicked(packet),
            Saved::ID => {
                if let Ok(saved) = Saved::decode(packet) {
                    let gone = self.players.get(&saved.account).is_some_and(|player| player.stage == Stage::Leaving);
                    gone.then(|| self.players.remove(&saved.account));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn logged_in(&self, packet: &[u8]) -> Result<(), String> {
        if !LoginAnswer::decode(packet).is_ok_and(|answer| answer.result == LoginResult::ACCEPTED) {
            return Err("Connection to char-server failed, please check conf/import/map_conf userid and passwd.".into());
        }
        say("Status", "Sending maps to char server...");
        let mut maps = self.settings.maps.clone();
        if self.has(Fault::MissingMap) {
            maps.pop();
        }
        if self.has(Fault::ForeignMap) {
            maps.push("prontera".into());
        }
        self.tell(Maps { maps: List(maps.iter().map(FixedText::new).collect()) }.encode());
        // Castles and clans, as a stock server asks at its first login.
        self.tell(Bytes::from_static(&[0x40, 0x30, 0x08, 0, 1, 0, 0, 0]));
        self.tell(Bytes::from_static(&[0xa0, 0x30]));
        Ok(())
    }

    /// `chrif_on_ready`.
    async fn taken_in(&mut self) {
        say("Status", "Map Server is now online.");
        self.online = true;
        let here = self.players.values().filter(|player| player.stage == Stage::Here);
        let here = here.map(|player| OnlinePlayer { account: player.account, character: player.character }).collect();
        self.tell(Online { players: Counted(here) }.encode());
        // Those who asked while nobody could answer are sent away, those who left are saved again.
        for account in self.at_stage(Stage::Asking) {
            if let Some(player) = self.players.remove(&account) {
                self.close(player.client, CloseReason(0));
                self.tell(WentOffline { character: player.character, account }.encode());
            }
        }
        self.at_stage(Stage::Leaving).into_iter().for_each(|account| self.save(account, Kind::Quit));
        let now = Instant::now();
        self.end = self.faults.iter().find_map(|fault| {
            let (Fault::DieAfter(after) | Fault::HangAfter(after)) = fault else { return None };
            Some((now + *after, *fault))
        });
        if self.has(Fault::Garbage) {
            self.tell(Bytes::from_static(&[0xff, 0xff, 1, 2, 3]));
        }
        if let (true, Some((_, wire))) = (self.has(Fault::Flood), &self.char) {
            wire.flood(UserCount { users: 1 }.encode()).await;
        }
    }

    fn learn(&mut self, packet: &[u8]) {
        let Ok(server) = ServerMaps::decode(packet) else { return };
        let address = SocketAddrV4::new(server.ip.0, server.port.0);
        self.elsewhere.extend(server.maps.0.iter().map(|map| (map.to_text(), address)));
    }

    fn registry(&self, packet: &[u8]) {
        let Ok(registry) = Registry::decode(packet) else { return };
        let Some(player) = self.players.get(&registry.account) else { return };
        // The realm's values come last.
        if registry.page.complete == 1 {
            player.storage_requests().for_each(|request| self.tell(request));
            let (account, character) = (player.account, player.character);
            self.tell(CooldownRequest { account, character }.encode());
            self.tell(BonusRequest { character }.encode());
        }
    }

    fn storage(&mut self, packet: &[u8]) {
        let Ok(storage) = Storage::decode(packet) else { return };
        let Some(player) = self.players.get_mut(&storage.account) else { return };
        if player.take_storage(storage.kind, storage.image) {
            self.arrived(storage.account);
        }
    }

    fn kicked(&mut self, packet: &[u8]) {
        let Ok(kick) = Kick::decode(packet) else { return };
        let Some(player) = self.players.get(&kick.account) else { return };
        let reason = match kick.reason {
            KickReason::OTHER_LOGIN => CloseReason::OTHER_LOGIN,
            KickReason::GAME_MASTER => CloseReason(15),
            _ => CloseReason::SERVER_CLOSED,
        };
        let client = player.client;
        self.close(client, reason);
        self.left(client);
    }

    /// Tells a client why, and closes it.
    fn close(&mut self, client: u64, reason: CloseReason) {
        if let Some(wire) = self.clients.remove(&client) {
            wire.send(Disconnect { reason }.encode());
        }
    }

    fn save_all(&mut self) {
        self.at_stage(Stage::Here).into_iter().for_each(|account| self.save(account, Kind::Regular));
    }

    fn at_stage(&self, stage: Stage) -> Vec<AccountId> {
        self.players.values().filter(|player| player.stage == stage).map(|player| player.account).collect()
    }

    /// Writes a save, or leaves it for the next time when there is no char-server.
    fn save(&mut self, account: AccountId, kind: Kind) {
        let Some(player) = self.players.get(&account).filter(|_| self.online) else { return };
        let mut packets = player.save(kind);
        self.saves += 1;
        if self.has(Fault::WrongLayout) {
            packets = shorter(packets);
        }
        if self.has(Fault::TornSave) && self.saves == TORN_SAVE {
            packets.truncate(packets.len() / 2);
            packets.into_iter().for_each(|packet| self.tell(packet));
            self.char = None;
            self.online = false;
            self.again = Some(Instant::now() + self.settings.reconnect);
            return;
        }
        let lies = if self.has(Fault::ForeignSave) { foreign(&packets) } else { Vec::new() };
        let again = if self.has(Fault::Replay) { packets.clone() } else { Vec::new() };
        packets.into_iter().chain(lies).chain(again).for_each(|packet| self.tell(packet));
    }

    fn count(&self) {
        if self.online {
            let here = self.players.values().filter(|player| player.stage == Stage::Here).count();
            self.tell(UserCount { users: u16::try_from(here).unwrap_or(u16::MAX) }.encode());
        }
    }

    /// `handle_shutdown` and `finalize`: everybody out, saved, and gone.
    async fn finish(mut self) {
        say("Status", "Shutting down...");
        let here: Vec<_> = self.players.values().map(|player| (player.account, player.client, player.stage)).collect();
        for (account, client, stage) in here {
            self.close(client, CloseReason(15));
            if stage == Stage::Here {
                self.save(account, Kind::Quit);
            }
        }
        self.tell(AllOffline {}.encode());
        let Self { char, clients, mut tasks, heard, .. } = self;
        drop((char, clients, heard));
        // Writers end when everything is out; readers when the other side has closed, which is not waited for.
        let written = async { while tasks.join_next().await.is_some() {} };
        let _unread = tokio::time::timeout(FLUSH.min(Duration::from_millis(300)), written).await;
        say("Status", "Terminating...");
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
