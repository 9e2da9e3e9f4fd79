//! Stock map-servers, packet by packet: what one says, what it is told, what the char-server hears.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for a few of many commands and packets")]

mod starts;
mod trust;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bifrost_protocol::client::Enter;
use bifrost_protocol::control::{Assigned, Beat, Benchmark, GameOpen, HeldLease, Hello, NodeSays, SessionRef};
use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName, HostId, MapName, MapPoint};
use bifrost_protocol::inter::{
    Authenticate, Authenticated, BonusSave, ChangeServer, ChangeServerAnswer, CharToMap, Kick, Maps, Saved, ServerMaps,
    StorageKind,
};
use bifrost_protocol::inter::{MapToChar, Save, StorageSave};
use bifrost_protocol::layout::{CharacterImage, NewCharacter, StorageImage};
use bifrost_protocol::{FixedText, Ipv4Be, List, Packet, PortBe, Secret};
use bytes::Bytes;

use crate::config::{Eligibility, EngineKind, GroupClass};
use crate::fleet::character::image_point;
use crate::fleet::command::{Command, Duty, FleetConfig, GroupFacts, Input, StoreWrite};
use crate::fleet::core::Fleet;
use crate::fleet::event::InterEvent;
use crate::fleet::session::Phase;
use crate::fleet::{ConnectionId, HostKind, LinkId};

const ACCOUNT: AccountId = AccountId(2_000_001);
const CHARACTER: CharacterId = CharacterId(150_001);
const LOGIN_ID: u32 = 0x1234_5678;
const CITY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 9), 5000);

fn group(name: &str) -> GroupName {
    GroupName(name.into())
}

fn point(map: &str, x: u16, y: u16) -> MapPoint {
    MapPoint { map: MapName::new(map).expect("legal"), x, y }
}

/// A fleet with two groups of stock map-servers, its char-server, and everything it ordered.
struct Stage {
    fleet: Fleet,
    now: Duration,
    orders: VecDeque<Command>,
    beats: BTreeMap<LinkId, u64>,
    instances: u64,
    image: CharacterImage,
}

