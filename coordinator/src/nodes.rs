//! The QUIC endpoint: one actor per node connection.
//!
//! A node proves who it is by its certificate and what for by the token in its Hello; both have to agree with the store.
//! Then the fleet hears of it ([`NodeEvent::Connected`](crate::fleet::NodeEvent::Connected)) and answers through its
//! [`NodeHandle`]. Streams become events in order, beats are answered here at once. Everything of a connection carries its
//! [`LinkId`]; after `Closed`, which comes once, or after [`NodeHandle::close`], nothing comes any more.

mod control;
mod database;
mod gate;
mod gateways;
mod handle;
mod inter;
mod layouts;
mod link;
mod messages;
mod outlet;
mod probe;
mod refusal;
mod saves;
mod sync;
mod transport;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Endpoint, Incoming, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use self::gate::Gate;
pub use self::gateways::{Gateways, Servers};
pub use self::handle::NodeHandle;
pub use self::layouts::Layouts;
use self::link::Coordinator;
use self::refusal::Refusal;
use crate::config;
use crate::database::relay::Relay;
use crate::fleet::{FleetEvent, LinkId};
use crate::identity::{Identity, IdentityError};
use crate::store::Store;

/// Most nodes at once.
const MAX_LINKS: usize = 4_096;
/// Most connections at once that have not said who they are.
const MAX_CONNECTING: usize = 256;
/// From so many on, an address has to prove that it receives what is sent to it.
const RETRY_FROM: usize = MAX_CONNECTING / 4;
/// Bytes the kernel keeps in either direction, as far as it lets us: all players' packets pass this one socket.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// How long links may take to end when the endpoint stops.
const STOP_GRACE: Duration = Duration::from_secs(4);

/// The endpoint.
#[derive(Debug)]
pub struct Nodes {
    endpoint: Endpoint,
    coordinator: Arc<Coordinator>,
    connecting: Arc<Semaphore>,
    links: TaskTracker,
    last_id: u64,
}

/// What nodes and gateways get through the endpoint.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// Which engines the char-server's link has room for.
    pub layouts: Layouts,
    /// Where engines' SQL is relayed, if it is.
    pub database: Option<Arc<Relay>>,
    /// Where gateways' clients get, if gateways are let in.
    pub gateways: Option<Arc<Gateways>>,
}

/// A running endpoint. Dropping it stops it.
#[derive(Debug)]
pub struct NodesHandle {
    local_addr: SocketAddr,
    stop: DropGuard,
    task: AbortOnDropHandle<()>,
}

/// Why the endpoint cannot start.
#[derive(Debug, Error)]
pub enum NodesError {
    /// The address cannot be bound.
    #[error("{address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS was set up, but not for QUIC.
    #[error("the TLS configuration is not one for QUIC: {0}")]
    Cipher(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

impl Nodes {
    /// Serves nodes until `token` is cancelled. Needs a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be bound, or TLS cannot be set up.
    pub fn spawn(
        config: &config::Link,
        identity: Arc<Identity>,
        store: Store,
        events: mpsc::Sender<FleetEvent>,
        services: Services,
        token: &CancellationToken,
    ) -> Result<NodesHandle, NodesError> {
        let server = transport::server_config(identity.link_config()?)?;
        let bind = |source| NodesError::Bind { address: config.listen, source };
        let socket = socket(config.listen).map_err(bind)?;
        let runtime = Arc::new(quinn::TokioRuntime);
        let endpoint_config = transport::endpoint_config(identity.reset_key());
        let endpoint = Endpoint::new(endpoint_config, Some(server), socket, runtime).map_err(bind)?;
        let local_addr = endpoint.local_addr().map_err(bind)?;
        let token = token.child_token();
        let stop = token.clone().drop_guard();
        let gate = Arc::new(Gate::new(identity, store));
        let nodes = Self {
            endpoint,
            coordinator: Arc::new(Coordinator { gate, events, services, token }),
            connecting: Arc::new(Semaphore::new(MAX_CONNECTING)),
            links: TaskTracker::new(),
            last_id: 0,
        };
        tracing::info!(addr = %local_addr, "link for nodes listens");
        Ok(NodesHandle { local_addr, stop, task: AbortOnDropHandle::new(tokio::spawn(nodes.run())) })
    }

    async fn run(mut self) {
        loop {
            let incoming = tokio::select! {
                biased;
                () = self.coordinator.token.cancelled() => break,
                incoming = self.endpoint.accept() => incoming,
            };
            match incoming {
                Some(incoming) => self.take(incoming),
                None => break,
            }
        }
        self.endpoint.set_server_config(None);
        self.links.close();
        if tokio::time::timeout(STOP_GRACE, self.links.wait()).await.is_err() {
            tracing::warn!(left = self.links.len(), "node connections did not end in time");
        }
        self.endpoint.close(VarInt::from_u32(1), b"shutdown: the coordinator is being stopped");
        // The close frames that are on their way: nodes that miss them wait for their own idle timeout.
        let _lost = tokio::time::timeout(STOP_GRACE, self.endpoint.wait_idle()).await;
    }

    /// Starts a connection's task, if there is a place for it.
    fn take(&mut self, incoming: Incoming) {
        let waiting = MAX_CONNECTING - self.connecting.available_permits();
        if waiting >= RETRY_FROM && incoming.may_retry() && !incoming.remote_address_validated() {
            // Fails only for an address that was validated.
            let _validated = incoming.retry();
            return;
        }
        let place = Arc::clone(&self.connecting).try_acquire_owned().ok().filter(|_| self.links.len() < MAX_LINKS);
        let Some(place) = place else {
            Refusal::Full.count();
            return incoming.refuse();
        };
        let Ok(connecting) = incoming.accept() else {
            return Refusal::Handshake.count();
        };
        self.last_id += 1;
        self.links.spawn(link::serve(Arc::clone(&self.coordinator), LinkId(self.last_id), connecting, place));
    }
}

impl NodesHandle {
    /// The address it is bound to.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits until it has ended, which it does only when it is stopped or broken. Not to be called again then.
    pub async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "link for nodes ended badly");
        }
    }

    /// Stops accepting, says farewell to every node, and waits until all are gone.
    pub async fn shutdown(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "link for nodes ended badly");
        }
    }
}

fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // The kernel cuts them to its own limits, which is why failing is no reason not to start.
    let _smaller = (socket.set_recv_buffer_size(SOCKET_BUFFER), socket.set_send_buffer_size(SOCKET_BUFFER));
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
