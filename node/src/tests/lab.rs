//! The other side: a QUIC endpoint with its own CA that does what a test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::api::Credentials;
use bifrost_protocol::client::server_to_client;
use bifrost_protocol::control::*;
use bifrost_protocol::frame::packet_id;
use bytes::BytesMut;
use prost::Message;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::agent::state::{Held, StateDir, unix_now};
use crate::config::{EngineConfig, Limits, NodeConfig, Trust};
use crate::tunnel::messages::MessageReader;
use crate::udp::test_server;
use crate::{Node, NodeHandle, NodeState, StopCode, bench};

/// Nothing in these tests takes longer, unless it has gone wrong.
const PATIENCE: Duration = Duration::from_secs(20);
const COORDINATOR: &str = "https://127.0.0.1:1";
pub(crate) const HOST: &str = "h-00000000000000aa";

/// A coordinator's endpoint and a node's state folder with credentials for it.
pub(crate) struct Lab {
    endpoint: Endpoint,
    folder: TempDir,
    pub(crate) config: NodeConfig,
}

/// One connection of a node.
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    says: SendStream,
    hears: MessageReader<RecvStream, NodeMessage>,
    pub(crate) hello: Hello,
    /// Streams that came while another kind was waited for.
    early: Mutex<Vec<(StreamKind, SendStream, RecvStream)>>,
}

/// A sync stream.
pub(crate) struct Sync {
    pub(crate) open: SyncOpen,
    orders: SendStream,
    says: MessageReader<RecvStream, EngineUp>,
}

/// A game stream, seen from the relay.
pub(crate) struct Game {
    pub(crate) send: SendStream,
    pub(crate) recv: RecvStream,
    buffer: BytesMut,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let _installed_by_the_first_test = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::open(folder.path()).expect("opened");
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("a CA");
        let issuer = Issuer::from_params(&params, &ca_key);
        let named = |name: &str| CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let server = named("bifrost-coordinator").signed_by(&key, &issuer).expect("signed");
        let client = named("host").signed_by(&state.key().expect("a key"), &issuer).expect("signed");

        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).expect("added");
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("a verifier");
        let mut tls = rustls::ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![server.into()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("a server");
        tls.alpn_protocols = vec![ALPN.to_vec()];
        let server = quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).expect("TLS 1.3")));
        let endpoint = test_server(server);
        let credentials = Credentials {
            host_id: HOST.into(),
            kind: "player".into(),
            certificate: client.pem(),
            ca: ca.pem(),
            token: "token".into(),
            expires_in: 3_600,
            link: endpoint.local_addr().expect("bound").to_string(),
            server_name: "bifrost-coordinator".into(),
        };
        let held = Held { coordinator: COORDINATOR.into(), issued_at: unix_now(), credentials };
        state.save_credentials(&held).expect("saved");
        bench::keep(&state, COORDINATOR, &Benchmark { cores: 8, ..Benchmark::default() });
        let config = NodeConfig {
            coordinator: COORDINATOR.into(),
            trust: Trust::System,
            state_dir: folder.path().into(),
            proof: None,
            name: "test".into(),
            limits: Limits::default(),
            engine: EngineConfig::default(),
        };
        Self { endpoint, folder, config }
    }

    /// As if the machine had never been measured.
    pub(crate) fn forget_benchmark(&self) {
        std::fs::remove_file(self.folder.path().join("benchmark.json")).expect("removed");
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.endpoint.local_addr().expect("bound")
    }

    pub(crate) fn start(&self) -> NodeHandle {
        Node::spawn(self.config.clone(), CancellationToken::new())
    }

    /// A node that can run stock map-servers.
    #[cfg(unix)]
    pub(crate) fn start_with(&self, sources: crate::engine::Sources) -> NodeHandle {
        Node::spawn_with(self.config.clone(), Some(sources), CancellationToken::new())
    }

    /// The node's next connection, up to its Hello.
    pub(crate) async fn accept(&self) -> Peer {
        let accept = async {
            let connection = self.endpoint.accept().await.expect("an endpoint").await.expect("a handshake");
            let (says, mut recv) = connection.accept_bi().await.expect("a stream");
            assert_eq!(recv.read_u8().await.expect("a kind"), StreamKind::Control as u8);
            let mut hears = MessageReader::<_, NodeMessage>::new(recv, MAX_MESSAGE_UP);
            let first = hears.next().await.expect("legal").expect("a message");
            let Some(NodeSays::Hello(hello)) = first.says else { panic!("not Hello: {first:?}") };
            Peer { connection, says, hears, hello, early: Mutex::default() }
        };
        soon("a connection", accept).await
    }

    /// A connection that is welcomed, resuming what it holds.
    pub(crate) async fn welcome(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.tell(CoordinatorSays::Welcome(terms(&peer.hello.leases))).await;
        peer
    }

    /// A node with one connection that holds `town` under epoch 7, and the group's sync stream after its first full sync.
    pub(crate) async fn host(&self) -> (NodeHandle, Peer, Sync) {
        let node = self.start();
        let mut peer = self.welcome().await;
        peer.tell(CoordinatorSays::Assign(town(7))).await;
        let assigned = peer.hear().await;
        assert_eq!(
            assigned,
            NodeSays::Assigned(Assigned { group: "town".into(), epoch: 7, problem: String::new(), standby: false })
        );
        let mut sync = peer.sync().await;
        assert_eq!(sync.state().await, (true, Vec::new()));
        (node, peer, sync)
    }
}