impl Stage {
    fn new() -> Self {
        let facts = |maps: &[&str]| GroupFacts {
            class: GroupClass::Eligible,
            engine: EngineKind::Rathena,
            maps: maps.iter().map(|map| MapName::new(map).expect("legal")).collect(),
            exits: BTreeSet::new(),
        };
        let groups = BTreeMap::from([
            (group("south"), facts(&["prt_fild08", "prt_fild05"])),
            (group("west"), facts(&["prt_fild06"])),
        ]);
        let config = FleetConfig {
            public: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5121),
            beat: Duration::from_millis(250),
            lease: Duration::from_secs(3),
            reconnect: Duration::from_secs(30),
            limbo: Duration::from_secs(120),
            eligibility: Eligibility::default(),
            first_session: 0,
            standbys: 1,
            pseudonym_key: Secret::new([7; 32]),
        };
        let image = CharacterImage::fresh(&NewCharacter {
            account: ACCOUNT,
            character: CHARACTER,
            name: FixedText::new("Bot0001"),
            slot: 0,
            sex: 1,
            class: 0,
            hair: 1,
            hair_color: 0,
            start: image_point(&point("prt_fild08", 170, 370)),
            status_point: 48,
            zeny: 1_000,
        });
        let mut stage = Self {
            fleet: Fleet::new(config, groups, &[], Vec::new()),
            now: Duration::ZERO,
            orders: VecDeque::new(),
            beats: BTreeMap::new(),
            instances: 0,
            image,
        };
        stage.give(Input::CharUp);
        let maps = List(vec![FixedText::new("prontera")]);
        stage.give(Input::Char(ServerMaps { ip: Ipv4Be(*CITY.ip()), port: PortBe(CITY.port()), maps }.encode()));
        stage.give(Input::Bundles(["linux-x86_64".to_owned()].into()));
        stage
    }

    fn give(&mut self, input: Input) {
        self.fleet.handle(input, self.now);
        while let Some(command) = self.fleet.poll() {
            self.orders.push_back(command);
        }
    }

    /// Takes what was ordered so far.
    fn taken(&mut self) -> Vec<Command> {
        self.orders.drain(..).collect()
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(20);
            for (link, sequence) in &mut self.beats {
                *sequence += 1;
                let beat = Beat { sequence: *sequence, ..Beat::default() };
                self.fleet.handle(Input::Beat(*link, beat, Duration::from_millis(1)), self.now);
            }
            self.give(Input::Tick);
        }
    }

    fn host(&mut self, link: u64) -> LinkId {
        let good =
            Benchmark { cores: 4, memory_mib: 16_000, cpu_score: 1_000, upload_kbps: 50_000, ..Benchmark::default() };
        let hello = Hello {
            benchmark: Some(good),
            uptime_seconds: 9_000,
            engines: vec!["embedded".into(), "rathena".into()],
            abi: "linux-x86_64".into(),
            ..Hello::default()
        };
        let (link, host) = (LinkId(link), HostId(format!("pc-{link}")));
        self.beats.insert(link, 0);
        self.give(Input::NodeConnected(link, host, HostKind::Player, Box::new(hello)));
        link
    }

    /// Starts the engines that were asked for, as good nodes do; returns them.
    fn start_engines(&mut self) -> Vec<(LinkId, GroupName, Epoch, Duty)> {
        let asked: Vec<_> = self
            .taken()
            .into_iter()
            .filter_map(|command| match command {
                Command::Assign(link, group, epoch, duty) => Some((link, group, epoch, duty)),
                _ => None,
            })
            .collect();
        for (link, group, epoch, duty) in asked.clone() {
            self.instances += 1;
            let instance = self.instances;
            self.give(Input::InterOpened(link, group.clone(), epoch, instance));
            self.log_in(link, &group, instance);
            let standby = duty == Duty::StandBy;
            let assigned = Assigned { group: group.0.clone(), epoch: epoch.0, problem: String::new(), standby };
            self.give(Input::NodeSays(link, NodeSays::Assigned(assigned)));
        }
        asked
    }

    fn log_in(&mut self, link: LinkId, of: &GroupName, instance: u64) {
        let maps: &[&str] = if of.0 == "south" { &["prt_fild08", "prt_fild05"] } else { &["prt_fild06"] };
        let maps = List(maps.iter().map(FixedText::new).collect());
        self.say(link, of, instance, login());
        self.say(link, of, instance, Maps { maps }.encode());
    }

    fn say(&mut self, link: LinkId, of: &GroupName, instance: u64, packet: Bytes) {
        self.give(Input::Inter(link, of.clone(), instance, InterEvent::Packet(packet)));
    }

    /// The player's client comes; the char-server knows it.
    fn arrive(&mut self, connection: u64) {
        let enter = Enter {
            account: ACCOUNT,
            character: CHARACTER,
            login_id1: Secret::new(LOGIN_ID),
            client_tick: 0,
            unknown: 0,
            sex: 1,
        };
        self.give(Input::Arrived(ConnectionId(connection), enter, Ipv4Addr::LOCALHOST, false));
        let answer = Authenticated {
            account: ACCOUNT,
            login_id1: Secret::new(LOGIN_ID),
            login_id2: Secret::new(9),
            expiration: 0,
            group: 0,
            changing_servers: 0,
            image: self.image.clone(),
        };
        self.give(Input::Char(answer.encode()));
    }

    /// The engine of the last attached player asks for it, gets it, and the client loads the map.
    fn enter(&mut self, instance: u64) -> (LinkId, Box<GameOpen>) {
        let attached = self.taken().into_iter().find_map(|command| match command {
            Command::Attach(_, link, open) => Some((link, open)),
            _ => None,
        });
        let (link, open) = attached.expect("attached to an engine");
        let enter = Enter::decode(&open.enter).expect("the engine's 0x0436");
        self.say(link, &group(&open.group), instance, ask(*enter.login_id1.expose()));
        let entered = InterEvent::Entered(SessionRef { session: open.session });
        self.give(Input::Inter(link, group(&open.group), instance, entered));
        (link, open)
    }

    fn save(&mut self, link: LinkId, of: &GroupName, instance: u64, last: bool) {
        let packets = save(&self.image, last);
        self.give(Input::Inter(link, of.clone(), instance, InterEvent::Save { character: CHARACTER, packets }));
    }

    fn phase(&self) -> Option<Phase> {
        self.fleet.sessions().find(|session| session.account == ACCOUNT).map(|session| session.phase.clone())
    }
}

