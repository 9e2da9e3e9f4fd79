//! The fakes: a fleet that reads events, and nodes with real certificates and tokens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bifrost_protocol::control::{
    CoordinatorMessage, CoordinatorSays, Hello, NodeMessage, NodeSays, PROTOCOL_VERSION, ProbeOpen, ProbeReport,
    StreamKind, SyncOpen, delimited, next_message,
};
use bifrost_protocol::ids::HostId;
use bytes::BytesMut;
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::super::{NodeHandle, Nodes, NodesHandle};
use crate::config;
use crate::fleet::{FleetEvent, HostKind, NodeEvent};
use crate::identity::{HostClaims, Identity, LINK_SERVER_NAME, SigningRequest};
use crate::store::{HostRow, Store};

/// No test waits longer for anything.
pub(super) const SOON: Duration = Duration::from_secs(10);

pub(super) struct Host {
    pub(super) id: HostId,
    key: rcgen::KeyPair,
}

pub(super) struct Lab {
    nodes: Option<NodesHandle>,
    address: SocketAddr,
    events: mpsc::Receiver<FleetEvent>,
    identity: Arc<Identity>,
    pub(super) store: Store,
    _folder: TempDir,
    _token: CancellationToken,
}

impl Lab {
    pub(super) async fn new() -> Self {
        Self::with_queue(1_024).await
    }

    /// A fleet whose queue holds so many events.
    pub(super) async fn with_queue(queue: usize) -> Self {
        let folder = TempDir::new().expect("a folder");
        let identity = Arc::new(Identity::open(folder.path(), &[], Duration::from_hours(1)).expect("opens"));
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        let store = Store::open(&url).await.expect("opens");
        let (events_to, events) = mpsc::channel(queue);
        let token = CancellationToken::new();
        let config = config::Link { listen: ([127, 0, 0, 1], 0).into(), ..config::Link::default() };
        let nodes = Nodes::spawn(
            &config,
            Arc::clone(&identity),
            store.clone(),
            events_to,
            crate::nodes::Services::default(),
            &token,
        )
        .expect("starts");
        let address = nodes.local_addr();
        Self { nodes: Some(nodes), address, events, identity, store, _folder: folder, _token: token }
    }

    pub(super) fn stranger(&self) -> Host {
        let id = HostId(format!("h-{:016x}", rand::random::<u64>()));
        Host { id, key: rcgen::KeyPair::generate().expect("a key") }
    }

    pub(super) fn same_id_other_key(&self, host: &Host) -> Host {
        Host { id: host.id.clone(), ..self.stranger() }
    }

    pub(super) async fn register(&self, kind: HostKind) -> Host {
        let host = self.stranger();
        let row = HostRow {
            id: host.id.clone(),
            kind,
            name: "a machine".into(),
            account: None,
            key_hash: host.request().key_hash.to_string(),
            abi: "linux-x86_64".into(),
            revoked: false,
            epoch: 1,
            created_at: 0,
            last_seen: 0,
        };
        self.store.insert_host(&row).await.expect("stored");
        host
    }

    /// A token that ends in so many seconds.
    pub(super) fn token(&self, host: &Host, seconds: i64, epoch: u64) -> String {
        self.token_for(&host.id, seconds, epoch)
    }

    pub(super) fn token_of(&self, node: &Node, seconds: i64, epoch: u64) -> String {
        self.token_for(&node.id, seconds, epoch)
    }

    fn token_for(&self, id: &HostId, seconds: i64, epoch: u64) -> String {
        let lifetime = Duration::from_mins(1);
        let now = SystemTime::now();
        let ends = if seconds < 0 {
            now - Duration::from_secs(seconds.unsigned_abs())
        } else {
            now + Duration::from_secs(seconds.unsigned_abs())
        };
        let claims = HostClaims::new(id.clone(), HostKind::Player, epoch, ends - lifetime, lifetime);
        self.identity.tokens().issue(&claims).expect("a token")
    }

    pub(super) fn hello(&self, host: &Host) -> Hello {
        Hello { protocol: PROTOCOL_VERSION, token: self.token(host, 60, 1), version: "test".into(), ..Hello::default() }
    }

