//! A char-server, nodes, engines and clients around the core, in simulated time. One seed, one story.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bifrost_protocol::client::Enter;
use bifrost_protocol::client::map::RestartAck;
use bifrost_protocol::control::{
    Assigned, Beat, Benchmark, ChangeMap, DbSync, EngineOrder, EngineSays, GameOpen, HeldLease, Hello, NodeSays,
    PlayerUpdate, SessionRef, SyncData,
};
use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName, HostId, MapName, MapPoint};
use bifrost_protocol::inter::{
    Authenticated, ChangeServerAnswer, CharToMap, CharacterSelectAnswer, MapToChar, Refused, Saved,
};
use bifrost_protocol::layout::{CharacterImage, NewCharacter};
use bifrost_protocol::{FixedText, Packet, Secret};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::config::{Eligibility, EngineKind, GroupClass};
use crate::fleet::character::{image_point, place};
use crate::fleet::command::{Command, FleetConfig, GroupFacts, Input, StoreWrite};
use crate::fleet::core::Fleet;
use crate::fleet::{ConnectionId, HostKind, LinkId};

pub(super) const MAPS: [(&str, &str, GroupClass); 3] = [
    ("town", "town_map", GroupClass::Critical),
    ("field", "field_map", GroupClass::Eligible),
    ("cave", "cave_map", GroupClass::Eligible),
];

/// An engine of one group on one node.
#[derive(Debug, Default)]
pub(super) struct Engine {
    epoch: u64,
    sequence: u64,
    /// Account, character and state by session.
    sessions: BTreeMap<u64, (u32, PlayerUpdate)>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) host: HostId,
    pub(super) kind: HostKind,
    pub(super) alive: bool,
    beats: u64,
    pub(super) engines: BTreeMap<GroupName, Engine>,
}

/// What the char-server knows of a character.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) image: CharacterImage,
    pub(super) expected: bool,
    pub(super) online: bool,
}

pub(super) struct Sim {
    pub(super) fleet: Fleet,
    pub(super) now: Duration,
    rng: StdRng,
    due: BTreeMap<(Duration, u64), Input>,
    counter: u64,
    pub(super) nodes: BTreeMap<LinkId, Node>,
    /// The account of every open client connection, and whether it is on an engine.
    pub(super) clients: BTreeMap<ConnectionId, u32>,
    pub(super) playing: BTreeMap<u32, LinkId>,
    pub(super) characters: BTreeMap<u32, Stored>,
    pub(super) char_up: bool,
    /// Whether gateways carry the clients that come from now on.
    pub(super) held: bool,
    pub(super) closed_by_us: BTreeSet<u32>,
    pub(super) log: Vec<String>,
}

fn point(map: &str, x: u16) -> MapPoint {
    MapPoint { map: MapName::new(map).expect("legal"), x, y: 10 }
}

impl Sim {
    pub(super) fn new(seed: u64) -> Self {
        let facts = |class, map: &str| GroupFacts {
            class,
            engine: EngineKind::Embedded,
            maps: vec![MapName::new(map).expect("legal")],
            exits: MAPS.iter().map(|(_, map, _)| point(map, 20)).collect(),
        };
        let groups = MAPS.iter().map(|(name, map, class)| (GroupName((*name).into()), facts(*class, map))).collect();
        let fleet = Fleet::new(config(), groups, &[], Vec::new());
        let mut sim = Self {
            fleet,
            now: Duration::ZERO,
            rng: StdRng::seed_from_u64(seed),
            due: BTreeMap::new(),
            counter: 0,
            nodes: BTreeMap::new(),
            clients: BTreeMap::new(),
            playing: BTreeMap::new(),
            characters: BTreeMap::new(),
            char_up: true,
            held: false,
            closed_by_us: BTreeSet::new(),
            log: Vec::new(),
        };
        sim.give(Input::CharUp);
        sim
    }

    pub(super) fn number(&mut self, below: u64) -> u64 {
        self.rng.random_range(0..below)
    }

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Delivers an input after a short while, in order of arrival.
    fn later(&mut self, input: Input) {
        let key = (self.now + Duration::from_millis(2), self.next());
        self.due.insert(key, input);
    }