/// 0x2af8.
fn login() -> Bytes {
    bifrost_protocol::inter::Login {
        user: FixedText::new("e"),
        password: Secret::new(FixedText::new("p")),
        unknown: 0,
        ip: Ipv4Be(Ipv4Addr::new(127, 77, 0, 1)),
        port: PortBe(5131),
    }
    .encode()
}

/// 0x2b26 as a map-server asks.
fn ask(login_id1: u32) -> Bytes {
    Authenticate {
        account: ACCOUNT,
        character: CHARACTER,
        login_id1: Secret::new(login_id1),
        sex: 1,
        client_ip: Ipv4Be(Ipv4Addr::LOCALHOST),
        autotrade: 0,
    }
    .encode()
}

/// One save, in the order of `chrif_save`.
fn save(image: &CharacterImage, last: bool) -> Bytes {
    let storage = |kind, number, max| {
        let image = StorageImage::filled(number, CHARACTER.0, max, &[]);
        StorageSave { kind, account: ACCOUNT, character: CHARACTER, image }.encode()
    };
    let parts = [
        BonusSave { character: CHARACTER, count: 0, scripts: List(Vec::new()) }.encode(),
        storage(StorageKind::INVENTORY, 1, 100),
        storage(StorageKind::CART, 2, 100),
        Save { account: ACCOUNT, character: CHARACTER, last: u8::from(last), image: image.clone() }.encode(),
    ];
    parts.concat().into()
}

/// The packets an engine was told, decoded.
fn told(commands: &[Command], link: LinkId) -> Vec<CharToMap> {
    let packets = commands.iter().filter_map(|command| match command {
        Command::Inter(of, _, packet) if *of == link => CharToMap::decode(packet).ok(),
        _ => None,
    });
    packets.collect()
}

/// The ids of the packets the char-server got.
fn to_char(commands: &[Command]) -> Vec<u16> {
    let id = |packet: &Bytes| bifrost_protocol::frame::packet_id(packet).expect("a packet");
    let packets = commands.iter().filter_map(|command| match command {
        Command::Char(packet) => Some(id(&packet.encode())),
        Command::Forward(packet) => Some(id(packet)),
        _ => None,
    });
    packets.collect()
}

/// Two hosts; the group of the player is live on the first, and stood by for on the second.
fn settled() -> (Stage, LinkId, LinkId) {
    settle(Stage::new())
}

fn settle(mut stage: Stage) -> (Stage, LinkId, LinkId) {
    stage.host(1);
    stage.host(2);
    stage.start_engines();
    stage.pass(Duration::from_secs(2));
    stage.start_engines();
    stage.taken();
    let lease = stage.fleet.lease(&group("south")).expect("a group").clone();
    let (_, holder) = lease.state.holder().expect("live");
    let other = if holder == LinkId(1) { LinkId(2) } else { LinkId(1) };
    (stage, holder, other)
}

/// The instance of a group's engine on a host.
fn instance(stage: &Stage, link: LinkId, of: &str) -> u64 {
    stage.fleet.engines.get(&(link, group(of))).expect("an engine").instance()
}

