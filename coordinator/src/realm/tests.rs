//! The realm over real sockets, as a client and as a map-server.

use bifrost_protocol::client::login::{self, Accepted, LoginRefusal};
use bifrost_protocol::client::{CharToClient, CloseReason, LoginToClient, server_to_client};
use bifrost_protocol::ids::{AccountId, CharacterId, MapName};
use bifrost_protocol::{List, PortBe};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// What clients state unless configured otherwise.
const CLIENT_VERSION: u32 = 55;

struct Lab {
    _folder: tempfile::TempDir,
    realm: RealmHandle,
}

/// One connection to the realm.
struct Peer {
    line: Line<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Lab {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let store = Store::open(&url).await.expect("opens");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let config =
            config::EmbeddedRealm { login_listen: any, char_listen: any, name: "Test".into(), ..Default::default() };
        let start = MapPoint { map: MapName::new("prontera").expect("legal"), x: 156, y: 180 };
        let realm = Realm::spawn(config, store, start, CancellationToken::new()).await.expect("starts");
        realm.accounts().create("player", "secret", 1).await.expect("creates");
        Self { _folder: folder, realm }
    }

    async fn login(&self, version: u32, user: &str, password: &str) -> LoginToClient {
        let login = login::Login {
            version,
            user: FixedText::new(user),
            password: Secret::new(FixedText::new(password)),
            client_type: 0,
        };
        self.ask_login(&login.encode()).await
    }

    async fn ask_login(&self, packet: &[u8]) -> LoginToClient {
        let mut peer = Peer::connect(self.realm.login_addr()).await;
        peer.send(packet).await;
        LoginToClient::decode(&peer.next().await).expect("decodes")
    }

    async fn accepted(&self) -> Accepted {
        match self.login(CLIENT_VERSION, "player", "secret").await {
            LoginToClient::Accepted(accepted) => accepted,
            LoginToClient::Refused(_) | LoginToClient::Closed(_) => panic!("not logged in"),
        }
    }

    /// Goes to the char-server with a login.
    async fn enter(&self, accepted: &Accepted) -> Peer {
        let mut peer = Peer::connect(self.realm.char_addr()).await;
        let enter = wire::Enter {
            account: accepted.account,
            login_id1: accepted.login_id1,
            login_id2: accepted.login_id2,
            unknown: 0,
            sex: accepted.sex,
        };
        peer.send(&enter.encode()).await;
        let greeting = peer.greeting().await;
        assert_eq!(greeting, accepted.account.0.to_le_bytes());
        peer
    }

    async fn at_selection(&self) -> Peer {
        let mut peer = self.enter(&self.accepted().await).await;
        for expected in ["Slots", "Characters", "PageCount", "Blocked", "PinState"] {
            assert_eq!(peer.told().await.name(), expected);
        }
        peer
    }

    /// A map-server with these maps.
    async fn map_server(&self, maps: &[&str]) -> Peer {
        let mut peer = Peer::connect(self.realm.char_addr()).await;
        let (user, password) = self.realm.inter_credentials();
        let login = chrif::Login {
            user: FixedText::new(user),
            password: Secret::new(FixedText::new(password.expose())),
            unknown: 0,
            ip: std::net::Ipv4Addr::new(10, 1, 2, 3).into(),
            port: PortBe(5121),
        };
        peer.send(&login.encode()).await;
        let names = List(maps.iter().map(FixedText::new).collect());
        peer.send(&chrif::Maps { maps: names }.encode()).await;
        peer.send(&chrif::Ping {}.encode()).await;
        while packet_id(&peer.packet(chrif::char_to_map()).await) != Ok(chrif::Pong::ID) {}
        peer
    }
}

impl Peer {
    async fn connect(address: SocketAddr) -> Self {
        let (reader, writer) = TcpStream::connect(address).await.expect("connects").into_split();
        Self { line: Line::new(reader), writer }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.expect("sends");
    }

    async fn packet(&mut self, table: &LengthTable) -> bytes::Bytes {
        self.line.next(table, PATIENCE).await.expect("is framed").expect("is there")
    }

