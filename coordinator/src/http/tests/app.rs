//! The API in a test: one database, one CA, a login-server and a fleet that do what the test says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bifrost_protocol::client::login::{Accepted, Closed, Refused};
use bifrost_protocol::client::{ClientToLogin, CloseReason, LoginToClient, client_to_login, login::LoginRefusal};
use bifrost_protocol::ids::{AccountId, HostId};
use bifrost_protocol::{FixedText, List, Packet, Secret};
use bytes::{Bytes, BytesMut};
use metrics_exporter_prometheus::PrometheusBuilder;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::bounds::standing::Policy;
use crate::bundles::Bundles;
use crate::database::relay::Relay;
use crate::fleet::FleetHandle;
use crate::fleet::status::FleetStatus;
use crate::http::server::serve;
use crate::http::{AccountProof, Deps, HttpHandle, LoginServer, router};
use crate::identity::{Identity, KeyHash, LINK_SERVER_NAME};
use crate::realm::Accounts;
use crate::store::Store;

pub(super) const ADMIN_TOKEN: &str = "the admin token";

pub(super) struct App {
    pub(super) identity: Arc<Identity>,
    pub(super) store: Store,
    /// Hosts the fleet was told to cut.
    pub(super) revoked: mpsc::Receiver<HostId>,
    pub(super) status: Arc<Mutex<FleetStatus>>,
    pub(super) bundles: Bundles,
    router: axum::Router,
    dir: TempDir,
    _tasks: JoinSet<()>,
}

/// A host's key.
pub(super) struct Key(KeyPair);

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<String>,
    body: Bytes,
}

impl App {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address").to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(login_server(listener));
        Self::with(|_| AccountProof::Login(LoginServer { address }), None, tasks).await
    }

    /// With a relay for hosts' SQL.
    pub(super) async fn relaying(relay: Arc<Relay>) -> Self {
        Self::with(|store| AccountProof::Embedded(Accounts::new(store)), Some(relay), JoinSet::new()).await
    }

    /// With the accounts of the embedded realm.
    pub(super) async fn embedded() -> Self {
        Self::with(|store| AccountProof::Embedded(Accounts::new(store)), None, JoinSet::new()).await
    }

    /// Nobody listens where the login-server should be.
    pub(super) async fn without_realm() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address").to_string();
        drop(listener);
        Self::with(|_| AccountProof::Login(LoginServer { address }), None, JoinSet::new()).await
    }

    async fn with(
        proof: impl FnOnce(Store) -> AccountProof,
        database: Option<Arc<Relay>>,
        mut tasks: JoinSet<()>,
    ) -> Self {
        let dir = TempDir::new().expect("folder");
        let identity =
            Arc::new(Identity::open(dir.path(), &["127.0.0.1".to_owned()], Duration::from_hours(1)).expect("identity"));
        let store = Store::open(&format!("sqlite:{}", dir.path().join("db").display())).await.expect("store");
        let status = Arc::new(Mutex::new(FleetStatus {
            char_server: true,
            players: 3,
            limbo: 0,
            hosts: Vec::new(),
            groups: Vec::new(),
            failovers: Vec::new(),
        }));
        let bundles = Bundles::open(dir.path()).await.expect("bundles");
        let (cut, revoked) = mpsc::channel(8);
        let (fleet, answering) = FleetHandle::scripted(Arc::clone(&status), cut);
        tasks.spawn(answering);
        let deps = Deps {
            gateways: None,
            identity: Arc::clone(&identity),
            store: store.clone(),
            proof: proof(store.clone()),
            fleet,
            bundles: bundles.clone(),
            database,
            policy: Policy::default(),
            link: "127.0.0.1:7444".to_owned(),
            endpoint: SocketAddr::from(([127, 0, 0, 1], 7_444)),
            admin_token: Secret::new(ADMIN_TOKEN.to_owned()),
            metrics: PrometheusBuilder::new().build_recorder().handle(),
        };
        let router = router(deps).layer(MockConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        Self { identity, store, revoked, status, bundles, router, dir, _tasks: tasks }
    }

    pub(super) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Serves it on a real port, with the operator's certificate and key if given, and gives a client that pins our CA.
    pub(super) fn serve(&self, operators: &[&PathBuf]) -> (HttpHandle, reqwest::Client) {
        let server = self.serve_before(SocketAddr::from(([127, 0, 0, 1], 7_444)), operators, &CancellationToken::new());
        let client = self.client(server.local_addr());
        (server, client)
    }

    /// The same until `stop`, with a QUIC endpoint for links within TLS.
    pub(super) fn serve_before(
        &self,
        endpoint: SocketAddr,
        operators: &[&PathBuf],
        stop: &CancellationToken,
    ) -> HttpHandle {
        let operators = match operators {
            [certificate, key] => Some((certificate.as_path(), key.as_path())),
            _ => None,
        };
        let tls = self.identity.https_config(operators).expect("tls");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        serve(listen, tls, endpoint, self.router.clone(), stop).expect("port")
    }

    /// A client that pins our CA.
    pub(super) fn client(&self, server: SocketAddr) -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = reqwest::Certificate::from_pem(self.identity.ca_pem().as_bytes()).expect("ca");
        let builder = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().pool_max_idle_per_host(0);
        builder.resolve(LINK_SERVER_NAME, server).build().expect("client")
    }

    pub(super) async fn register(&self, key: &Key, username: &str, password: &str) -> Answer {
        let proof = json!({ "proof": "account", "username": username, "password": password });
        self.register_with(key, proof).await
    }

    pub(super) async fn redeem(&self, key: &Key, code: &str) -> Answer {
        self.register_with(key, json!({ "proof": "invitation", "code": code })).await
    }

    async fn register_with(&self, key: &Key, mut body: Value) -> Answer {
        body["csr"] = key.csr().into();
        body["name"] = " my pc ".into();
        body["abi"] = "linux-x86_64".into();
        self.send("POST", "/v1/hosts", None, &body).await
    }

    pub(super) async fn renew(&self, key: &Key, token: &str) -> Answer {
        self.send("POST", "/v1/hosts/renew", Some(token), &json!({ "csr": key.csr() })).await
    }

    pub(super) async fn admin(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, Some(ADMIN_TOKEN), body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, &Value::Null).await
    }

    /// Fetches a file with a token, from somewhere on if it says where.
    pub(super) async fn fetch(&self, path: &str, token: &str, range: Option<&str>) -> (Answer, HeaderMap) {
        let mut request = Request::builder().uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let request = request.body(Body::empty()).expect("request");
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1024 * 1024).await.expect("body");
        (Answer { status: head.status, retry_after: None, body }, head.headers)
    }

    pub(super) async fn send(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).expect("request")).await.expect("infallible");
        let retry_after = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().expect("text").into());
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1024 * 1024).await.expect("body");
        Answer { status, retry_after, body }
    }
}

