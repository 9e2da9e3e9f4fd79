//! A bundle whose map-server is a puppet, and the char-server's side of its link.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bifrost_protocol::client::map::Enter;
use bifrost_protocol::control::*;
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{AccountId, CharacterId, GroupName};
use bifrost_protocol::inter::*;
use bifrost_protocol::layout::{CharacterImage, Point, StorageImage};
use bifrost_protocol::{FixedText, Packet, Secret, save};
use bytes::Bytes;
use quinn::{RecvStream, SendStream};
use tempfile::TempDir;

use super::lab::*;
use super::puppet;
use crate::NodeHandle;
use crate::engine::Sources;
use crate::engine::rathena::sources::{OwnFolder, SqlEndpoint, SqlSource};
use crate::tunnel::database::Streams;
use crate::tunnel::messages::MessageReader;

/// The maps of [`fields`].
pub(crate) const MAPS: [&str; 2] = ["prt_fild08", "prt_fild05"];
/// Set for the process that is to be a puppet.
const PUPPET: &str = "BIFROST_TEST_PUPPET";

/// This test program, started again by a bundle's `map-server`, is the engine.
#[test]
fn plays_the_engine_when_a_bundle_starts_it() {
    if std::env::var_os(PUPPET).is_some() {
        let played = puppet::play();
        println!("[Status]: {played:?}");
        std::process::exit(played.is_err().into());
    }
}

/// An unpacked bundle.
pub(crate) struct Bundle {
    folder: TempDir,
}

