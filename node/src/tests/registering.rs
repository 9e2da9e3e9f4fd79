//! Registration and renewal against an HTTPS server that answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bifrost_protocol::Secret;
use bifrost_protocol::api::{Credentials, RegisterRequest};
use bifrost_protocol::control::NodeSays;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::lab::*;
use crate::agent::state::{Held, StateDir, unix_now};
use crate::config::{NodeConfig, Proof, Trust, fingerprint};
use crate::{NodeState, StopCode};

/// A request: its path, its token, its body.
type Request = (String, Option<String>, String);

/// An HTTPS server with a CA of its own, which goes along with its certificate.
struct Api {
    base: String,
    ca_pem: String,
    ca: CertificateDer<'static>,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<Mutex<Vec<Request>>>,
    _server: JoinSet<()>,
}

impl Api {
    async fn new() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("a CA");
        let issuer = Issuer::from_params(&params, &ca_key);
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name").signed_by(&key, &issuer);
        let tls = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.expect("signed").into(), ca.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a server");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let base = format!("https://{}", listener.local_addr().expect("bound"));
        let (answers, requests) = (Arc::<Mutex<VecDeque<_>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::clone(&answers), Arc::clone(&requests)));
        Self { base, ca_pem: ca.pem(), ca: ca.into(), answers, requests, _server: server }
    }

    fn answer(&self, status: u16, body: impl Into<String>) {
        self.answers.lock().expect("not poisoned").push_back((status, body.into()));
    }

    fn grant(&self, credentials: &Credentials) {
        self.answer(201, serde_json::to_string(credentials).expect("JSON"));
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("not poisoned").clone()
    }

    /// A node's configuration for this server; what the lab's coordinator would grant.
    fn config(&self, lab: &Lab) -> (NodeConfig, Credentials) {
        let state = StateDir::open(&lab.config.state_dir).expect("opened");
        let held = state.credentials(&lab.config.coordinator).expect("made by the lab");
        let password = Secret::new("hunter2".to_owned());
        let config = NodeConfig {
            coordinator: self.base.clone(),
            trust: Trust::Ca(self.ca_pem.clone()),
            proof: Some(Proof::Account { username: "max".into(), password }),
            ..lab.config.clone()
        };
        (config, held.credentials)
    }
}