    pub(super) fn node(&mut self, name: &str, kind: HostKind) -> LinkId {
        let link = LinkId(self.next());
        let host = HostId(name.into());
        let node = Node { host: host.clone(), kind, alive: true, beats: 0, engines: BTreeMap::new() };
        self.nodes.insert(link, node);
        let good =
            Benchmark { cores: 4, memory_mib: 16_000, cpu_score: 1_000, upload_kbps: 50_000, ..Benchmark::default() };
        let hello = Hello { benchmark: Some(good), uptime_seconds: 9_000, ..Hello::default() };
        self.give(Input::NodeConnected(link, host, kind, Box::new(hello)));
        link
    }

    /// The same node on a new connection, with its engines as they are.
    pub(super) fn reconnect(&mut self, old: LinkId) -> LinkId {
        let node = self.nodes.remove(&old).expect("a node");
        let held = |(group, engine): (&GroupName, &Engine)| HeldLease { group: group.0.clone(), epoch: engine.epoch };
        let leases = node.engines.iter().map(held).collect();
        let hello = Hello { leases, uptime_seconds: 9_000, ..Hello::default() };
        let (link, host, kind) = (LinkId(self.next()), node.host.clone(), node.kind);
        self.nodes.insert(link, node);
        self.give(Input::NodeClosed(old));
        self.give(Input::NodeConnected(link, host, kind, Box::new(hello)));
        link
    }

    pub(super) fn arrive(&mut self, account: u32, map: &str) -> ConnectionId {
        let image = CharacterImage::fresh(&NewCharacter {
            account: AccountId(account),
            character: CharacterId(account + 1_000),
            name: FixedText::new(format!("p{account}")),
            slot: 0,
            sex: 1,
            class: 0,
            hair: 1,
            hair_color: 0,
            start: image_point(&point(map, 5)),
            status_point: 0,
            zeny: 0,
        });
        let stored = self.characters.entry(account).or_insert(Stored { image, expected: true, online: false });
        stored.expected = true;
        self.connect(account)
    }

    pub(super) fn connect(&mut self, account: u32) -> ConnectionId {
        let connection = ConnectionId(self.next());
        self.clients.insert(connection, account);
        let enter = Enter {
            account: AccountId(account),
            character: CharacterId(account + 1_000),
            login_id1: Secret::new(7),
            client_tick: 0,
            unknown: 0,
            sex: 1,
        };
        self.later(Input::Arrived(connection, enter, Ipv4Addr::LOCALHOST, self.held));
        connection
    }

    pub(super) fn leave(&mut self, connection: ConnectionId) {
        if let Some(account) = self.clients.remove(&connection) {
            self.playing.remove(&account);
            self.later(Input::ClientClosed(connection));
            self.let_go(account);
        }
    }

    /// The engine notices that a client is gone: last state, then released.
    fn let_go(&mut self, account: u32) {
        let mut said = Vec::new();
        for (link, node) in self.nodes.iter_mut().filter(|(_, node)| node.alive) {
            for (group, engine) in &mut node.engines {
                let found = engine.sessions.iter().find(|(_, (of, _))| *of == account).map(|(session, _)| *session);
                let Some((session, (_, update))) = found.and_then(|session| engine.sessions.remove_entry(&session))
                else {
                    continue;
                };
                said.push((*link, group.clone(), engine.epoch, engine.sync(vec![update])));
                said.push((*link, group.clone(), engine.epoch, EngineSays::Released(SessionRef { session })));
            }
        }
        said.into_iter()
            .for_each(|(link, group, epoch, says)| self.later(Input::Engine(link, group, Epoch(epoch), says)));
    }