#[test]
fn an_engine_is_taken_in_and_told_where_all_other_maps_are() {
    let mut stage = Stage::new();
    let link = stage.host(1);
    stage.start_engines();
    let told = told(&stage.taken(), link);
    assert!(told.iter().any(|packet| matches!(packet, CharToMap::LoginAnswer(_))), "{told:?}");
    assert!(told.iter().any(|packet| matches!(packet, CharToMap::MapsAccepted(_))));
    let elsewhere: BTreeSet<String> = told
        .iter()
        .filter_map(|packet| match packet {
            CharToMap::ServerMaps(maps) => Some(maps.maps.0.iter().map(|map| map.to_text()).collect::<Vec<_>>()),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(elsewhere.contains("prontera") && elsewhere.contains("prt_fild06"), "{elsewhere:?}");
}

#[test]
fn an_engine_without_the_groups_maps_is_refused_with_the_reason() {
    let mut stage = Stage::new();
    let link = stage.host(1);
    let assigned = stage.taken();
    let epoch = assigned.iter().find_map(|command| match command {
        Command::Assign(_, of, epoch, _) if of.0 == "south" => Some(*epoch),
        _ => None,
    });
    stage.give(Input::InterOpened(link, group("south"), epoch.expect("assigned"), 1));
    let maps = List(vec![FixedText::new("prt_fild08")]);
    stage.say(link, &group("south"), 1, login());
    stage.say(link, &group("south"), 1, Maps { maps }.encode());
    assert!(stage.taken().iter().any(|command| matches!(command, Command::CloseInter(..))));
    let problem = stage.fleet.problem_of(&group("south")).expect("kept for the operator").to_owned();
    assert!(problem.contains("prt_fild05"), "{problem}");
}

#[test]
fn a_player_is_handed_out_once_and_under_a_pseudonym() {
    let (mut stage, holder, _) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    let (link, open) = stage.enter(at);
    assert_eq!((link, stage.phase()), (holder, Some(Phase::Playing(holder))));
    let enter = Enter::decode(&open.enter).expect("0x0436");
    assert_ne!(*enter.login_id1.expose(), LOGIN_ID, "a host never sees a login id");
    let commands = stage.taken();
    let handed: Vec<_> = told(&commands, link)
        .into_iter()
        .filter_map(|packet| if let CharToMap::Authenticated(answer) = packet { Some(answer) } else { None })
        .collect();
    assert_eq!(handed.len(), 1);
    assert_eq!(handed[0].login_id1, enter.login_id1);
    assert_ne!(*handed[0].login_id2.expose(), 9);
    stage.say(link, &group("south"), at, ask(*enter.login_id1.expose()));
    let again = told(&stage.taken(), link);
    assert!(!again.iter().any(|packet| matches!(packet, CharToMap::Authenticated(_))), "only once: {again:?}");
}

#[test]
fn a_last_save_is_confirmed_only_when_it_is_durable() {
    let (mut stage, holder, _) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    stage.give(Input::ClientClosed(ConnectionId(1)));
    stage.taken();
    stage.save(holder, &group("south"), at, true);
    let commands = stage.taken();
    assert!(!told(&commands, holder).iter().any(|packet| matches!(packet, CharToMap::Saved(_))), "not yet");
    assert!(to_char(&commands).contains(&0x2b01) && to_char(&commands).contains(&0x308b), "{:?}", to_char(&commands));
    let journal = commands.iter().find_map(|command| match command {
        Command::Store(StoreWrite::Journal { epoch, sequence, .. }) => Some((*epoch, *sequence)),
        _ => None,
    });
    let (epoch, sequence) = journal.expect("journalled");
    stage.give(Input::Journaled(holder, group("south"), epoch, sequence));
    let confirmed = CharToMap::Saved(Saved { account: ACCOUNT, character: CHARACTER });
    assert!(told(&stage.taken(), holder).contains(&confirmed));
    assert_eq!(stage.phase(), None);
}

#[test]
fn saves_in_between_stay_here_until_the_player_leaves_its_engine() {
    let (mut stage, holder, other) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    stage.taken();
    for hp in 1..=5 {
        stage.image.set_hp(hp);
        stage.save(holder, &group("south"), at, false);
    }
    assert_eq!(to_char(&stage.taken()), [0_u16; 0], "at the coordinator's pace");
    stage.beats.remove(&holder);
    stage.give(Input::NodeClosed(holder));
    let commands = stage.taken();
    let saved = commands.iter().find_map(|command| match command {
        Command::Char(MapToChar::Save(save)) => Some(save.image.view().hp),
        _ => None,
    });
    assert_eq!(saved, Some(5), "the last state goes to the char-server before the player comes back");
    let lease = stage.fleet.lease(&group("south")).expect("a group");
    assert_eq!(lease.state.holder().map(|(_, link)| link), Some(other), "the standby has it");
    let assigned = commands.iter().any(|command| matches!(command, Command::Assign(_, _, _, Duty::Serve)));
    assert!(assigned && to_char(&commands).contains(&0x2b05));
}

#[test]
fn a_player_that_walks_to_another_map_is_forgotten_by_its_engine_and_sent_on() {
    let (mut stage, holder, _) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    let (_, open) = stage.enter(at);
    stage.taken();
    let enter = Enter::decode(&open.enter).expect("0x0436");
    let handed = crate::fleet::core::stock::view_pseudonyms(&stage.fleet, holder, ACCOUNT).expect("hosted");
    assert_eq!(handed.0, *enter.login_id1.expose());
    let change = ChangeServer {
        account: ACCOUNT,
        login_id1: Secret::new(handed.0),
        login_id2: Secret::new(handed.1),
        character: CHARACTER,
        map: FixedText::new("prontera"),
        x: 156,
        y: 22,
        ip: Ipv4Be(*CITY.ip()),
        port: PortBe(CITY.port()),
        sex: 1,
        client_ip: Ipv4Be(Ipv4Addr::LOCALHOST),
        group: 0,
    };
    stage.save(holder, &group("south"), at, false);
    stage.say(holder, &group("south"), at, change.encode());
    let commands = stage.taken();
    assert!(commands.iter().any(|command| matches!(command, Command::Hold(_))), "nothing of the engine reaches it");
    assert!(told(&commands, holder).iter().any(|packet| matches!(packet, CharToMap::ChangeServerAnswer(_))));
    let asked = commands.iter().find_map(|command| match command {
        Command::Char(MapToChar::ChangeServer(change)) => Some(change.clone()),
        _ => None,
    });
    let asked = asked.expect("0x2b05");
    assert_eq!((*asked.login_id1.expose(), *asked.login_id2.expose()), (LOGIN_ID, 9), "the real ones");
    let saved_first = to_char(&commands);
    let place = |id| saved_first.iter().position(|of| *of == id).expect("sent");
    assert!(place(0x2b01) < place(0x2b05), "another server asks on a link of its own");
    let answer = ChangeServerAnswer {
        account: ACCOUNT,
        login_id1: asked.login_id1,
        login_id2: asked.login_id2,
        character: CHARACTER,
        map: asked.map,
        x: asked.x,
        y: asked.y,
        ip: asked.ip,
        port: asked.port,
    };
    stage.give(Input::Char(answer.encode()));
    assert!(stage.taken().iter().any(|command| matches!(command, Command::Redirect(..))));
    assert_eq!(stage.phase(), None, "it is the city's now");
}

#[test]
fn a_planned_move_saves_everything_first() {
    let (mut stage, holder, other) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    stage.taken();
    stage.give(Input::NodeSays(holder, NodeSays::Drain(bifrost_protocol::control::Drain::default())));
    let commands = stage.taken();
    let kicked = |packet: &CharToMap| matches!(packet, CharToMap::Kick(Kick { account: ACCOUNT, .. }));
    assert!(told(&commands, holder).iter().any(kicked) && commands.iter().any(|c| matches!(c, Command::Hold(_))));
    stage.image.set_hp(3);
    let epoch = stage.fleet.lease(&group("south")).expect("a group").epoch;
    stage.save(holder, &group("south"), at, true);
    let commands = stage.taken();
    assert!(to_char(&commands).contains(&0x2b05));
    let may_write = |stage: &Stage, epoch| stage.fleet.may_write(holder, &group("south"), epoch);
    assert!(may_write(&stage, epoch) && !may_write(&stage, Epoch(epoch.0 + 1)), "what it kept in memory, at its end");
    let lease = stage.fleet.lease(&group("south")).expect("a group");
    assert_eq!(lease.state.holder().map(|(_, link)| link), Some(other));
    let flags: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Char(MapToChar::Save(save)) => Some((save.last, save.image.view().hp)),
            _ => None,
        })
        .collect();
    assert_eq!(flags, [(0, 3)], "for the char-server it has not left");
    stage.pass(Duration::from_secs(7));
    assert!(!may_write(&stage, epoch), "it has had time enough");
}