impl Bundle {
    /// With these lines in `conf/puppet.conf`.
    pub(crate) fn new(puppet: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let this = std::env::current_exe().expect("a program");
        let test = "tests::realm::plays_the_engine_when_a_bundle_starts_it";
        let program = format!("#!/bin/sh\n{PUPPET}=1 exec '{}' --exact {test} --nocapture\n", this.display());
        for (path, text) in [
            ("map-server", program.as_str()),
            ("conf/map_athena.conf", "import: conf/import/map_conf.txt\n"),
            ("conf/puppet.conf", &format!("reconnect_ms: 50\n{puppet}")),
            ("db/map_cache.dat", ""),
            ("npc/pre-re/scripts_main.conf", ""),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let program = folder.path().join("map-server");
        std::fs::set_permissions(program, PermissionsExt::from_mode(0o755)).expect("made executable");
        Self { folder }
    }

    /// Puppets and a database that nobody asks.
    pub(crate) fn sources(&self) -> Sources {
        Sources { bundles: Arc::new(OwnFolder(self.path().to_owned())), sql: Arc::new(NoQuestions) }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[derive(Debug)]
struct NoQuestions;

#[async_trait]
impl SqlSource for NoQuestions {
    async fn open(&self, _: &GroupName, _: Option<Arc<dyn Streams>>) -> Result<SqlEndpoint, String> {
        Ok(SqlEndpoint {
            address: ([127, 0, 0, 1], 1).into(),
            user: "engine".into(),
            password: Secret::new("secret".into()),
            database: "realm".into(),
            relayed: false,
            held: Box::new(()),
        })
    }
}

/// Two field maps on a stock map-server.
pub(crate) fn fields(epoch: u64) -> Assign {
    let maps = MAPS.map(|name| MapData { name: name.into(), ..MapData::default() });
    Assign { group: "fields".into(), epoch, maps: maps.into(), engine: "rathena".into(), ..Assign::default() }
}

/// What a node answers when its engine is ready, or why it is not.
pub(crate) fn assigned(epoch: u64, standby: bool, problem: &str) -> NodeSays {
    NodeSays::Assigned(Assigned { group: "fields".into(), epoch, problem: problem.into(), standby })
}

/// The char-server's side of an engine's link.
pub(crate) struct Inter {
    pub(crate) open: InterOpen,
    orders: SendStream,
    says: MessageReader<RecvStream, InterUp>,
    saves: HashMap<u32, (u64, Vec<u8>)>,
}

/// What an engine says, with saves rebuilt.
#[derive(Debug)]
pub(crate) enum Said {
    Packet(Bytes),
    Save(Saved),
    Entered(u64),
}

/// A save.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) sequence: u64,
    pub(crate) base: u64,
    /// Ids of its packets.
    pub(crate) ids: Vec<u16>,
    pub(crate) character: Save,
}

impl Inter {
    /// The next inter stream of a node.
    pub(crate) async fn accept(peer: &Peer) -> Self {
        let (open, orders, recv) = peer.opened(StreamKind::Inter).await;
        Self { open, orders, says: MessageReader::new(recv, MAX_INTER), saves: HashMap::new() }
    }

    pub(crate) async fn order(&mut self, order: InterOrder) {
        self.orders.write_all(&delimited(&InterDown { says: Some(order) })).await.expect("written");
    }

    pub(crate) async fn tell(&mut self, packet: &impl Packet) {
        self.order(InterOrder::Packet(packet.encode().to_vec())).await;
    }

    /// The next thing it says, `None` at the end; counts of users are passed over.
    pub(crate) async fn hear(&mut self) -> Option<Said> {
        loop {
            let message = soon("an engine's packet", self.says.next()).await.ok().flatten()?;
            match message.says.expect("a known kind") {
                InterSays::Packet(packet) if packet_id(&packet) == Ok(UserCount::ID) => {}
                InterSays::Packet(packet) => return Some(Said::Packet(packet.into())),
                InterSays::Save(bundle) => return Some(Said::Save(self.rebuild(&bundle))),
                InterSays::Entered(who) => return Some(Said::Entered(who.session)),
            }
        }
    }

    fn rebuild(&mut self, bundle: &SaveBundle) -> Saved {
        let before = self.saves.get(&bundle.character);
        assert_eq!(bundle.sequence, before.map_or(0, |(sequence, _)| *sequence) + 1);
        let base = before.filter(|_| bundle.base != 0).map_or(&[][..], |(_, packets)| packets);
        let packets = save::unpack(base, &bundle.delta, bundle.len as usize).expect("unpacks");
        assert_eq!(bundle.hash, save::fingerprint(&packets));
        let (mut rest, mut ids, mut character) = (&packets[..], Vec::new(), None);
        while let Some(len) = map_to_char().measure(rest).expect("whole packets") {
            let (packet, others) = rest.split_at(len);
            ids.push(packet_id(packet).expect("an id"));
            character = character.or(Save::decode(packet).ok());
            rest = others;
        }
        let character = character.expect("a character");
        self.saves.insert(bundle.character, (bundle.sequence, packets));
        Saved { sequence: bundle.sequence, base: bundle.base, ids, character }
    }

    /// The next packet of this kind; what comes before is passed over.
    pub(crate) async fn until<P: Packet>(&mut self) -> P {
        let wanted = |said: Said| match said {
            Said::Packet(packet) if packet_id(&packet) == Ok(P::ID) => Some(P::decode(&packet).expect("legal")),
            Said::Packet(_) | Said::Save(_) | Said::Entered(_) => None,
        };
        self.first(P::NAME, wanted).await
    }

    /// The first thing that `wanted` takes. An engine says something every second, so all of it has to be in time.
    async fn first<T>(&mut self, what: &str, wanted: impl Fn(Said) -> Option<T>) -> T {
        let first = async {
            loop {
                if let Some(found) = wanted(self.hear().await.expect("more")) {
                    return found;
                }
            }
        };
        soon(what, first).await
    }

    /// Until a session is in play.
    pub(crate) async fn entered(&mut self, session: u64) {
        self.first("Entered", |said| matches!(said, Said::Entered(of) if of == session).then_some(())).await;
    }

    /// The next save that `wanted` picks.
    pub(crate) async fn save(&mut self, wanted: impl Fn(&Saved) -> bool) -> Saved {
        let saved = |said: Said| if let Said::Save(saved) = said { Some(saved).filter(&wanted) } else { None };
        self.first("a save", saved).await
    }

    /// Takes the engine in as a char-server does. Its maps.
    pub(crate) async fn take_in(&mut self) -> Vec<String> {
        let login: Login = self.until().await;
        assert_eq!((login.user.to_text(), login.password.expose().to_text()), (String::new(), String::new()));
        self.tell(&LoginAnswer { result: LoginResult::ACCEPTED }).await;
        let maps: Maps = self.until().await;
        let name = FixedText::new("Server");
        self.tell(&MapsAccepted { status: 0, whisper_name: name, server_name: FixedText::new("realm") }).await;
        let _here: Online = self.until().await;
        maps.maps.0.iter().map(FixedText::to_text).collect()
    }

    /// Lets a player of the engine in, up to its last question.
    pub(crate) async fn let_in(&mut self, session: u64) {
        let asked: Authenticate = self.until().await;
        assert_eq!((asked.account, *asked.login_id1.expose()), (account(session), 4_711));
        let answer = Authenticated {
            account: asked.account,
            login_id1: asked.login_id1,
            login_id2: Secret::new(0),
            expiration: 0,
            group: 0,
            changing_servers: 0,
            image: image(session),
        };
        self.tell(&answer).await;
        let (account, character) = (asked.account, asked.character);
        let _asked: RegistryRequest = self.until().await;
        for complete in [3, 2, 1] {
            let page = RegistryPage { complete, values: RegistryValues::Numbers(Counted(Vec::new())) };
            self.tell(&Registry { account, character, page }).await;
        }
        for kind in [StorageKind::STORAGE, StorageKind::CART, StorageKind::INVENTORY] {
            let image = StorageImage::filled(u32::from(kind.0), character.0, 100, &[]);
            self.tell(&Storage { kind, account, loaded: 1, image }).await;
        }
        let _asked: StatusRequest = self.until().await;
        self.tell(&Status { account, character, changes: Counted(Vec::new()) }).await;
    }
}

/// The account of a session's player.
pub(crate) fn account(session: u64) -> AccountId {
    AccountId(2_000_000 + u32::try_from(session).expect("small"))
}

fn character(session: u64) -> CharacterId {
    CharacterId(150_000 + u32::try_from(session).expect("small"))
}

fn image(session: u64) -> CharacterImage {
    let mut image = CharacterImage::zeroed();
    image.set_account(account(session));
    image.set_character(character(session));
    image.set_name(FixedText::new(format!("player{session}")));
    image.set_last_point(Point { map: FixedText::new(MAPS[0]), x: 170, y: 370 });
    image
}

/// A player who arrives at the fields.
pub(crate) fn visitor(session: u64, epoch: u64) -> GameOpen {
    let enter = Enter {
        account: account(session),
        character: character(session),
        login_id1: Secret::new(4_711),
        client_tick: 0,
        unknown: 0,
        sex: 1,
    };
    let enter = enter.encode().to_vec();
    GameOpen { session, group: "fields".into(), epoch, enter, ..GameOpen::default() }
}

/// A node whose puppet serves the fields under epoch 7.
pub(crate) async fn host(lab: &Lab, bundle: &Bundle) -> (NodeHandle, Peer, Inter) {
    let node = lab.start_with(bundle.sources());
    let mut peer = lab.welcome().await;
    peer.tell(CoordinatorSays::Assign(fields(7))).await;
    let mut inter = Inter::accept(&peer).await;
    assert_eq!(inter.take_in().await, MAPS);
    assert_eq!(peer.hear().await, assigned(7, false, ""));
    (node, peer, inter)
}

/// The engines' run folders.
pub(crate) fn run_folders(lab: &Lab) -> Vec<std::path::PathBuf> {
    let home = lab.config.state_dir.join("engines");
    std::fs::read_dir(home).into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
}