    /// Lets time pass: ticks, beats, deliveries.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(10);
            while let Some(key) = self.due.keys().next().copied().filter(|(at, _)| *at <= self.now) {
                let input = self.due.remove(&key).expect("just seen");
                self.give(input);
            }
            if self.now.as_millis().is_multiple_of(250) {
                let mut beats = Vec::new();
                for (link, node) in self.nodes.iter_mut().filter(|(_, node)| node.alive) {
                    node.beats += 1;
                    beats.push((*link, Beat { sequence: node.beats, ..Beat::default() }));
                }
                beats.into_iter().for_each(|(link, beat)| self.give(Input::Beat(link, beat, Duration::from_millis(1))));
            }
            self.give(Input::Tick);
        }
    }

    /// Some player on a living engine walks; perhaps through a warp.
    pub(super) fn walk(&mut self) {
        let (step, warp) = (self.number(200), self.number(4) == 0);
        let target = MAPS[usize::try_from(self.number(3)).expect("small")].1;
        let mut said = Vec::new();
        for (link, node) in self.nodes.iter_mut().filter(|(_, node)| node.alive) {
            for (group, engine) in &mut node.engines {
                let Some((session, (_, update))) = engine.sessions.iter_mut().next() else { continue };
                let session = *session;
                if let Some(at) = update.at.as_mut() {
                    at.x = u32::try_from(step).expect("small");
                }
                let update = update.clone();
                said.push((*link, group.clone(), engine.epoch, engine.sync(vec![update])));
                if warp {
                    let change = ChangeMap { session, to: Some(place(&point(target, 20))) };
                    said.push((*link, group.clone(), engine.epoch, EngineSays::ChangeMap(change)));
                }
            }
        }
        said.into_iter()
            .for_each(|(link, group, epoch, says)| self.later(Input::Engine(link, group, Epoch(epoch), says)));
    }

    pub(super) fn give(&mut self, input: Input) {
        self.fleet.handle(input, self.now);
        while let Some(command) = self.fleet.poll() {
            if !matches!(command, Command::Order(..) | Command::Char(_)) {
                self.log.push(format!("{:?} {command:?}", self.now));
            }
            self.carry_out(command);
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Attach(connection, link, open) => self.attach(connection, link, &open),
            Command::Redirect(connection, _) => {
                if let Some(account) = self.clients.remove(&connection) {
                    self.playing.remove(&account);
                    self.later(Input::ClientClosed(connection));
                    self.connect(account);
                }
            }
            Command::CloseClient(connection, _) => {
                if let Some(account) = self.clients.remove(&connection) {
                    self.playing.remove(&account);
                    self.closed_by_us.insert(account);
                    self.later(Input::ClientClosed(connection));
                }
            }
            Command::Assign(link, group, epoch, _) => self.assign(link, &group, epoch),
            Command::Order(link, group, EngineOrder::Release(who)) => self.release(link, &group, who.session),
            Command::CloseNode(link, ..) => {
                self.nodes.remove(&link);
            }
            Command::Char(packet) => self.char_server(packet),
            Command::Store(StoreWrite::Journal { link, group, epoch, sequence, .. }) => {
                self.later(Input::Journaled(link, group, epoch, sequence));
            }
            Command::Send(connection, packets) if packets.starts_with(&RestartAck::ID.to_le_bytes()) => {
                self.leave(connection);
            }
            Command::Order(..)
            | Command::Send(..)
            | Command::Hold(_)
            | Command::Tell(..)
            | Command::CloseSync(..)
            | Command::Forward(_)
            | Command::Inter(..)
            | Command::CloseInter(..)
            | Command::Store(_)
            | Command::EngineStarted(_)
            | Command::Found(_)
            | Command::Count(_) => {}
        }
    }

    fn attach(&mut self, connection: ConnectionId, link: LinkId, open: &GameOpen) {
        let Some(account) = self.clients.get(&connection).copied() else { return };
        let character = open.character.clone().expect("a character");
        let update = PlayerUpdate {
            session: open.session,
            at: character.at,
            hp: character.hp,
            sp: character.sp,
            ..PlayerUpdate::default()
        };
        let group = GroupName(open.group.clone());
        let Some(node) = self.nodes.get_mut(&link).filter(|node| node.alive) else { return };
        let engine = node.engines.get_mut(&group).expect("attached to an engine that was never assigned");
        assert_eq!(engine.epoch, open.epoch, "attached under another epoch than the engine's");
        engine.sessions.insert(open.session, (account, update));
        assert!(self.playing.insert(account, link).is_none(), "account {account} is on two engines");
        let entered = EngineSays::Entered(SessionRef { session: open.session });
        self.later(Input::Engine(link, group, Epoch(open.epoch), entered));
    }

    fn assign(&mut self, link: LinkId, group: &GroupName, epoch: Epoch) {
        let class = MAPS.iter().find(|(name, ..)| *name == group.0).expect("known").2;
        let Some(node) = self.nodes.get_mut(&link) else { return };
        assert!(class == GroupClass::Eligible || node.kind == HostKind::Fallback, "critical map on a player host");
        if node.alive {
            node.engines.insert(group.clone(), Engine { epoch: epoch.0, ..Engine::default() });
            let assigned = Assigned { group: group.0.clone(), epoch: epoch.0, problem: String::new(), standby: false };
            self.later(Input::NodeSays(link, NodeSays::Assigned(assigned)));
        }
    }

    fn release(&mut self, link: LinkId, group: &GroupName, session: u64) {
        let Some(node) = self.nodes.get_mut(&link).filter(|node| node.alive) else { return };
        let Some(engine) = node.engines.get_mut(group) else { return };
        let Some((_, update)) = engine.sessions.remove(&session) else { return };
        let (epoch, sync) = (Epoch(engine.epoch), engine.sync(vec![update]));
        self.later(Input::Engine(link, group.clone(), epoch, sync));
        self.later(Input::Engine(link, group.clone(), epoch, EngineSays::Released(SessionRef { session })));
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "a char-server that answers what the core asks")]
    fn char_server(&mut self, packet: MapToChar) {
        if !self.char_up {
            return;
        }
        match packet {
            MapToChar::Authenticate(ask) => {
                let stored = self.characters.get_mut(&ask.account.0).expect("known");
                let answer = if std::mem::take(&mut stored.expected) {
                    stored.online = true;
                    CharToMap::Authenticated(Authenticated {
                        account: ask.account,
                        login_id1: ask.login_id1,
                        login_id2: Secret::new(8),
                        expiration: 0,
                        group: 0,
                        changing_servers: 0,
                        image: stored.image.clone(),
                    })
                } else {
                    CharToMap::Refused(Refused {
                        account: ask.account,
                        character: ask.character,
                        login_id1: ask.login_id1,
                        sex: ask.sex,
                        client_ip: ask.client_ip,
                    })
                };
                self.later(Input::Char(answer.encode()));
            }
            MapToChar::Save(save) => {
                let stored = self.characters.get_mut(&save.account.0).expect("known");
                stored.image = save.image;
                if save.last == 1 {
                    stored.online = false;
                    let saved = Saved { account: save.account, character: save.character };
                    self.later(Input::Char(saved.encode()));
                }
            }
            MapToChar::ChangeServer(change) => {
                let stored = self.characters.get_mut(&change.account.0).expect("known");
                let to = point(&change.map.to_text(), change.x);
                stored.image.set_last_point(image_point(&to));
                stored.expected = true;
                let answer = ChangeServerAnswer {
                    account: change.account,
                    login_id1: change.login_id1,
                    login_id2: change.login_id2,
                    character: change.character,
                    map: change.map,
                    x: change.x,
                    y: change.y,
                    ip: change.ip,
                    port: change.port,
                };
                self.later(Input::Char(answer.encode()));
            }
            MapToChar::CharacterSelect(select) => {
                let answer = CharacterSelectAnswer { account: select.account, accepted: 1 };
                self.later(Input::Char(answer.encode()));
            }
            MapToChar::WentOffline(gone) => {
                self.characters.get_mut(&gone.account.0).expect("known").online = false;
            }
            _ => {}
        }
    }
}

impl Engine {
    fn sync(&mut self, updates: Vec<PlayerUpdate>) -> EngineSays {
        self.sequence += 1;
        let data = SyncData { player_updates: updates, ..SyncData::default() };
        EngineSays::Sync(DbSync::seal("sim", 0, self.epoch, self.sequence, self.sequence == 1, &data))
    }
}

fn config() -> FleetConfig {
    FleetConfig {
        public: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5121),
        beat: Duration::from_millis(250),
        lease: Duration::from_secs(3),
        reconnect: Duration::from_secs(30),
        limbo: Duration::from_secs(120),
        eligibility: Eligibility::default(),
        first_session: 0,
        standbys: 1,
        pseudonym_key: Secret::new([7; 32]),
    }
}
