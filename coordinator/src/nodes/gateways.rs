//! Gateways: players' game connections that come over QUIC.
//!
//! A gateway proves itself as a node does, and opens a line for each TCP connection of its game clients. A line ends at the
//! realm's login-server, a char-server, the relay (which serves it like a client of its own port), or the operator's own
//! map-server: only where the realm itself has sent that gateway's clients. It outlives the connection that carries it by the
//! reconnect window.

mod line;
mod link;
mod places;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bifrost_protocol::control::{LineKind, LineOpen, MAX_LINES, PLAY_ALPN};
use bifrost_protocol::ids::HostId;
use quinn::Connection;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::line::{Joining, Near};
pub(super) use self::link::serve;
use self::places::Places;
use crate::fleet::LinkId;
use crate::reasons::reasons;
use crate::relay::Entrance;

/// Most lines of all gateways.
const MAX_ALL_LINES: usize = 8_192;
/// How long a server of the realm may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes on their way between a line and the relay, each way.
const RELAY_BUFFER: usize = 16 * 1024;
/// How long lines may take to end when the coordinator stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

reasons! {
    /// Why a line is not begun, or ends before its time.
    Trouble counted as "bifrost_gateway_lines_refused_total" {
        /// A line that was answered before is not known any more.
        Unknown = "unknown",
        /// The realm has sent no client of this gateway there.
        Refused = "refused",
        /// The server does not answer.
        Unreachable = "unreachable",
        /// As many lines as there may be.
        Full = "full",
        /// The gateway did not come back in time.
        Expired = "expired",
        /// What the gateway says of the line cannot be.
        Misbehaved = "misbehaved",
    }
}

/// Where lines lead.
#[derive(Clone, Debug)]
pub struct Servers {
    /// `host:port` of the login-server.
    pub login: String,
    /// `host:port` of the char-server.
    pub char_server: String,
    /// The map-server that the fleet is, as clients are told.
    pub relay: SocketAddrV4,
    /// The way into it.
    pub entrance: Entrance,
}

/// All gateways and their lines.
#[derive(Debug)]
pub struct Gateways {
    servers: Servers,
    /// How long a line is kept without a stream.
    window: Duration,
    hosts: Mutex<HashMap<HostId, Host>>,
    tasks: TaskTracker,
    /// Cancelled when lines are not to move any more.
    frozen: CancellationToken,
    /// Cancelled when their ends may be let go.
    stopped: CancellationToken,
}

/// What is known of a host that plays. Forgotten when neither connections nor lines are left.
#[derive(Debug, Default)]
struct Host {
    links: Vec<(LinkId, Connection)>,
    lines: HashMap<u64, Known>,
    places: Places,
}

/// A line that is carried, or waits to be.
#[derive(Debug)]
struct Known {
    streams: mpsc::Sender<Joining>,
    stop: CancellationToken,
}

/// What becomes of a stream that asks for a line.
enum Found {
    /// The line is there, or has been begun, and takes the stream.
    Taken,
    /// There is no such line, and the stream hears why.
    Not(Trouble, Joining),
}

/// Whether a connection is a gateway's.
pub(super) fn is_gateway(connection: &Connection) -> bool {
    let data =
        connection.handshake_data().and_then(|data| data.downcast::<quinn::crypto::rustls::HandshakeData>().ok());
    data.is_some_and(|data| data.protocol.as_deref() == Some(PLAY_ALPN))
}

impl Gateways {
    /// None yet.
    #[must_use]
    pub fn new(servers: Servers, window: Duration) -> Arc<Self> {
        Arc::new(Self {
            servers,
            window,
            hosts: Mutex::default(),
            tasks: TaskTracker::new(),
            frozen: CancellationToken::new(),
            stopped: CancellationToken::new(),
        })
    }

    /// Ends everything of a host at once.
    pub fn cut(&self, host: &HostId) {
        let Some(host) = self.hosts().remove(host) else { return };
        host.lines.values().for_each(|line| line.stop.cancel());
        for (_, connection) in host.links {
            super::control::close(&connection, "revoked", "this host was revoked");
        }
    }

    /// Moves no byte from here on: what the servers say while the coordinator stops is not for the clients, whose gateways
    /// hold them.
    pub fn freeze(&self) {
        self.frozen.cancel();
    }

    /// Lets go of all lines. The servers have been stopped, or hear of it now.
    pub async fn shutdown(&self) {
        self.frozen.cancel();
        self.stopped.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(left = self.tasks.len(), "lines of gateways did not end in time");
        }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<HostId, Host>> {
        // Nothing is left half done under this lock.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, host: &HostId, link: LinkId, connection: &Connection) {
        self.hosts().entry(host.clone()).or_default().links.push((link, connection.clone()));
    }

    fn leave(&self, host: &HostId, link: LinkId) {
        let mut hosts = self.hosts();
        let Some(entry) = hosts.get_mut(host) else { return };
        entry.links.retain(|(known, _)| *known != link);
        if entry.is_idle() {
            hosts.remove(host);
        }
    }

