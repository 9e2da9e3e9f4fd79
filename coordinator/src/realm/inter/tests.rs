//! A map-server's life, replayed against the realm, and what happens when it misbehaves.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use bifrost_protocol::frame::LengthTable;
use bifrost_protocol::ids::{MapName, MapPoint};
use bifrost_protocol::inter::char_to_map;
use bifrost_protocol::{Packet, PortBe, Secret};
use sqlx::{Connection, Executor};
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::*;
use crate::realm::accounts::Accounts;
use crate::realm::board::Board;
use crate::realm::limits::Limits;
use crate::realm::state::{LoginIds, Pass};
use crate::store::{NewAccount, NewCharacter, StorageKey, StorageKind, Store};

const ACCOUNT: AccountId = AccountId(2_000_002);
const CHARACTER: CharacterId = CharacterId(150_002);
/// Longest wait for what has to happen; longer than a link may be quiet.
const PATIENCE: Duration = Duration::from_secs(600);

/// A realm with an empty store.
struct Lab {
    folder: tempfile::TempDir,
    context: Arc<Context>,
    token: CancellationToken,
}

/// The map-server's end of a link.
struct MapServer {
    line: Line<tokio::io::ReadHalf<DuplexStream>>,
    writer: tokio::io::WriteHalf<DuplexStream>,
    link: tokio::task::JoinHandle<Result<(), LineError>>,
}

impl Lab {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let store = Store::open(&url).await.expect("opens");
        let context = Context {
            name: "rAthena".into(),
            start: MapPoint { map: MapName::new("prontera").expect("legal"), x: 156, y: 180 },
            client_version: 0,
            char_addr: ([127, 0, 0, 1], 6121).into(),
            credentials: (FixedText::new("s1"), Secret::new(FixedText::new("p1"))),
            accounts: Accounts::new(store.clone()),
            store,
            limits: Limits::new(),
            board: Board::default(),
        };
        Self { folder, context: Arc::new(context), token: CancellationToken::new() }
    }

    /// Makes accounts and characters up to those of the capture, whose last one looks like `image`.
    async fn with_character(image: &[u8]) -> Self {
        let lab = Self::new().await;
        for name in ["one1", "two2", "three"] {
            let new = NewAccount { name, password: "", sex: 1, group_id: 0, created_at: 0 };
            let account = lab.context.store.create_account(&new).await.expect("creates");
            let new = NewCharacter { account, slot: 0, name: name.as_bytes() };
            lab.context.store.create_character(new, |_| image.to_vec()).await.expect("creates");
        }
        let row = lab.context.store.character(CHARACTER).await.expect("reads").expect("is there");
        assert_eq!(row.account, ACCOUNT);
        lab
    }

    fn log_in(&self, port: u16) -> MapServer {
        self.link(wire::Login {
            user: FixedText::new("s1"),
            password: Secret::new(FixedText::new("p1")),
            unknown: 0,
            ip: Ipv4Addr::LOCALHOST.into(),
            port: PortBe(port),
        })
    }

    fn link(&self, login: wire::Login) -> MapServer {
        let (near, far) = tokio::io::duplex(1024);
        let (reader, writer) = tokio::io::split(far);
        let served = serve(Arc::clone(&self.context), Line::new(reader), writer, login, self.token.clone());
        let link = tokio::spawn(served);
        let (reader, writer) = tokio::io::split(near);
        MapServer { line: Line::new(reader), writer, link }
    }

    /// The player of the capture has chosen its character.
    fn choose(&self, map: &str, login_id1: u32, login_id2: u32) {
        let ids = LoginIds { first: Secret::new(login_id1), second: Secret::new(login_id2) };
        let pass = Pass::for_session(ids, 1, 0, Instant::now());
        self.context.board.note(|state| {
            let _ = state.log_in(ACCOUNT, pass.clone(), Instant::now());
            let seat = state.next_seat();
            let _ = state.enter(ACCOUNT, ids, 1, seat, Instant::now());
            let pass = Pass { character: Some(CHARACTER), ..pass };
            state.choose(ACCOUNT, &MapName::new(map).expect("legal"), pass, Instant::now()).expect("has a server");
            state.seat_gone(ACCOUNT, seat, Instant::now());
        });
    }
}

impl MapServer {
    async fn send(&mut self, packet: &[u8]) {
        self.writer.write_all(packet).await.expect("sends");
    }

    async fn next(&mut self) -> Bytes {
        self.line.next(char_to_map(), PATIENCE).await.expect("is framed").expect("is there")
    }

