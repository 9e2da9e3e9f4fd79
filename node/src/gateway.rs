//! The way of this PC's game clients to the realm: loopback listeners for login, char and map, and one QUIC connection.
//!
//! Each TCP connection of a client is a line ([`bifrost_line`]): it outlives the QUIC connection, so that a network that is
//! away for a while is not noticed. Packets that send a client to another server are rewritten to listeners here. A line that
//! the coordinator does not know any more, because it was restarted, ends in a redirect to this gateway's own map-server
//! address, from where the client comes in again with the session it had.

mod client;
mod link;
mod places;
mod rewrite;
mod session;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::control::LineKind;
use serde::Serialize;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info, info_span, warn};

use crate::agent::Identity;
use crate::config::NodeConfig;
use crate::within::Way;
use link::Up;
use places::{Listening, Places};
use rewrite::Maps;

/// Most game connections at once: a few clients, and each has two for a moment when it changes servers.
const MAX_CLIENTS: usize = 64;
/// How long the rest of the work may take when the gateway stops.
const STOP_GRACE: Duration = Duration::from_secs(2);
/// How long a listener rests when the system has no more sockets for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the round trip is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A gateway. The type only groups its start; what runs is held by the [`GatewayHandle`].
#[derive(Clone, Copy, Debug)]
pub struct Gateway;

/// Ports to listen at on loopback; 0 for any that is free.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct GatewayPorts {
    /// For the login-server.
    pub login: u16,
    /// For the first char-server.
    pub char_server: u16,
    /// For the map-server that hosts serve behind.
    pub map: u16,
}

/// Where a gateway listens: what a client has to be told. Char and map follow from the packets themselves.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct GatewayAddresses {
    /// In place of the login-server.
    pub login: SocketAddrV4,
    /// In place of the first char-server.
    #[serde(rename = "char")]
    pub char_server: SocketAddrV4,
    /// In place of the map-server that hosts serve behind.
    pub map: SocketAddrV4,
}

/// How a gateway fares.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GatewayState {
    /// Whether the coordinator is reached now.
    pub connected: bool,
    /// How packets travel: `quic` over UDP, or within `tls` over TCP.
    pub transport: &'static str,
    /// Smoothed round trip to the coordinator, in microseconds; of the last connection while there is none.
    pub round_trip_us: u32,
    /// The port that the realm's login-server has, which clients know it by; 0 before the first connection.
    pub login_port: u16,
    /// Game connections.
    pub clients: usize,
    /// How often the connection was made again.
    pub reconnects: u32,
    /// Why it does not work, and will not by itself.
    pub problem: Option<String>,
}

/// Why a gateway cannot start.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// A port is taken, or may not be used.
    #[error("port {port} cannot be listened at: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The state folder cannot be used.
    #[error("{0}")]
    State(String),
}

/// A running gateway. Dropping it ends every game connection.
#[derive(Debug)]
pub struct GatewayHandle {
    addresses: GatewayAddresses,
    state: watch::Receiver<GatewayState>,
    stop: CancellationToken,
    task: JoinSet<()>,
}

/// What clients' tasks share.
#[derive(Debug)]
struct Shared {
    link: watch::Receiver<Option<Arc<Up>>>,
    places: Arc<Places>,
    maps: Maps,
    clients: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Gateway {
    /// Listens and connects, within the current tokio runtime, until `stop` is cancelled.
    ///
    /// # Errors
    /// A port cannot be listened at, or the state folder cannot be used.
    pub fn spawn(
        config: &NodeConfig,
        ports: GatewayPorts,
        stop: &CancellationToken,
    ) -> Result<GatewayHandle, GatewayError> {
        let identity = Identity::open(config).map_err(|error| GatewayError::State(error.to_string()))?;
        let bind = |port| places::listen(port).map_err(|source| GatewayError::Listen { port, source });
        let (login, char_server, map) = (bind(ports.login)?, bind(ports.char_server)?, bind(ports.map)?);
        let addresses = GatewayAddresses { login: login.1, char_server: char_server.1, map: map.1 };
        let (listeners, listening) = mpsc::channel(Places::MAX * 3);
        let places = Arc::new(Places::new(login, char_server, map, listeners));
        let stop = stop.child_token();
        let (state_to, state) = watch::channel(GatewayState { transport: Way::Udp.name(), ..GatewayState::default() });
        let span = info_span!("gateway", node.id = tracing::field::Empty);
        let mut task = JoinSet::new();
        task.spawn(run(identity, places, listening, state_to, stop.clone()).instrument(span));
        info!(login = %addresses.login, "gateway listens");
        Ok(GatewayHandle { addresses, state, stop, task })
    }
}

impl GatewayHandle {
    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> GatewayAddresses {
        self.addresses
    }