impl Key {
    pub(super) fn new() -> Self {
        Self(KeyPair::generate().expect("key"))
    }

    pub(super) fn csr(&self) -> String {
        CertificateParams::default().serialize_request(&self.0).expect("csr").pem().expect("pem")
    }

    pub(super) fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0.subject_public_key_info())
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("text")
    }

    fn with(&self, status: StatusCode) -> &Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    pub(super) fn ok(&self) -> Value {
        self.with(StatusCode::OK).json()
    }

    pub(super) fn ok_text(&self) -> String {
        self.with(StatusCode::OK).text()
    }

    pub(super) fn created(&self) -> Value {
        self.with(StatusCode::CREATED).json()
    }

    pub(super) fn no_content(&self) {
        self.with(StatusCode::NO_CONTENT);
    }

    pub(super) fn refused(&self, status: StatusCode, code: &str) {
        let body = self.with(status).json();
        assert_eq!(body["code"], code, "{body}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    }
}

/// Knows ann, bob and online, whose password is "right"; breaks the protocol for garbage.
async fn login_server(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.expect("accepts");
        answer_login(stream).await;
    }
}

async fn answer_login(mut stream: TcpStream) {
    let mut buffer = BytesMut::new();
    let packet = loop {
        if let Some(packet) = client_to_login().next(&mut buffer).expect("legal") {
            break packet;
        }
        assert_ne!(stream.read_buf(&mut buffer).await.expect("reads"), 0, "a whole login");
    };
    let ClientToLogin::Login(login) = ClientToLogin::decode(&packet).expect("a packet") else { panic!("no login") };
    let (user, right) = (login.user.to_text(), login.password.expose().as_bytes() == b"right");
    let accepted = |account| accepted(AccountId(account)).encode();
    let refused = |reason| Refused { reason, unblock_time: FixedText::default() }.encode();
    let answer = match (user.as_str(), right) {
        ("ann", true) => accepted(2_000_000),
        ("bob", true) => accepted(2_000_001),
        ("online", true) => Closed { reason: CloseReason::STILL_ONLINE }.encode(),
        ("garbage", _) => Bytes::from_static(b"HTTP/1.1 400 Bad Request"),
        ("ann" | "bob" | "online", false) => refused(LoginRefusal::WRONG_PASSWORD),
        _ => refused(LoginRefusal::UNREGISTERED),
    };
    assert!(user == "garbage" || LoginToClient::decode(&answer).is_ok());
    stream.write_all(&answer).await.expect("writes");
}

fn accepted(account: AccountId) -> Accepted {
    Accepted {
        login_id1: Secret::new(1),
        account,
        login_id2: Secret::new(2),
        last_ip: 0,
        last_login: FixedText::default(),
        sex: 0,
        web_token: Secret::new(FixedText::default()),
        servers: List(Vec::new()),
    }
}
