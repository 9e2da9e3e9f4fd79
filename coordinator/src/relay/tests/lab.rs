//! The fakes: a fleet that reads events, a node that accepts game streams, game clients.

use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::client::{Enter, server_to_client};
use bifrost_protocol::control::{GameOpen, StreamKind, next_message};
use bifrost_protocol::ids::{AccountId, CharacterId, HostId, SessionId};
use bifrost_protocol::{Packet, Secret};
use bytes::{Bytes, BytesMut};
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::pump::Patience;
use super::super::{ClientHandle, Relay, RelayHandle, ToClient};
use crate::config;
use crate::fleet::{ClientEvent, ConnectionId, FleetEvent, LinkId};
use crate::nodes::NodeHandle;

/// No test waits longer for anything.
const SOON: Duration = Duration::from_secs(10);

pub(super) fn patience() -> Patience {
    Patience { last_words: Duration::from_millis(500), ..Patience::new(Duration::from_secs(2)) }
}

pub(super) fn enter() -> Vec<u8> {
    let packet = Enter {
        account: AccountId(2_000_000),
        character: CharacterId(150_000),
        login_id1: Secret::new(77),
        client_tick: 1,
        unknown: 0,
        sex: 1,
    };
    packet.encode().to_vec()
}

/// `CZ_REQUEST_CHAT`, sized.
pub(super) fn say(text: &str) -> Vec<u8> {
    sized(0x00f3, text.as_bytes())
}

/// `CZ_REQUEST_TIME2`.
pub(super) fn time_request(tick: u8) -> Vec<u8> {
    vec![0x60, 0x03, tick, 0, 0, 0]
}

/// `ZC_NOTIFY_TIME`, six bytes.
pub(super) fn to_client(tick: u8) -> Vec<u8> {
    vec![0x7f, 0, tick, 0, 0, 0]
}

/// `ZC_NOTIFY_PLAYERCHAT`, sized.
pub(super) fn sized_to_client(text: &[u8]) -> Vec<u8> {
    sized(0x008e, text)
}

/// `ZC_NPCACK_SERVERMOVE`.
pub(super) fn redirect() -> Bytes {
    let mut packet = vec![0; 156];
    packet[..2].copy_from_slice(&0x0ac7_u16.to_le_bytes());
    packet.into()
}

fn sized(id: u16, text: &[u8]) -> Vec<u8> {
    let len = u16::try_from(text.len() + 4).expect("short");
    [&id.to_le_bytes()[..], &len.to_le_bytes(), text].concat()
}

pub(super) struct Lab {
    relay: Option<RelayHandle>,
    address: SocketAddr,
    events: mpsc::Receiver<FleetEvent>,
    node: NodeHandle,
    node_side: quinn::Connection,
    connection: Option<ConnectionId>,
    _endpoints: [quinn::Endpoint; 2],
    _token: CancellationToken,
}

impl Lab {
    pub(super) async fn new() -> Self {
        Self::with(patience()).await
    }

    pub(super) async fn with(patience: Patience) -> Self {
        Self::make(patience, (16, 16)).await
    }

    pub(super) async fn limited((all, per_address): (usize, usize)) -> Self {
        Self::make(patience(), (all, per_address)).await
    }

    async fn make(patience: Patience, (max_connections, max_per_address): (usize, usize)) -> Self {
        let config = config::Relay {
            listen: ([127, 0, 0, 1], 0).into(),
            max_connections,
            max_per_address,
            enter_ms: 500,
            ..config::Relay::default()
        };
        let (events_to, events) = mpsc::channel(64);
        let token = CancellationToken::new();
        let relay = Relay::spawn_with(&config, patience, events_to, &token).expect("port 0 is free");
        let (endpoints, coordinator_side, node_side) = link().await;
        let (control, _) = mpsc::channel(1);
        let node = NodeHandle::new(HostId("h-1".into()), LinkId(1), String::new(), control, beats(), coordinator_side);
        let address = relay.local_addr();
        let relay = Some(relay);
        Self { relay, address, events, node, node_side, connection: None, _endpoints: endpoints, _token: token }
    }