    async fn next(&mut self) -> bytes::Bytes {
        self.packet(server_to_client()).await
    }

    async fn told(&mut self) -> CharToClient {
        CharToClient::decode(&self.next().await).expect("decodes")
    }

    /// The four bytes before the first packet.
    async fn greeting(&mut self) -> [u8; 4] {
        let mut greeting = [0; 4];
        self.line.reader().read_exact(&mut greeting).await.expect("is greeted");
        greeting
    }

    async fn finds_it_closed(mut self) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.line.reader().read_to_end(&mut rest)).await.is_ok() && rest.is_empty()
    }
}

fn create(name: &str, slot: u8) -> bytes::Bytes {
    let name = FixedText::new(name);
    wire::Create { name, slot, hair_color: 1, hair_style: 2, job: 0, sex: 0 }.encode()
}

fn refused(reason: LoginRefusal) -> LoginToClient {
    login::Refused { reason, unblock_time: FixedText::default() }.into()
}

#[tokio::test]
async fn logins_are_answered_as_rathena_answers_them() {
    let lab = Lab::new().await;
    assert_eq!(lab.login(CLIENT_VERSION, "player", "wrong").await, refused(LoginRefusal::WRONG_PASSWORD));
    assert_eq!(lab.login(CLIENT_VERSION, "nobody", "wrong").await, refused(LoginRefusal::UNREGISTERED));
    assert_eq!(lab.login(20, "player", "secret").await, refused(LoginRefusal::WRONG_VERSION));
    let accepted = lab.accepted().await;
    assert_eq!((accepted.account, accepted.sex, accepted.servers.0.len()), (AccountId(2_000_000), 1, 1));
    let server = &accepted.servers.0[0];
    assert_eq!(SocketAddr::from(server.ip.at(server.port)), lab.realm.char_addr());
    let token = login::LoginToken {
        version: CLIENT_VERSION,
        client_type: 0,
        user: FixedText::new("PLAYER"),
        password: Secret::new(FixedText::new("not looked at")),
        mac: FixedText::default(),
        ip: FixedText::default(),
        token: Secret::new(b"secret\0junk".to_vec()),
    };
    assert_eq!(lab.ask_login(&token.encode()).await.name(), "Accepted");
}

#[tokio::test]
async fn a_player_makes_a_character_and_is_sent_to_the_server_that_has_its_map() {
    let lab = Lab::new().await;
    let mut client = lab.at_selection().await;
    for (name, slot, expected) in [("Bad;Name", 0, 0xff), ("Knight", 15, 3)] {
        client.send(&create(name, slot)).await;
        assert_eq!(client.next().await.as_ref(), [0x6e, 0, expected]);
    }
    client.send(&create("Knight", 0)).await;
    assert_eq!(client.next().await.len(), 177);
    client.send(&create("kNIGHT", 1)).await;
    assert_eq!(client.next().await.as_ref(), [0x6e, 0, 0], "taken, whatever its case");
    client.send(&wire::PageRequest {}.encode()).await;
    assert_eq!(client.next().await.len(), 4 + 175);

    client.send(&wire::Select { slot: 0 }.encode()).await;
    let CharToClient::Maps(maps) = client.told().await else { panic!("there is a server") };
    assert_eq!((maps.maps.0[0].status, maps.maps.0[0].map.to_text()), (1, "prontera.gat".into()));
    let _server = lab.map_server(&["prontera"]).await;
    client.send(&wire::Select { slot: 3 }.encode()).await;
    assert_eq!(client.told().await.name(), "Refused");
    client.send(&wire::Ping { account: AccountId(2_000_000) }.encode()).await;
    client.send(&wire::Select { slot: 0 }.encode()).await;
    let CharToClient::MapServer(to) = client.told().await else { panic!("there is no server") };
    assert_eq!((to.character, to.map.to_text(), to.port), (CharacterId(150_000), "prontera.gat".into(), 5121));
    assert_eq!(to.ip.0.octets(), [10, 1, 2, 3]);
}