    /// How it fares, now and whenever that changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<GatewayState> {
        self.state.clone()
    }

    /// Waits until it has ended, which it does by itself only when nothing can be done any more. Cancel safe.
    pub async fn ended(&mut self) {
        if let Some(Err(error)) = self.task.join_next().await {
            warn!(%error, "gateway ended badly");
        }
    }

    /// Ends every game connection and waits until all is gone.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.ended().await;
    }
}

async fn run(
    identity: Identity,
    places: Arc<Places>,
    mut listening: mpsc::Receiver<Listening>,
    state: watch::Sender<GatewayState>,
    stop: CancellationToken,
) {
    let (up, link) = watch::channel(None);
    let clients = Arc::new(Semaphore::new(MAX_CLIENTS));
    let shared =
        Arc::new(Shared { link, places: Arc::clone(&places), maps: Maps::default(), clients, stop: stop.clone() });
    let tasks = TaskTracker::new();
    let linked = link::keep(identity, up, places, stop.clone()).in_current_span();
    let mut linked = std::pin::pin!(linked);
    let mut look = tokio::time::interval(LOOK_EVERY);
    let mut link = shared.link.clone();
    let problem = loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break None,
            problem = &mut linked => break Some(problem),
            Some(listening) = listening.recv() => {
                tasks.spawn(accept(Arc::clone(&shared), tasks.clone(), listening).in_current_span());
            }
            Ok(()) = link.changed() => {}
            _ = look.tick() => {}
        }
        publish(&state, &shared);
    };
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(STOP_GRACE, tasks.wait()).await.is_err() {
        warn!(left = tasks.len(), "game connections did not end in time");
    }
    state.send_modify(|state| (state.connected, state.problem) = (false, problem));
}

fn publish(state: &watch::Sender<GatewayState>, shared: &Shared) {
    let up = shared.link.borrow().clone();
    state.send_if_modified(|state| {
        let before = state.clone();
        state.connected = up.is_some();
        if let Some(up) = up {
            state.round_trip_us = u32::try_from(up.connection.rtt().as_micros()).unwrap_or(u32::MAX);
            state.transport = up.way.name();
            state.login_port = up.login_port;
            state.reconnects = up.number.saturating_sub(1);
        }
        state.clients = MAX_CLIENTS - shared.clients.available_permits();
        *state != before
    });
}

/// Takes clients of one listener.
async fn accept(shared: Arc<Shared>, tasks: TaskTracker, listening: Listening) {
    let Listening { kind, address, listener } = listening;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return warn!(%address, %error, "cannot listen"),
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => take(&shared, &tasks, socket, peer, kind, address),
            Err(error) => {
                warn!(%address, %error, "cannot accept game connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn take(
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
    socket: TcpStream,
    peer: SocketAddr,
    kind: LineKind,
    local: SocketAddrV4,
) {
    let Ok(place) = Arc::clone(&shared.clients).try_acquire_owned() else {
        return warn!(%peer, "too many game connections");
    };
    if let Err(error) = socket.set_nodelay(true) {
        debug!(%error, "client was gone at once");
    }
    let shared = Arc::clone(shared);
    let span = info_span!("client", ?kind, peer.port = peer.port());
    tasks.spawn(
        async move {
            client::serve(&shared, socket, kind, local).await;
            drop(place);
        }
        .instrument(span),
    );
}

/// Loopback, where alone a gateway listens.
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