    pub(super) async fn connect(&self) -> Client {
        let socket = TcpStream::connect(self.address).await.expect("the relay listens");
        socket.set_nodelay(true).expect("a socket");
        Client(socket)
    }

    pub(super) async fn arrive(&mut self) -> (Client, ClientHandle) {
        self.arrive_with(&[]).await
    }

    pub(super) async fn arrive_with(&mut self, more: &[u8]) -> (Client, ClientHandle) {
        let mut client = self.connect().await;
        client.write_all(&[&enter(), more].concat()).await.expect("open");
        let handle = self.next_arrival().await.expect("arrives");
        (client, handle)
    }

    /// Tries until there is a place.
    pub(super) async fn arrive_at_last(&mut self) -> (Client, ClientHandle) {
        loop {
            let mut client = self.connect().await;
            let refused = client.write_all(&enter()).await.is_err();
            let mut byte = [0];
            tokio::select! {
                handle = self.next_arrival(), if !refused => return (client, handle.expect("arrives")),
                _ended = client.0.read(&mut byte) => {}
            }
        }
    }

    async fn next_arrival(&mut self) -> Option<ClientHandle> {
        match self.next_event().await {
            (id, ClientEvent::Arrived { enter: packet, client, .. }) => {
                assert_eq!(packet.encode(), enter());
                self.connection = Some(id);
                Some(client)
            }
            (_, ClientEvent::EngineLost { .. } | ClientEvent::Closed) => None,
        }
    }