impl Peer {
    pub(crate) async fn tell(&mut self, says: CoordinatorSays) {
        self.tell_bytes(&delimited(&CoordinatorMessage { says: Some(says) })).await;
    }

    pub(crate) async fn tell_bytes(&mut self, bytes: &[u8]) {
        self.says.write_all(bytes).await.expect("written");
    }

    /// The next control message.
    pub(crate) async fn hear(&mut self) -> NodeSays {
        let message = soon("a control message", self.hears.next()).await;
        message.expect("legal").expect("a message").says.expect("a known kind")
    }

    /// The next beat, not answered.
    pub(crate) async fn beat(&self) -> Beat {
        let datagram = soon("a beat", self.connection.read_datagram()).await.expect("a datagram");
        Beat::decode(datagram).expect("a beat")
    }

    pub(crate) fn answer(&self, beat: &Beat) {
        let ack = BeatAck { sequence: beat.sequence }.encode_to_vec();
        self.connection.send_datagram(ack.into()).expect("sent");
    }

    /// Answers every beat until the connection ends.
    pub(crate) async fn answer_all(&self) {
        while let Ok(datagram) = self.connection.read_datagram().await {
            self.answer(&Beat::decode(datagram).expect("a beat"));
        }
    }

    /// Answers every beat beside whatever else is done, until aborted.
    #[cfg(unix)]
    pub(crate) fn answers(&self) -> tokio::task::JoinHandle<()> {
        let connection = self.connection.clone();
        tokio::spawn(async move {
            while let Ok(datagram) = connection.read_datagram().await {
                let ack = BeatAck { sequence: Beat::decode(datagram).expect("a beat").sequence };
                connection.send_datagram(ack.encode_to_vec().into()).expect("sent");
            }
        })
    }

    /// The next stream of this kind that the node opens.
    pub(crate) async fn stream(&self, wanted: StreamKind) -> (SendStream, RecvStream) {
        let mut early = self.early.lock().await;
        if let Some(at) = early.iter().position(|(kind, ..)| *kind == wanted) {
            let (_, send, recv) = early.swap_remove(at);
            return (send, recv);
        }
        loop {
            let (send, mut recv) = soon("a stream", self.connection.accept_bi()).await.expect("a stream");
            let kind = StreamKind::try_from(recv.read_u8().await.expect("a kind")).expect("a known kind");
            if kind == wanted {
                return (send, recv);
            }
            early.push((kind, send, recv));
        }
    }

    pub(crate) async fn sync(&self) -> Sync {
        let (open, orders, recv) = self.opened(StreamKind::Sync).await;
        Sync { open, orders, says: MessageReader::new(recv, MAX_MESSAGE_UP) }
    }

    /// The next stream of this kind, up to its header.
    pub(crate) async fn opened<M: Message + Default>(&self, kind: StreamKind) -> (M, SendStream, RecvStream) {
        let (send, mut recv) = self.stream(kind).await;
        let mut header = Vec::new();
        loop {
            header.push(recv.read_u8().await.expect("a header"));
            if let Some(open) = next_message(&mut BytesMut::from(&header[..]), MAX_HEADER).expect("legal") {
                return (open, send, recv);
            }
        }
    }