#[tokio::test]
async fn a_stranded_character_may_go_to_the_start() {
    let lab = Lab::new().await;
    let mut client = lab.at_selection().await;
    client.send(&create("Knight", 0)).await;
    client.next().await;
    let store = &lab.realm.context.store;
    let row = store.character(CharacterId(150_000)).await.expect("reads").expect("is there");
    let mut image = bifrost_protocol::layout::CharacterImage::from_bytes(&row.image).expect("one");
    image.set_last_point(bifrost_protocol::layout::Point { map: FixedText::new("lost_isle"), x: 1, y: 2 });
    store.save_character(row.account, row.id, image.as_bytes()).await.expect("saves");
    let mut server = lab.map_server(&["prontera"]).await;
    client.send(&wire::Select { slot: 0 }.encode()).await;
    let CharToClient::Maps(maps) = client.told().await else { panic!("there is a server") };
    assert_eq!(maps.maps.0[0].status, 0);
    client.send(&wire::SelectMap { slot: 0, map: 1 }.encode()).await;
    assert_eq!(client.told().await.name(), "Refused");
    client.send(&wire::SelectMap { slot: 0, map: 0 }.encode()).await;
    assert_eq!(client.told().await.name(), "MapServer");

    let pass = lab.realm.context.board.note(|state| state.users());
    assert_eq!(pass, 0, "on its way");
    server.send(&chrif::WentOffline { character: row.id, account: row.account }.encode()).await;
}

#[tokio::test]
async fn who_has_not_logged_in_is_rejected_and_who_did_twice_is_turned_out() {
    let lab = Lab::new().await;
    let accepted = lab.accepted().await;
    let mut stranger = lab.enter(&Accepted { login_id2: Secret::new(0), ..accepted.clone() }).await;
    assert_eq!(stranger.told().await.name(), "Refused");
    assert!(stranger.finds_it_closed().await);

    let mut first = lab.at_selection().await;
    let still = LoginToClient::from(login::Closed { reason: CloseReason::STILL_ONLINE });
    assert_eq!(lab.login(CLIENT_VERSION, "player", "secret").await, still);
    let turned_out = CharToClient::from(wire::Closed { reason: CloseReason::OTHER_LOGIN });
    assert_eq!(first.told().await, turned_out);
    assert!(first.finds_it_closed().await);
    while lab.login(CLIENT_VERSION, "player", "secret").await == still {}
}

#[tokio::test]
async fn garbage_closes_only_the_connection_it_came_on() {
    let lab = Lab::new().await;
    let quiet = lab.at_selection().await;
    let bad: [&[u8]; 5] = [&[0, 0], &[0xff; 64], &[0x66, 0, 0], &[0x25, 0x08, 3, 0], &[0xfa, 0x2a, 4, 0]];
    for bytes in bad {
        for address in [lab.realm.login_addr(), lab.realm.char_addr()] {
            let mut peer = Peer::connect(address).await;
            peer.send(bytes).await;
            assert!(peer.finds_it_closed().await, "{bytes:02x?}");
        }
    }
    let mut rude = Peer { ..quiet };
    rude.send(&wire::Pin { account: AccountId(2_000_000), pin: Secret::new(*b"0000") }.encode()).await;
    assert!(rude.finds_it_closed().await);
    lab.accepted().await;
}

#[tokio::test]
async fn a_stop_says_goodbye_and_lets_go_of_everything() {
    let lab = Lab::new().await;
    let mut client = lab.at_selection().await;
    let server = lab.map_server(&["prontera"]).await;
    let (login, chars) = (lab.realm.login_addr(), lab.realm.char_addr());
    lab.realm.shutdown().await;
    assert_eq!(client.told().await, wire::Closed { reason: CloseReason::SERVER_CLOSED }.into());
    assert!(client.finds_it_closed().await && server.finds_it_closed().await);
    for address in [login, chars] {
        assert!(TcpStream::connect(address).await.is_err(), "the port is free again");
    }
}