    async fn maps(&mut self, names: &[&str]) {
        let maps = bifrost_protocol::List(names.iter().map(FixedText::new).collect());
        self.send(&wire::Maps { maps }.encode()).await;
    }

    /// Everything up to the answer to a ping.
    async fn settled(&mut self) -> Vec<Bytes> {
        self.send(&wire::Ping {}.encode()).await;
        let mut packets = Vec::new();
        loop {
            let packet = self.next().await;
            if packet_id(&packet) == Ok(wire::Pong::ID) {
                return packets;
            }
            packets.push(packet);
        }
    }

    async fn ends(self) -> Result<(), LineError> {
        let Self { link, line, writer } = self;
        let ended = tokio::time::timeout(PATIENCE, link).await.expect("ends").expect("does not panic");
        drop((line, writer));
        ended
    }
}

/// Reads `fixtures/chrif-field.txt`: true for what the map-server sends.
fn capture() -> Vec<(bool, Vec<u8>)> {
    let lines = include_str!("fixtures/chrif-field.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (from, rest) = line.split_at(2);
            (from == "> ", unpack(rest.split("  #").next().expect("never empty")))
        })
        .collect()
}

/// Hex, with `(N)` for N zero bytes.
fn unpack(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(run) = rest.strip_prefix('(') {
            let (count, after) = run.split_once(')').expect("closed");
            bytes.resize(bytes.len() + count.parse::<usize>().expect("number"), 0);
            rest = after;
        } else {
            let (byte, after) = rest.split_at(2);
            bytes.push(u8::from_str_radix(byte, 16).expect("hex"));
            rest = after;
        }
    }
    bytes
}

/// All packets of that id in the capture.
fn captured(id: u16) -> Vec<Vec<u8>> {
    let packets = capture().into_iter().map(|(_, packet)| packet);
    packets.filter(|packet| packet_id(packet) == Ok(id)).collect()
}

/// Puts into the store what the capture's database held.
async fn seeded() -> (Lab, wire::Authenticated) {
    let entered = wire::Authenticated::decode(&captured(wire::Authenticated::ID)[0]).expect("decodes");
    let lab = Lab::with_character(entered.image.as_bytes()).await;
    for packet in captured(wire::Storage::ID) {
        let storage = wire::Storage::decode(&packet).expect("decodes");
        let kind = StorageKind::from_wire(storage.kind.0).expect("known");
        let key = StorageKey { kind, owner: storage.image.view().owner, number: 0 };
        lab.context.store.save_storage(key, storage.image.as_bytes()).await.expect("saves");
    }
    let achievements = &captured(0x3862)[0][8..];
    let kind = crate::store::Belonging::Achievements;
    lab.context.store.save_belonging(kind, CHARACTER, achievements).await.expect("saves");
    (lab, entered)
}

#[tokio::test]
async fn a_captured_map_server_gets_the_same_bytes_as_from_rathena() {
    let (lab, entered) = seeded().await;
    let mut city = lab.log_in(5121);
    city.maps(&["prontera", "izlude", "prt_in"]).await;
    city.settled().await;

    let capture = capture();
    let login = wire::Login::decode(&capture[0].1).expect("decodes");
    let mut field = lab.link(login);
    let mut expected: VecDeque<Vec<u8>> = VecDeque::new();
    for (from_map, packet) in capture.into_iter().skip(1) {
        if !from_map {
            expected.push_back(packet);
            continue;
        }
        if packet_id(&packet) == Ok(wire::Authenticate::ID) {
            lab.choose("prt_fild08", *entered.login_id1.expose(), *entered.login_id2.expose());
        }
        // what was expected so far has to be there before the map-server goes on
        for expected in expected.drain(..) {
            assert_same(&field.next().await, &expected);
        }
        field.send(&packet).await;
    }
    for expected in expected {
        assert_same(&field.next().await, &expected);
    }
    let last = captured(wire::Save::ID).pop().expect("is there");
    let kept = lab.context.store.character(CHARACTER).await.expect("reads").expect("is there");
    assert_eq!(kept.image, wire::Save::decode(&last).expect("decodes").image.as_bytes());
    let registry = lab.context.store.registry(crate::store::RegistryScope::Character, CHARACTER.0).await;
    assert!(registry.expect("reads").is_empty(), "0 is as good as unset");
    assert_eq!(lab.context.board.note(|state| state.users()), 0);
}

/// The same bytes, but for clans: rAthena ships four, here there are none.
#[track_caller]
fn assert_same(found: &[u8], expected: &[u8]) {
    if packet_id(expected) == Ok(0x38a0) {
        assert_eq!(found, [0xa0, 0x38, 4, 0]);
        return;
    }
    let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let head = |packet: &[u8]| packet.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(
        found.len() == expected.len() && differs.is_none(),
        "found {} ({}), expected {} ({}), first difference at {differs:?}",
        head(found),
        found.len(),
        head(expected),
        expected.len(),
    );
}