    pub(super) async fn connect(&self, host: &Host) -> Node {
        let issued = self.identity.certify(&host.request(), &host.id).expect("certified");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.identity.ca_pem().as_bytes()).expect("PEM")).expect("a root");
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![issued.der.clone()], PrivateKeyDer::Pkcs8(host.key.serialize_der().into()))
            .expect("belong together");
        tls.alpn_protocols = vec![bifrost_protocol::control::ALPN.to_vec()];
        let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).expect("TLS 1.3");
        let mut endpoint = quinn::Endpoint::client(([127, 0, 0, 1], 0).into()).expect("a socket");
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(tls)));
        let connecting = endpoint.connect(self.address, LINK_SERVER_NAME).expect("configured");
        let connection = timeout(SOON, connecting).await.expect("in time").expect("connected");
        let (send, recv) = connection.open_bi().await.expect("open");
        let token = self.token(host, 60, 1);
        Node { id: host.id.clone(), token, connection, send, recv, buffer: BytesMut::new(), _endpoint: endpoint }
    }

    /// A registered and connected node.
    pub(super) async fn join(&mut self, kind: HostKind) -> (Node, NodeHandle) {
        let host = self.register(kind).await;
        let mut node = self.connect(&host).await;
        node.hello(&self.hello(&host)).await;
        let (handle, ..) = self.expect_connected().await;
        (node, handle)
    }

    pub(super) async fn next(&mut self) -> NodeEvent {
        match timeout(SOON, self.events.recv()).await.expect("an event").expect("an endpoint") {
            FleetEvent::Node(_, event) => event,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn expect_connected(&mut self) -> (NodeHandle, HostKind, Hello) {
        let NodeEvent::Connected { kind, hello, node, .. } = self.next().await else { panic!("not connected") };
        (node, kind, *hello)
    }

    /// `Closed`, and nothing after it.
    pub(super) async fn expect_closed(&mut self) {
        let event = self.next().await;
        assert!(matches!(event, NodeEvent::Closed { .. }), "{event:?}");
        tokio::task::yield_now().await;
        assert!(self.nothing_heard());
    }

    pub(super) fn nothing_heard(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    pub(super) fn forget_heard(&mut self) {
        while !self.nothing_heard() {}
    }

    pub(super) async fn shutdown(&mut self) {
        let nodes = self.nodes.take().expect("stopped once");
        timeout(SOON, nodes.shutdown()).await.expect("stops");
    }
}

impl Host {
    fn request(&self) -> SigningRequest {
        let params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        let request = params.serialize_request(&self.key).expect("signed");
        SigningRequest::from_pem(&request.pem().expect("PEM")).expect("a request")
    }
}

pub(super) struct Node {
    id: HostId,
    pub(super) token: String,
    pub(super) connection: Connection,
    pub(super) send: SendStream,
    recv: RecvStream,
    buffer: BytesMut,
    _endpoint: quinn::Endpoint,
}

impl Node {
    pub(super) async fn hello(&mut self, hello: &Hello) {
        self.send.write_all(&[StreamKind::Control as u8]).await.expect("open");
        self.say(NodeSays::Hello(hello.clone())).await;
    }

    pub(super) async fn say(&mut self, says: NodeSays) {
        self.send.write_all(&delimited(&NodeMessage { says: Some(says) })).await.expect("open");
    }

    /// The next control message.
    pub(super) async fn heard(&mut self) -> Option<CoordinatorSays> {
        loop {
            if let Some(CoordinatorMessage { says }) = next_message(&mut self.buffer, 1 << 20).expect("legal") {
                return says;
            }
            let chunk = timeout(SOON, self.recv.read_chunk(65_536, true)).await.expect("in time").ok()??;
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }

    pub(super) async fn farewell(&mut self) -> String {
        match self.heard().await {
            Some(CoordinatorSays::Farewell(farewell)) => farewell.code,
            other => panic!("{other:?}, {:?}", self.connection.close_reason()),
        }
    }

    pub(super) async fn expect_closed(&self, code: &str) {
        let closed = timeout(SOON, self.connection.closed()).await.expect("in time").to_string();
        assert!(closed.contains(code), "{closed}");
    }

    /// Closed, however it learns of it: one that floods may miss the reason and get a stateless reset for its next packet.
    pub(super) async fn expect_cut(&self) {
        timeout(SOON, self.connection.closed()).await.expect("in time");
    }

    pub(super) async fn open_sync(&self, group: &str, epoch: u64, token: &str) -> (SendStream, RecvStream) {
        let (mut send, recv) = self.connection.open_bi().await.expect("open");
        let open = SyncOpen { token: token.into(), group: group.into(), epoch };
        send.write_all(&[&[StreamKind::Sync as u8][..], &delimited(&open)].concat()).await.expect("open");
        (send, recv)
    }

    pub(super) async fn probe(&self, announced: u64, sent: u64) -> Option<ProbeReport> {
        let (mut send, mut recv) = self.connection.open_bi().await.expect("open");
        let open = delimited(&ProbeOpen { bytes: announced });
        let body = vec![0; usize::try_from(sent).expect("small")];
        let _may_be_cut = send.write_all(&[&[StreamKind::Probe as u8][..], &open, &body].concat()).await;
        let _may_be_over = send.finish();
        let answer = timeout(SOON, recv.read_to_end(100)).await.expect("in time").ok()?;
        next_message(&mut BytesMut::from(answer.as_slice()), 100).expect("legal")
    }
}

pub(super) async fn expect_refused(mut recv: RecvStream) {
    let reset = timeout(SOON, recv.received_reset()).await.expect("in time").expect("the link goes on");
    assert_eq!(reset, Some(1_u32.into()));
}
