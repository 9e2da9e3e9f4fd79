//! The coordinator's side: serves what it is given, and cuts, changes or refuses it as a test says.

use std::io;
use std::sync::{Arc, Mutex};

use bifrost_protocol::Secret;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::operator::Served;
use crate::bundle::BundleError;
use crate::bundle::access::Access;

pub(super) const TOKEN: &str = "the host token";

/// A web server on loopback.
pub(super) struct Coordinator {
    pub(super) base: String,
    /// Its CA, PEM, where it speaks TLS.
    pub(super) ca: Option<String>,
    state: Arc<State>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct State {
    served: Mutex<Served>,
    asked: Mutex<Vec<(String, Option<u64>)>>,
    /// Answers to bundles end after so many bytes, one after the other.
    cuts: Mutex<Vec<usize>>,
    /// Ranges are not understood.
    whole_only: Mutex<bool>,
    /// The next answers, instead of the right ones.
    refusals: Mutex<Vec<(u16, String)>>,
    /// A bundle is only sent when there is a permit.
    gate: Mutex<Option<Arc<Semaphore>>>,
}

/// The node's access to it, over plain HTTP.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    base: String,
}

impl Access for Plain {
    fn base(&self) -> &str {
        &self.base
    }

    fn client(&self) -> Result<reqwest::Client, BundleError> {
        let _installed_by_the_first_test = rustls::crypto::ring::default_provider().install_default();
        Ok(reqwest::Client::builder().no_proxy().build().expect("a client"))
    }

    fn token(&self) -> Option<Secret<String>> {
        Some(Secret::new(TOKEN.into()))
    }
}

impl Coordinator {
    pub(super) async fn new() -> Self {
        Self::with("http", None, None).await
    }

    /// Over TLS, with a CA of its own.
    pub(super) async fn secure() -> Self {
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&ca_key).expect("a CA");
        let issuer = Issuer::from_params(&params, &ca_key);
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name").signed_by(&key, &issuer);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.expect("signed").into()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("a server");
        Self::with("https", Some(TlsAcceptor::from(Arc::new(tls))), Some(ca.pem())).await
    }

    async fn with(scheme: &str, tls: Option<TlsAcceptor>, ca: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let base = format!("{scheme}://{}", listener.local_addr().expect("bound"));
        let state = Arc::new(State::default());
        let mut server = JoinSet::new();
        server.spawn(accept(listener, tls, Arc::clone(&state)));
        Self { base, ca, state, _server: server }
    }

    pub(super) fn access(&self) -> Arc<Plain> {
        Arc::new(Plain { base: self.base.clone() })
    }

    pub(super) fn serve(&self, served: Served) {
        *self.state.served.lock().expect("not poisoned") = served;
    }

    /// Changes what is served under a path.
    pub(super) fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.state.served.lock().expect("not poisoned").get_mut(path).expect("served"));
    }

    /// The next answers with a bundle end after so many bytes.
    pub(super) fn cut(&self, bytes: &[usize]) {
        *self.state.cuts.lock().expect("not poisoned") = bytes.iter().rev().copied().collect();
    }

    pub(super) fn forget_ranges(&self) {
        *self.state.whole_only.lock().expect("not poisoned") = true;
    }

    /// The next answer is a refusal.
    pub(super) fn refuse(&self, status: u16, code: &str) {
        let body = format!(r#"{{"code":"{code}","message":"because of {code}"}}"#);
        self.state.refusals.lock().expect("not poisoned").push((status, body));
    }

    /// Bundles wait at a gate from now on.
    pub(super) fn gate(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.state.gate.lock().expect("not poisoned") = Some(Arc::clone(&gate));
        gate
    }

    /// Requests whose path has `part` in it: from which byte on.
    pub(super) fn asked(&self, part: &str) -> Vec<Option<u64>> {
        let asked = self.state.asked.lock().expect("not poisoned");
        asked.iter().filter(|(path, _)| path.contains(part)).map(|(_, from)| *from).collect()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("accepted");
        let (state, tls) = (Arc::clone(&state), tls.clone());
        connections.spawn(async move {
            // Clients go when they like.
            let _gone = match tls {
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => answer(stream, &state).await,
                    Err(error) => Err(error),
                },
                None => answer(stream, &state).await,
            };
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request a connection.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut path, mut from, mut token) = (String::new(), None, String::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? <= 2 {
            break;
        }
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("GET ") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some((name, value)) = line.split_once(": ") {
            match name {
                "range" => from = value.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok()),
                "authorization" => token = value.trim_start_matches("Bearer ").to_owned(),
                _ => {}
            }
        }
    }
    state.asked.lock().expect("not poisoned").push((path.clone(), from));
    let mut stream = stream.into_inner();
    let (head, body) = respond(state, &path, from, &token).await;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}

async fn respond(state: &State, path: &str, from: Option<u64>, token: &str) -> (String, Vec<u8>) {
    let head = |status: u16, length: usize, more: &str| {
        format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n")
    };
    let refusal =
        if token == TOKEN { state.refusals.lock().expect("not poisoned").pop() } else { Some((401, String::new())) };
    if let Some((status, body)) = refusal {
        return (head(status, body.len(), ""), body.into_bytes());
    }
    let Some(file) = state.served.lock().expect("not poisoned").get(path).cloned() else {
        return (head(404, 0, ""), Vec::new());
    };
    if !path.contains("/targets/") {
        return (head(200, file.len(), ""), file);
    }
    let gate = state.gate.lock().expect("not poisoned").clone();
    if let Some(gate) = gate {
        gate.acquire().await.expect("open").forget();
    }
    let from = from.filter(|_| !*state.whole_only.lock().expect("not poisoned"));
    let at = usize::try_from(from.unwrap_or(0)).expect("small");
    if at > 0 && at >= file.len() {
        return (head(416, 0, ""), Vec::new());
    }
    let cut = state.cuts.lock().expect("not poisoned").pop().unwrap_or(usize::MAX);
    let body = file[at..].iter().take(cut).copied().collect();
    let (status, range) = match from {
        Some(from) => (206, format!("content-range: bytes {from}-{}/{}\r\n", file.len() - 1, file.len())),
        None => (200, String::new()),
    };
    (head(status, file.len() - at, &range), body)
}