#[tokio::test]
async fn a_player_goes_to_another_map_server_and_stands_where_it_was_sent() {
    let (lab, entered) = seeded().await;
    let (mut city, mut field) = (lab.log_in(5121), lab.log_in(5200));
    city.maps(&["prontera"]).await;
    city.settled().await;
    field.maps(&["prt_fild08"]).await;
    field.settled().await;
    assert!(matches!(CharToMap::decode(&city.settled().await[0]), Ok(CharToMap::ServerMaps(_))));
    let mut change = wire::ChangeServer {
        account: ACCOUNT,
        login_id1: Secret::new(7),
        login_id2: Secret::new(8),
        character: CHARACTER,
        map: FixedText::new("prt_fild08"),
        x: 33,
        y: 44,
        ip: Ipv4Addr::LOCALHOST.into(),
        port: PortBe(5201),
        sex: 0,
        client_ip: Ipv4Addr::LOCALHOST.into(),
        group: 0,
    };
    city.send(&change.encode()).await;
    let refused = wire::ChangeServerAnswer::decode(&city.next().await).expect("decodes");
    assert_eq!(refused.login_id1, Secret::new(0), "there is no server at that address");
    change.port = PortBe(5200);
    city.send(&change.encode()).await;
    let accepted = wire::ChangeServerAnswer::decode(&city.next().await).expect("decodes");
    assert_eq!((accepted.login_id1, accepted.x, accepted.port), (Secret::new(7), 33, PortBe(5200)));

    let ask = wire::Authenticate {
        account: ACCOUNT,
        character: CHARACTER,
        login_id1: Secret::new(7),
        sex: 0,
        client_ip: Ipv4Addr::LOCALHOST.into(),
        autotrade: 0,
    };
    field.send(&ask.encode()).await;
    let answer = wire::Authenticated::decode(&field.next().await).expect("decodes");
    let view = answer.image.view();
    assert_eq!((view.last_point.map.to_text(), view.last_point.x, view.last_point.y), ("prt_fild08".into(), 33, 44));
    assert_eq!((answer.changing_servers, view.sex, view.name), (1, 0, entered.image.view().name));
    field.send(&ask.encode()).await;
    assert!(matches!(CharToMap::decode(&field.next().await), Ok(CharToMap::Refused(_))), "a pass serves once");

    // a second login turns the player out
    let pass = Pass::for_session(LoginIds { first: Secret::new(1), second: Secret::new(2) }, 1, 0, Instant::now());
    lab.context.board.change(|state| state.log_in(ACCOUNT, pass, Instant::now()));
    let kick = wire::Kick { account: ACCOUNT, reason: wire::KickReason::OTHER_LOGIN };
    assert_eq!(CharToMap::decode(&field.next().await), Ok(kick.into()));
    drop(field);
    assert!(matches!(CharToMap::decode(&city.next().await), Ok(CharToMap::ServerGone(_))));
}

#[tokio::test]
async fn a_map_server_cannot_change_whose_a_character_is() {
    let (lab, entered) = seeded().await;
    let mut server = lab.log_in(5121);
    server.settled().await;
    let save = |account: u32, change: &dyn Fn(&mut bifrost_protocol::layout::CharacterImage)| {
        let mut image = entered.image.clone();
        change(&mut image);
        wire::Save { account: AccountId(account), character: CHARACTER, last: 0, image }.encode()
    };
    server.send(&save(2_000_001, &|image| image.set_zeny(1))).await;
    server.send(&save(2_000_002, &|image| image.set_character(CharacterId(150_001)))).await;
    server.send(&save(2_000_002, &|image| image.set_account(AccountId(2_000_001)))).await;
    assert!(server.settled().await.is_empty());
    let kept = lab.context.store.character(CHARACTER).await.expect("reads").expect("is there");
    assert_eq!(kept.image, entered.image.as_bytes());

    server
        .send(&save(2_000_002, &|image| {
            image.set_name(FixedText::new("Mallory"));
            image.set_slot(9);
            image.set_zeny(5);
        }))
        .await;
    server.settled().await;
    let kept = lab.context.store.character(CHARACTER).await.expect("reads").expect("is there");
    let kept = bifrost_protocol::layout::CharacterImage::from_bytes(&kept.image).expect("one").view();
    let before = entered.image.view();
    assert_eq!((kept.name, kept.slot, kept.zeny), (before.name, before.slot, 5));
}