    async fn next_event(&mut self) -> (ConnectionId, ClientEvent) {
        match timeout(SOON, self.events.recv()).await.expect("an event").expect("a relay") {
            FleetEvent::Client(id, event) => (id, event),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn order_attach(&self, session: u64) -> ToClient {
        let open = Box::new(GameOpen { session, group: "fields".into(), epoch: 1, ..GameOpen::default() });
        ToClient::Attach { node: self.node.clone(), open }
    }

    pub(super) async fn attach(&mut self, client: &ClientHandle, session: u64) -> Engine {
        assert!(client.tell(self.order_attach(session)));
        let accept = timeout(SOON, self.node_side.accept_bi()).await.expect("a game stream");
        let (send, mut recv) = accept.expect("linked");
        let mut kind = [0];
        recv.read_exact(&mut kind).await.expect("a kind");
        assert_eq!(kind, [StreamKind::Game as u8]);
        let mut buffer = BytesMut::new();
        let open: GameOpen = loop {
            // Byte by byte: what follows the header belongs to the engine.
            let mut byte = [0];
            recv.read_exact(&mut byte).await.expect("a header");
            buffer.extend_from_slice(&byte);
            if let Some(open) = next_message(&mut buffer, 1_000).expect("legal") {
                break open;
            }
        };
        assert_eq!(open.session, session);
        Engine { send, recv }
    }

    /// An order to attach to a node that is gone.
    pub(super) async fn order_attach_elsewhere(&self, session: u64) -> ToClient {
        let (endpoints, coordinator_side, _) = link().await;
        drop(endpoints);
        coordinator_side.close(0_u32.into(), b"");
        let (control, _) = mpsc::channel(1);
        let node = NodeHandle::new(HostId("h-2".into()), LinkId(2), String::new(), control, beats(), coordinator_side);
        ToClient::Attach { node, open: Box::new(GameOpen { session, ..GameOpen::default() }) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn nothing_heard(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    /// Engines that talk and listen until they are left, some of them badly.
    pub(super) fn serve_engines(&self) -> tokio::task::JoinHandle<()> {
        let connection = self.node_side.clone();
        tokio::spawn(async move {
            let mut engines = tokio::task::JoinSet::new();
            let mut number = 0_u32;
            while let Ok((mut send, mut recv)) = connection.accept_bi().await {
                number += 1;
                engines.spawn(async move {
                    let listen =
                        tokio::spawn(async move { while let Ok(Some(_)) = recv.read_chunk(4_096, true).await {} });
                    for turn in 0..number * 7 {
                        let packets = [to_client(1), sized_to_client(&[3; 900])].concat();
                        let sent = if number.is_multiple_of(5) && turn == 20 { &[0xff, 0x7f][..] } else { &packets };
                        if send.write_all(sent).await.is_err() {
                            break;
                        }
                    }
                    drop(send);
                    listen.abort();
                });
            }
        })
    }

    /// Gives every client orders as they come to mind until `count` of them are closed. Returns who arrived and who closed.
    pub(super) async fn restless_fleet(&mut self, count: usize) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
        let (mut arrived, mut closed, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        let mut step = 0_u64;
        while closed.len() < count {
            match self.next_event().await {
                (id, ClientEvent::Arrived { client, .. }) => {
                    client.tell(self.order_attach(id.0));
                    arrived.push(id);
                    clients.push(client);
                }
                (id, ClientEvent::Closed) => closed.push(id),
                (_, ClientEvent::EngineLost { .. }) => {}
            }
            for client in &clients {
                step += 1;
                client.tell(match step % 11 {
                    0 | 4 => self.order_attach(step),
                    1 | 5 => ToClient::Hold,
                    2 => ToClient::Send(Bytes::from(to_client(4))),
                    3 if step > 400 => ToClient::Redirect(redirect()),
                    6 if step > 800 => ToClient::Close(None),
                    _ => continue,
                });
            }
        }
        arrived.sort_unstable();
        closed.sort_unstable();
        (arrived, closed)
    }

    pub(super) fn close_node(&self) {
        self.node_side.close(0_u32.into(), b"");
    }

    pub(super) async fn expect_lost(&mut self, session: u64) {
        match self.next_event().await {
            (_, ClientEvent::EngineLost { session: lost, .. }) => assert_eq!(lost, SessionId(session)),
            (_, other) => panic!("{other:?}"),
        }
    }

    /// `Closed`, and nothing after it.
    pub(super) async fn expect_closed(&mut self) {
        match self.next_event().await {
            (_, ClientEvent::Closed) => {}
            (_, other) => panic!("{other:?}"),
        }
        tokio::task::yield_now().await;
        assert!(self.events.try_recv().is_err(), "nothing follows");
    }

    pub(super) async fn shutdown(&mut self) {
        let relay = self.relay.take().expect("stopped once");
        timeout(SOON, relay.shutdown()).await.expect("stops");
    }
}

/// Enters, talks, listens for a while, and leaves in one way or another.
pub(super) async fn restless_client(address: SocketAddr, seed: u8) {
    let mut socket = TcpStream::connect(address).await.expect("the relay listens");
    socket.write_all(&enter()).await.expect("open");
    let (mut from, mut to) = socket.split();
    let talk = async {
        for _ in 0..200_u32 + u32::from(seed) {
            if to.write_all(&[say("hello"), time_request(seed)].concat()).await.is_err() {
                return;
            }
        }
        match seed % 3 {
            0 => drop(to.shutdown().await),
            1 => drop(to.write_all(&[0xff, 0x7f]).await),
            _ => {}
        }
    };
    let listen = async {
        let mut space = vec![0; 4_096];
        for _ in 0..2_000_u32 * u32::from(seed % 4 + 1) {
            if !matches!(from.read(&mut space).await, Ok(1..)) {
                return;
            }
        }
    };
    let _may_be_stuck = timeout(SOON / 4, async { tokio::join!(talk, listen) }).await;
}

pub(super) struct Client(TcpStream);

impl Deref for Client {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut TcpStream {
        &mut self.0
    }
}

impl Client {
    pub(super) async fn read_exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(SOON, self.0.read_exact(&mut bytes)).await.expect("in time").expect("open");
        bytes
    }

    /// Reads packets until 0x0ac7. `skipped` bytes of repetitions of `pattern` have been read before.
    pub(super) async fn read_packets_from(&mut self, skipped: usize, pattern: &[u8]) -> Vec<Vec<u8>> {
        let mut buffer = BytesMut::from(&pattern[..skipped % pattern.len()]);
        let mut packets = Vec::new();
        while packets.last().is_none_or(|packet: &Vec<u8>| packet[..2] != redirect()[..2]) {
            assert!(timeout(SOON, self.0.read_buf(&mut buffer)).await.expect("in time").expect("open") > 0);
            while let Some(packet) = server_to_client().next(&mut buffer).expect("whole packets") {
                packets.push(packet.to_vec());
            }
        }
        assert!(buffer.is_empty(), "nothing follows");
        packets
    }

    pub(super) async fn expect_end(&mut self) {
        self.expect_last_words(&[]).await;
    }

    pub(super) async fn expect_last_words(&mut self, words: &[u8]) {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ended = timeout(SOON, self.0.read_to_end(&mut rest)).await.expect("ends in time");
        assert_eq!(rest, words, "before the end");
    }
}

pub(super) struct Engine {
    send: SendStream,
    recv: RecvStream,
}

impl Engine {
    pub(super) async fn next_read(&mut self) -> Vec<u8> {
        let chunk = timeout(SOON, self.recv.read_chunk(64 * 1024, true)).await.expect("in time");
        chunk.expect("open").expect("not finished").bytes.to_vec()
    }

    pub(super) async fn read_to_end(&mut self) -> Vec<u8> {
        timeout(SOON, self.recv.read_to_end(64 * 1024)).await.expect("in time").expect("finished")
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.send.write_all(bytes).await.expect("open");
    }

    pub(super) async fn try_write(&mut self, bytes: &[u8]) -> bool {
        timeout(SOON, self.send.write_all(bytes)).await.expect("in time").is_ok()
    }

    pub(super) async fn finish(&mut self) {
        self.send.finish().expect("open");
        let _delivered = self.send.stopped().await;
    }

    pub(super) fn reset(&mut self) {
        self.send.reset(9_u32.into()).expect("open");
    }

    pub(super) async fn expect_end(&mut self) {
        let _ended = timeout(SOON, self.recv.read_to_end(64 * 1024)).await.expect("ends in time");
    }

    pub(super) async fn expect_reset(&mut self) {
        let reset = timeout(SOON, self.recv.received_reset()).await.expect("in time").expect("linked");
        assert_eq!(reset, Some(2_u32.into()), "detached");
    }
}

/// Two endpoints with a connection between them: coordinator's side, node's side.
async fn link() -> ([quinn::Endpoint; 2], quinn::Connection, quinn::Connection) {
    let made = rcgen::generate_simple_self_signed(vec!["node".to_owned()]).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let certificate = made.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("belong together");
    let tls = quinn::crypto::rustls::QuicServerConfig::try_from(tls).expect("TLS 1.3");
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = quinn::Endpoint::server(quinn::ServerConfig::with_crypto(Arc::new(tls)), anywhere).expect("free");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).expect("TLS 1.3");
    let mut client = quinn::Endpoint::client(anywhere).expect("free");
    let mut transport = quinn::TransportConfig::default();
    transport.max_concurrent_bidi_streams(4_096_u32.into());
    let mut config = quinn::ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport));
    client.set_default_client_config(config);
    let connecting = client.connect(server.local_addr().expect("bound"), "node").expect("configured");
    let (accepted, node_side) = tokio::join!(async { server.accept().await.expect("open").await }, connecting);
    ([server, client], accepted.expect("linked"), node_side.expect("linked"))
}

/// A node that never beats.
fn beats() -> tokio::sync::watch::Receiver<bifrost_protocol::control::Beat> {
    tokio::sync::watch::channel(bifrost_protocol::control::Beat::default()).1
}