    /// Gives a stream to its line, or begins one.
    async fn open(self: &Arc<Self>, host: &HostId, peer: SocketAddr, open: &LineOpen, stream: Joining) -> Found {
        let id = open.line;
        let Some(stream) = self.join(host, id, stream) else { return Found::Taken };
        if open.known || self.frozen.is_cancelled() {
            return Found::Not(Trouble::Unknown, stream);
        }
        let near = match self.reach(host, peer, open).await {
            Ok(near) => near,
            Err(trouble) => return Found::Not(trouble, stream),
        };
        // Asked for twice meanwhile, by a gateway that lost its connection: the one that was quicker is the line.
        let Some(stream) = self.join(host, id, stream) else { return Found::Taken };
        let (streams, joining) = mpsc::channel(1);
        let stop = self.frozen.child_token();
        {
            let mut hosts = self.hosts();
            let all: usize = hosts.values().map(|host| host.lines.len()).sum();
            let Some(entry) = hosts.get_mut(host) else { return Found::Not(Trouble::Refused, stream) };
            if entry.lines.contains_key(&id) || entry.lines.len() >= MAX_LINES || all >= MAX_ALL_LINES {
                return Found::Not(Trouble::Full, stream);
            }
            entry.lines.insert(id, Known { streams, stop: stop.clone() });
        }
        let kind = open.kind();
        let (gateways, host) = (Arc::clone(self), host.clone());
        self.tasks.spawn(async move {
            metrics::gauge!("bifrost_gateway_lines").increment(1.0);
            line::carry(&gateways, &host, kind, near, stream, joining, &stop).await;
            metrics::gauge!("bifrost_gateway_lines").decrement(1.0);
            gateways.forget(&host, id);
        });
        Found::Taken
    }

    /// Gives a stream to its line; the stream when there is no such line.
    fn join(&self, host: &HostId, id: u64, stream: Joining) -> Option<Joining> {
        let hosts = self.hosts();
        let Some(known) = hosts.get(host).and_then(|host| host.lines.get(&id)) else { return Some(stream) };
        match known.streams.try_send(stream) {
            // One that comes while another waits is too much: its gateway tries again.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => None,
            Err(mpsc::error::TrySendError::Closed(stream)) => Some(stream),
        }
    }

    fn forget(&self, host: &HostId, id: u64) {
        let mut hosts = self.hosts();
        let Some(entry) = hosts.get_mut(host) else { return };
        entry.lines.remove(&id);
        if entry.is_idle() {
            hosts.remove(host);
        }
    }

    /// The realm has sent a client of this host there.
    fn name(&self, host: &HostId, kind: LineKind, server: SocketAddrV4) {
        if let Some(entry) = self.hosts().get_mut(host) {
            entry.places.name(kind, server);
        }
    }

    /// Connects to where a line leads.
    async fn reach(&self, host: &HostId, peer: SocketAddr, open: &LineOpen) -> Result<Near, Trouble> {
        let (kind, server) = (open.kind(), open.server.and_then(|server| server.to_socket()));
        let address = match (kind, server) {
            (LineKind::Unknown, _) => return Err(Trouble::Refused),
            (LineKind::Login, _) => self.servers.login.clone(),
            (LineKind::Char, None) => self.servers.char_server.clone(),
            (LineKind::Char, Some(server)) if same_port(&self.servers.char_server, server) => {
                self.servers.char_server.clone()
            }
            (LineKind::Map, server) if server.is_none_or(|server| server == self.servers.relay) => {
                let (line, client) = tokio::io::duplex(RELAY_BUFFER);
                return if self.servers.entrance.admit(client, peer) { Ok(Box::new(line)) } else { Err(Trouble::Full) };
            }
            (LineKind::Char | LineKind::Map, Some(server)) => {
                let named = self.hosts().get(host).is_some_and(|host| host.places.knows(kind, server));
                if named { server.to_string() } else { return Err(Trouble::Refused) }
            }
            (LineKind::Map, None) => return Err(Trouble::Refused),
        };
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(&address)).await {
            Ok(Ok(stream)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "server was gone at once");
                }
                Ok(Box::new(stream))
            }
            Ok(Err(error)) => {
                tracing::warn!(address, %error, "a server of the realm cannot be reached for a gateway's client");
                Err(Trouble::Unreachable)
            }
            Err(_) => Err(Trouble::Unreachable),
        }
    }
}

impl Servers {
    /// Where to connect to something that listens at `address` on this machine.
    #[must_use]
    pub fn local(address: SocketAddr) -> String {
        let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
        SocketAddr::new(ip, address.port()).to_string()
    }
}

impl Host {
    fn is_idle(&self) -> bool {
        self.links.is_empty() && self.lines.is_empty()
    }
}

/// Whether a char-server that clients were sent to is the realm's own one, which the coordinator may have to reach by another
/// address than they.
fn same_port(configured: &str, named: SocketAddrV4) -> bool {
    configured.rsplit_once(':').is_some_and(|(_, port)| port.parse() == Ok(named.port()))
}