#[tokio::test]
async fn wrong_passwords_and_one_server_too_many_are_refused() {
    let lab = Lab::new().await;
    let refused = CharToMap::from(wire::LoginAnswer { result: wire::LoginResult::REFUSED }).encode();
    let mut wrong = lab.link(wire::Login {
        user: FixedText::new("s1"),
        password: Secret::new(FixedText::new("p2")),
        unknown: 0,
        ip: Ipv4Addr::LOCALHOST.into(),
        port: PortBe(1),
    });
    assert_eq!(wrong.next().await, refused);
    let mut servers = Vec::new();
    for port in 1..=crate::realm::state::MAX_MAP_SERVERS {
        let mut server = lab.log_in(u16::try_from(port).expect("small"));
        server.settled().await;
        servers.push(server);
    }
    assert_eq!(lab.log_in(99).next().await, refused);
    servers.pop();
    let mut again = lab.log_in(99);
    while again.next().await == refused {
        again = lab.log_in(99);
    }
}

#[tokio::test]
async fn what_is_no_packet_ends_the_link() {
    let lab = Lab::new().await;
    let bad: [&[u8]; 6] = [
        &[0xff, 0xff, 0, 0],
        &[0xf8, 0x2a],
        &[0xfa, 0x2a, 3, 0],
        &[0xfa, 0x2a, 21, 0, b'm', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xfa, 0x2a, 20, 0, b'\'', b' ', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x01, 0x2b, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ];
    for bytes in bad {
        let mut server = lab.log_in(5121);
        server.settled().await;
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().max(60), 0);
        server.send(&bytes).await;
        assert!(server.ends().await.is_err(), "{:02x?}", &bytes[..4]);
    }
}

#[tokio::test]
async fn every_packet_of_the_link_cut_flipped_or_filled_with_noise_ends_it_at_worst() {
    let (lab, _) = seeded().await;
    let table: &LengthTable = map_to_char();
    let mut noise = 1_u32;
    for (id, length) in table.iter() {
        let len = match length {
            bifrost_protocol::frame::Length::Fixed(len) => usize::from(len),
            bifrost_protocol::frame::Length::Sized => 40,
        };
        let mut packet = vec![0; len];
        packet.iter_mut().for_each(|byte| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = noise.to_le_bytes()[3];
        });
        packet[..2].copy_from_slice(&id.to_le_bytes());
        if length == bifrost_protocol::frame::Length::Sized {
            packet[2..4].copy_from_slice(&40_u16.to_le_bytes());
        }
        let mut server = lab.log_in(5121);
        server.settled().await;
        server.send(&packet).await;
        server.writer.shutdown().await.expect("closes");
        while let Ok(Some(_)) = server.line.next(char_to_map(), PATIENCE).await {}
        let _ended_either_way = server.ends().await;
    }
}

#[tokio::test]
async fn a_silent_map_server_is_asked_for_a_sign_of_life_and_cut_off() {
    let lab = Lab::new().await;
    tokio::time::pause();
    let mut server = lab.log_in(5121);
    for _ in entry::welcome() {
        server.next().await;
    }
    for _ in 0..MAX_QUIET {
        let asked = server.line.next(char_to_map(), QUIET * 2).await.expect("in time").expect("is there");
        assert_eq!(packet_id(&asked), Ok(wire::TotalUsers::ID));
    }
    assert!(matches!(server.ends().await, Err(LineError::Silent(_))));
}

#[tokio::test]
async fn a_last_save_is_not_acknowledged_before_the_store_has_it() {
    let (lab, entered) = seeded().await;
    let mut server = lab.log_in(5121);
    server.settled().await;
    // somebody else writes to the database for longer than one call waits
    let url = format!("sqlite:{}", lab.folder.path().join("store.db").display());
    let mut other = sqlx::AnyConnection::connect(&url).await.expect("connects");
    other.execute("BEGIN IMMEDIATE").await.expect("locks");
    let mut image = entered.image.clone();
    image.set_zeny(77);
    server.send(&wire::Save { account: ACCOUNT, character: CHARACTER, last: 1, image: image.clone() }.encode()).await;
    let early = server.line.next(char_to_map(), crate::store::QUERY_TIMEOUT + Duration::from_secs(1)).await;
    assert!(matches!(early, Err(LineError::Silent(_))), "{early:?}");
    other.execute("COMMIT").await.expect("unlocks");
    assert_eq!(packet_id(&server.next().await), Ok(wire::Saved::ID));
    let kept = lab.context.store.character(CHARACTER).await.expect("reads").expect("is there");
    assert_eq!(kept.image, image.as_bytes());
}
