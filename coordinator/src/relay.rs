//! The public TCP port for game clients.
//!
//! A client sends 0x0436 and the fleet hears of it ([`ClientEvent::Arrived`](crate::fleet::ClientEvent::Arrived)). From
//! then on the connection does what the fleet orders ([`ToClient`]): it pumps whole packets between the client and the
//! game stream of an engine, holds the client while there is none, and sends it elsewhere. One task a connection, whose
//! memory and waits are bounded by constants, never by what the client or the host sends.

mod connection;
mod engine;
mod handle;
mod lane;
mod pump;
mod reason;
mod rules;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use self::connection::Connection;
pub use self::handle::{ClientHandle, ToClient};
use self::pump::Patience;
use self::reason::CloseReason;
use crate::admission::{Admission, Full};
use crate::config;
use crate::fleet::{ConnectionId, FleetEvent};

/// Connections the kernel keeps until they are accepted: all players come back at once when a coordinator restarts.
const BACKLOG: u32 = 1_024;
/// First and longest wait after an accept that failed, as it does when there are no file descriptors left.
const ACCEPT_BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// How long connections may take to end when the relay stops. Each takes less.
const STOP_GRACE: Duration = Duration::from_secs(4);

/// The relay's TCP port.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    entrance: Entrance,
}

/// The way into the relay: for connections of its port, and for lines of gateways. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Entrance {
    enter_timeout: Duration,
    patience: Patience,
    events: mpsc::Sender<FleetEvent>,
    admission: Arc<Admission>,
    connections: TaskTracker,
    token: CancellationToken,
    last_id: Arc<AtomicU64>,
}

/// A running relay. Dropping it stops it.
#[derive(Debug)]
pub struct RelayHandle {
    local_addr: SocketAddr,
    entrance: Entrance,
    stop: DropGuard,
    task: AbortOnDropHandle<()>,
}

impl Relay {
    /// Listens for game clients until `token` is cancelled. Needs a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn spawn(
        config: &config::Relay,
        events: mpsc::Sender<FleetEvent>,
        token: &CancellationToken,
    ) -> io::Result<RelayHandle> {
        Self::spawn_with(config, Patience::new(Duration::from_millis(config.idle_ms)), events, token)
    }

    fn spawn_with(
        config: &config::Relay,
        patience: Patience,
        events: mpsc::Sender<FleetEvent>,
        token: &CancellationToken,
    ) -> io::Result<RelayHandle> {
        let socket = if config.listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(config.listen)?;
        let listener = socket.listen(BACKLOG)?;
        let local_addr = listener.local_addr()?;
        let token = token.child_token();
        let stop = token.clone().drop_guard();
        let admission = Admission::new("bifrost_relay_connections", config.max_connections, config.max_per_address);
        let entrance = Entrance {
            enter_timeout: Duration::from_millis(config.enter_ms),
            patience,
            events,
            admission,
            connections: TaskTracker::new(),
            token,
            last_id: Arc::default(),
        };
        let relay = Self { listener, entrance: entrance.clone() };
        tracing::info!(addr = %local_addr, "relay listens");
        Ok(RelayHandle { local_addr, entrance, stop, task: AbortOnDropHandle::new(tokio::spawn(relay.run())) })
    }

    async fn run(self) {
        let mut backoff = ACCEPT_BACKOFF.0;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.entrance.token.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    backoff = ACCEPT_BACKOFF.0;
                    if let Err(error) = socket.set_nodelay(true) {
                        tracing::debug!(%error, "client was gone at once");
                    }
                    self.entrance.take(socket, peer, false);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept clients");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(ACCEPT_BACKOFF.1);
                }
            }
        }
        drop(self.listener);
        let connections = self.entrance.connections;
        connections.close();
        if tokio::time::timeout(STOP_GRACE, connections.wait()).await.is_err() {
            tracing::warn!(left = connections.len(), "client connections did not end in time");
        }
    }
}

impl Entrance {
    /// Serves a client that a gateway carries: all the relay knows of it is what it would read from a TCP connection. `peer` is
    /// where the gateway connects from. `false` when there is no place for it.
    pub(crate) fn admit(&self, socket: DuplexStream, peer: SocketAddr) -> bool {
        !self.token.is_cancelled() && self.take(socket, peer, true)
    }

    /// Starts a connection's task, if there is a place for it.
    fn take<S>(&self, socket: S, peer: SocketAddr, held: bool) -> bool
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let place = match self.admission.admit(peer.ip()) {
            Ok(place) => place,
            Err(full) => {
                match full {
                    Full::Port => CloseReason::Full.count(),
                    Full::Address => CloseReason::Address.count(),
                }
                return false;
            }
        };
        let connection = Connection {
            id: ConnectionId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1),
            socket,
            peer,
            held,
            enter_timeout: self.enter_timeout,
            patience: self.patience,
            events: self.events.clone(),
            token: self.token.clone(),
        };
        self.connections.spawn(async move {
            connection.serve().await.count();
            drop(place);
        });
        true
    }
}

impl RelayHandle {
    /// The address it is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The way in beside its port.
    #[must_use]
    pub fn entrance(&self) -> Entrance {
        self.entrance.clone()
    }

    /// Waits until it has ended, which it does only when it is stopped or broken. Not to be called again then.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "relay ended badly");
        }
    }

    /// Stops accepting, closes every client, and waits until all are gone.
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "relay ended badly");
        }
    }
}

#[cfg(test)]
mod tests;