#[test]
fn nobody_speaks_for_a_player_of_another_host() {
    let (mut stage, holder, other) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    stage.taken();
    let theirs = instance(&stage, other, "south");
    stage.image.set_zeny(1_000_000);
    stage.save(other, &group("south"), theirs, true);
    let commands = stage.taken();
    assert!(!commands.iter().any(|command| matches!(command, Command::Store(StoreWrite::Journal { .. }))));
    assert_eq!(to_char(&commands), [0_u16; 0]);
    assert!(stage.fleet.hosts().any(|host| host.violations > 0));
    assert_eq!(stage.phase(), Some(Phase::Playing(holder)));
}

/// The sequences under which saves were journalled.
fn journalled(commands: &[Command]) -> Vec<u64> {
    let sequences = commands.iter().filter_map(|command| match command {
        Command::Store(StoreWrite::Journal { sequence, .. }) => Some(*sequence),
        _ => None,
    });
    sequences.collect()
}

#[test]
fn saves_after_a_reconnect_are_newer_than_those_before() {
    let (mut stage, holder, _) = settled();
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    stage.taken();
    for _ in 0..3 {
        stage.save(holder, &group("south"), at, false);
    }
    let before = journalled(&stage.taken());
    assert_eq!(before.len(), 3);
    // The same engine under the same epoch, on another connection of its host.
    let epoch = stage.fleet.lease(&group("south")).expect("a group").epoch;
    let host = HostId(format!("pc-{}", holder.0));
    let hello = Hello {
        leases: vec![HeldLease { group: "south".into(), epoch: epoch.0 }],
        engines: vec!["embedded".into(), "rathena".into()],
        abi: "linux-x86_64".into(),
        ..Hello::default()
    };
    let again = LinkId(77);
    stage.give(Input::NodeConnected(again, host, HostKind::Player, Box::new(hello)));
    stage.give(Input::InterOpened(again, group("south"), epoch, at));
    stage.log_in(again, &group("south"), at);
    stage.taken();
    stage.save(again, &group("south"), at, true);
    let after = journalled(&stage.taken());
    assert_eq!(after.len(), 1, "the last word of the engine counts while the player is on its way back");
    assert!(after.iter().min() > before.iter().max(), "{after:?} after {before:?}: the journal takes only newer ones");
}

#[test]
fn a_last_save_that_changes_nothing_any_more_is_still_answered() {
    let (mut stage, holder, other) = settled();
    let confirmed = CharToMap::Saved(Saved { account: ACCOUNT, character: CHARACTER });
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    stage.give(Input::ClientClosed(ConnectionId(1)));
    stage.save(holder, &group("south"), at, true);
    stage.taken();
    stage.save(holder, &group("south"), at, true);
    let late = stage.taken();
    assert_eq!(journalled(&late), [0_u64; 0]);
    assert!(told(&late, holder).contains(&confirmed), "or the account stays blocked on that engine");
    let theirs = instance(&stage, other, "south");
    stage.save(other, &group("south"), theirs, true);
    assert!(told(&stage.taken(), other).contains(&confirmed), "a refused one too: it would come again and again");
}