    /// Opens a game stream with a header, for a player who arrives.
    pub(crate) async fn game(&self, open: &GameOpen) -> Game {
        let (mut send, recv) = self.connection.open_bi().await.expect("a stream");
        send.write_all(&[StreamKind::Game as u8]).await.expect("written");
        send.write_all(&delimited(open)).await.expect("written");
        Game { send, recv, buffer: BytesMut::new() }
    }
}

impl Sync {
    pub(crate) async fn order(&mut self, order: EngineOrder) {
        self.orders.write_all(&delimited(&EngineDown { says: Some(order) })).await.expect("written");
    }

    /// The next thing the engine says, `None` at the end of the stream.
    pub(crate) async fn hear(&mut self) -> Option<EngineSays> {
        let message = soon("an engine's message", self.says.next()).await.expect("legal");
        message.map(|message| message.says.expect("a known kind"))
    }

    /// The next sync: whether it is full, and its sessions in order.
    pub(crate) async fn state(&mut self) -> (bool, Vec<u64>) {
        loop {
            let says = self.hear().await.expect("a sync");
            if let EngineSays::Sync(sync) = says {
                let data = sync.open().expect("sealed");
                return (sync.full, data.player_updates.iter().map(|player| player.session).collect());
            }
        }
    }

    /// Everything up to and with what `wanted` picks.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&EngineSays) -> bool) -> Vec<EngineSays> {
        let mut heard = Vec::new();
        while !heard.last().is_some_and(&wanted) {
            heard.push(self.hear().await.expect("more"));
        }
        heard
    }
}

impl Game {
    pub(crate) async fn say(&mut self, packet: &[u8]) {
        self.send.write_all(packet).await.expect("written");
    }

    /// Reads whole packets until one has this id.
    pub(crate) async fn until(&mut self, id: u16) {
        loop {
            while let Some(packet) = server_to_client().next(&mut self.buffer).expect("whole packets") {
                if packet_id(&packet) == Ok(id) {
                    return;
                }
            }
            let read = soon("a packet", self.recv.read_buf(&mut self.buffer)).await.expect("bytes");
            assert_ne!(read, 0, "the stream ended before 0x{id:04x}");
        }
    }

    /// Reads to the end; whether the engine ended the stream in order.
    pub(crate) async fn ended(mut self) -> bool {
        soon("the end of the stream", self.recv.read_to_end(1 << 20)).await.is_ok()
    }
}

/// Waits for a state.
pub(crate) async fn reached(node: &NodeHandle, wanted: impl Fn(&NodeState) -> bool) -> NodeState {
    let mut state = node.state();
    soon("a state", state.wait_for(wanted)).await.expect("a node").clone()
}

pub(crate) async fn stopped(mut node: NodeHandle) -> StopCode {
    soon("the end of the node", node.ended()).await.0
}

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Short beats, leases that outlast a test, everything held goes on.
pub(crate) fn terms(resumed: &[HeldLease]) -> Welcome {
    Welcome {
        host: HOST.into(),
        beat_ms: 20,
        lease_ms: 60_000,
        reconnect_ms: 60_000,
        resumed: resumed.to_vec(),
        not_eligible: Vec::new(),
    }
}

/// The built-in town.
pub(crate) fn town(epoch: u64) -> Assign {
    let maps = bifrost_world::builtin::maps().into_iter().filter(|map| map.name == "bf_town");
    let warps = bifrost_world::builtin::warps().into_iter().filter(|warp| warp.map == "bf_town");
    Assign { group: "town".into(), epoch, maps: maps.collect(), warps: warps.collect(), ..Assign::default() }
}

/// A player who arrives in the town.
pub(crate) fn arrival(session: u64, epoch: u64) -> GameOpen {
    let place = Place { map: "bf_town".into(), x: 40, y: 34 };
    let character = Character {
        account: 2_000_000 + u32::try_from(session).expect("small"),
        character: 150_000 + u32::try_from(session).expect("small"),
        name: format!("player{session}").into(),
        sex: 1,
        base_level: 1,
        hp: 40,
        max_hp: 40,
        sp: 11,
        max_sp: 11,
        stats: vec![1; 6],
        at: Some(place.clone()),
        save_point: Some(place),
        ..Character::default()
    };
    GameOpen { session, group: "town".into(), epoch, character: Some(character), ..GameOpen::default() }
}