async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    requests: Arc<Mutex<Vec<Request>>>,
) {
    loop {
        let (tcp, _) = listener.accept().await.expect("accepted");
        let Ok(mut stream) = tls.accept(tcp).await else { continue };
        let mut text = String::new();
        let (head, body) = loop {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).await.expect("read");
            text.push_str(std::str::from_utf8(&bytes[..read]).expect("text"));
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = header(head, "content-length").expect("a length").parse::<usize>().expect("a number");
            if body.len() == length {
                break (head, body);
            }
        };
        let path = head.split(' ').nth(1).expect("a path").to_owned();
        let token = header(head, "authorization").map(|value| value.trim_start_matches("Bearer ").to_owned());
        requests.lock().expect("not poisoned").push((path, token, body.to_owned()));
        let (status, body) = answers.lock().expect("not poisoned").pop_front().unwrap_or((503, String::new()));
        let answer =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.expect("written");
        // The client may be quicker to close.
        let _closed = stream.shutdown().await;
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn start(config: &NodeConfig) -> crate::NodeHandle {
    crate::Node::spawn(config.clone(), tokio_util::sync::CancellationToken::new())
}

#[tokio::test]
async fn a_host_registers_once_and_connects_with_what_it_got() {
    let (lab, api) = (Lab::new(), Api::new().await);
    let (config, credentials) = api.config(&lab);
    api.answer(503, r#"{"code":"unavailable","message":"the realm is away"}"#);
    api.grant(&Credentials { token: "fresh".into(), ..credentials });
    let node = start(&config);
    let peer = lab.welcome().await;
    assert_eq!(peer.hello.token, "fresh");
    node.shutdown().await;
    let requests = api.requests();
    assert_eq!(requests.len(), 2, "the first was answered with: later");
    let request: RegisterRequest = serde_json::from_str(&requests[1].2).expect("a request");
    assert!(request.csr.contains("CERTIFICATE REQUEST") && requests[1].0 == "/v1/hosts");
    assert!(requests[1].2.contains(r#""proof":"account","username":"max","password":"hunter2""#));
    let node = start(&config);
    assert_eq!(lab.accept().await.hello.token, "fresh", "kept for the next start");
    node.shutdown().await;
    assert_eq!(api.requests().len(), 2);
}

#[tokio::test]
async fn a_wrong_password_ends_the_node_with_the_reason() {
    let (lab, api) = (Lab::new(), Api::new().await);
    let (config, _) = api.config(&lab);
    api.answer(401, r#"{"code":"wrong_credentials","message":"account or password is wrong"}"#);
    let mut node = start(&config);
    let (code, why) = soon("the end", node.ended()).await;
    assert_eq!(code, StopCode::NotRegistered);
    assert!(why.contains("account or password is wrong (wrong_credentials)"), "{why}");
}

#[tokio::test]
async fn expired_credentials_are_renewed_or_else_replaced() {
    for renewable in [true, false] {
        let (lab, api) = (Lab::new(), Api::new().await);
        let (config, credentials) = api.config(&lab);
        let state = StateDir::open(&config.state_dir).expect("opened");
        let held = Held { coordinator: api.base.clone(), issued_at: 1, credentials: credentials.clone() };
        state.save_credentials(&held).expect("saved");
        if !renewable {
            // Both who look after the credentials may ask, one after the other.
            let expired = r#"{"code":"token_expired","message":"too late"}"#;
            api.answer(401, expired);
            api.answer(401, expired);
        }
        let fresh = Credentials { token: "fresh".into(), ..credentials };
        (0..3).for_each(|_| api.grant(&fresh));
        let node = start(&config);
        assert_eq!(lab.accept().await.hello.token, "fresh");
        node.shutdown().await;
        let requests = api.requests();
        assert_eq!((requests[0].0.as_str(), requests[0].1.as_deref()), ("/v1/hosts/renew", Some("token")));
        assert_eq!(requests.iter().any(|(path, ..)| path == "/v1/hosts"), !renewable);
    }
}

#[tokio::test]
async fn credentials_are_renewed_in_place_at_half_life() {
    let (lab, api) = (Lab::new(), Api::new().await);
    let (config, credentials) = api.config(&lab);
    let state = StateDir::open(&config.state_dir).expect("opened");
    let credentials = Credentials { expires_in: 600, ..credentials };
    let held = Held { coordinator: api.base.clone(), issued_at: unix_now() - 299, credentials: credentials.clone() };
    state.save_credentials(&held).expect("saved");
    api.grant(&Credentials { token: "fresh".into(), ..credentials });
    let node = start(&config);
    let mut peer = lab.welcome().await;
    assert_eq!(peer.hello.token, "token");
    assert!(matches!(peer.hear().await, NodeSays::Renewed(renewed) if renewed.token == "fresh"));
    assert!(matches!(*node.state().borrow(), NodeState::Connected { .. }), "nothing else changes");
    node.shutdown().await;
}

#[tokio::test]
async fn a_certificate_that_was_refused_is_replaced_once() {
    let (lab, api) = (Lab::new(), Api::new().await);
    let (config, credentials) = api.config(&lab);
    let state = StateDir::open(&config.state_dir).expect("opened");
    let held = Held { coordinator: api.base.clone(), issued_at: unix_now(), credentials: credentials.clone() };
    state.save_credentials(&held).expect("saved");
    api.grant(&Credentials { token: "fresh".into(), ..credentials });
    let node = start(&config);
    lab.accept().await.connection.close(1_u32.into(), b"refused: the token was voided");
    assert_eq!(lab.accept().await.hello.token, "fresh");
    node.shutdown().await;
}

#[tokio::test]
async fn only_the_trusted_ca_is_asked() {
    let (lab, api, other) = (Lab::new(), Api::new().await, Api::new().await);
    let (config, credentials) = api.config(&lab);
    let pinned = NodeConfig { trust: Trust::Fingerprint(fingerprint(&other.ca)), ..config.clone() };
    let node = start(&pinned);
    reached(&node, |state| *state == NodeState::Offline).await;
    node.shutdown().await;
    assert_eq!(api.requests().len(), 0, "no password goes to a stranger");

    api.grant(&credentials);
    let first_use = NodeConfig { trust: Trust::FirstUse, ..config };
    let node = start(&first_use);
    lab.accept().await;
    node.shutdown().await;
    let state = StateDir::open(&first_use.state_dir).expect("opened");
    assert_eq!(state.pinned_ca(&api.base), Some(fingerprint(&api.ca)));
}
