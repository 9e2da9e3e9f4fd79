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
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
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

/// The relay.
#[derive(Debug)]
pub struct Relay {
    listener: TcpListener,
    enter_timeout: Duration,
    patience: Patience,
    events: mpsc::Sender<FleetEvent>,
    admission: Arc<Admission>,
    connections: TaskTracker,
    token: CancellationToken,
    last_id: u64,
}

/// A running relay. Dropping it stops it.
#[derive(Debug)]
pub struct RelayHandle {
    local_addr: SocketAddr,
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
        let relay = Self {
            listener,
            enter_timeout: Duration::from_millis(config.enter_ms),
            patience,
            events,
            admission,
            connections: TaskTracker::new(),
            token,
            last_id: 0,
        };
        tracing::info!(addr = %local_addr, "relay listens");
        Ok(RelayHandle { local_addr, stop, task: AbortOnDropHandle::new(tokio::spawn(relay.run())) })
    }

    async fn run(mut self) {
        let mut backoff = ACCEPT_BACKOFF.0;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.token.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    backoff = ACCEPT_BACKOFF.0;
                    self.take(socket, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept clients");
                    tokio::time::sleep(backoff).await;
                    backoff = (backoff * 2).min(ACCEPT_BACKOFF.1);
                }
            }
        }
        drop(self.listener);
        self.connections.close();
        if tokio::time::timeout(STOP_GRACE, self.connections.wait()).await.is_err() {
            tracing::warn!(left = self.connections.len(), "client connections did not end in time");
        }
    }

    /// Starts a connection's task, if there is a place for it.
    fn take(&mut self, socket: TcpStream, peer: SocketAddr) {
        let place = match self.admission.admit(peer.ip()) {
            Ok(place) => place,
            Err(Full::Port) => return CloseReason::Full.count(),
            Err(Full::Address) => return CloseReason::Address.count(),
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "client was gone at once");
        }
        self.last_id += 1;
        let connection = Connection {
            id: ConnectionId(self.last_id),
            socket,
            peer,
            enter_timeout: self.enter_timeout,
            patience: self.patience,
            events: self.events.clone(),
            token: self.token.clone(),
        };
        self.connections.spawn(async move {
            connection.serve().await.count();
            drop(place);
        });
    }
}

impl RelayHandle {
    /// The address it is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
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
