//! Where an engine's SQL ends: a MySQL server on a loopback port, one an engine, with credentials made for its run.
//!
//! [`LocalEndpoint`] relays to the coordinator, and answers itself only what need not be known there; or it answers everything,
//! from memory, so that a stock map-server can be tried without a coordinator:
//!
//! ```text
//! engine --tcp--> listener -- login --> session -- statement, route --> mysql::local
//!                                          +------ what is asked or told --> relay --quic--> coordinator
//! ```
//!
//! `login` and `session` are the protocol without IO, `route` says who answers a statement. An engine's SQL is synchronous on its game thread: every answer is given at once, an error
//! included. What it writes it never waits for; what it reads it waits for as long as `relay` says.

mod credentials;
mod listener;
mod login;
mod relay;
mod route;
mod session;
mod streams;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bifrost_protocol::Secret;
use bifrost_protocol::mysql::local::Tables;
use bifrost_protocol::mysql::sql::Known;
use bifrost_protocol::mysql::variables;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use credentials::Credentials;
pub(crate) use relay::{Stream, Streams};
use route::Route;
pub(crate) use streams::CoordinatorStreams;

/// A MySQL server on a loopback port that answers an engine from memory. Dropping it closes every connection.
#[derive(Debug)]
pub struct LocalEndpoint {
    address: SocketAddr,
    credentials: Arc<Credentials>,
    counters: Arc<Counters>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

/// What all connections of an endpoint share.
#[derive(Clone, Debug)]
struct Shared {
    credentials: Arc<Credentials>,
    counters: Arc<Counters>,
    tables: Arc<Mutex<Tables>>,
    /// Whether the coordinator is asked.
    relayed: bool,
    /// Who answers statements of kinds that have been seen, when that is not this endpoint.
    routes: Arc<Known<Route>>,
}

/// What an endpoint has done.
#[derive(Debug, Default)]
struct Counters {
    answered: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
    lost: Arc<AtomicU64>,
}

/// What an endpoint has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EndpointCounts {
    /// Statements that were answered.
    pub answered: u64,
    /// Statements and commands that were refused.
    pub refused: u64,
    /// Connections that were turned away: too many, or with wrong credentials.
    pub turned_away: u64,
    /// Writes that were answered as done and that the coordinator never took.
    pub lost: u64,
}

impl LocalEndpoint {
    /// Binds a port on loopback and serves it until `stop` is cancelled. User, password and tables are new each time.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start(stop: CancellationToken) -> io::Result<Self> {
        Self::open(None, stop).await
    }

    /// As [`start`](Self::start), but what has to be known elsewhere is asked and told on `streams`.
    pub(crate) async fn relayed(streams: Arc<dyn Streams>, stop: CancellationToken) -> io::Result<Self> {
        Self::open(Some(streams), stop).await
    }

    async fn open(streams: Option<Arc<dyn Streams>>, stop: CancellationToken) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Shared {
            credentials: Arc::new(Credentials::random()),
            counters: Arc::default(),
            tables: Arc::default(),
            relayed: streams.is_some(),
            routes: Arc::default(),
        };
        let (credentials, counters) = (Arc::clone(&shared.credentials), Arc::clone(&shared.counters));
        let task = AbortOnDropHandle::new(tokio::spawn(listener::run(listener, shared, streams, stop.clone())));
        Ok(Self { address, credentials, counters, stop, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom it lets in.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.credentials.user
    }

    /// With which password.
    #[must_use]
    pub fn password(&self) -> &Secret<String> {
        &self.credentials.password
    }

    /// The one database it has.
    #[must_use]
    pub fn database(&self) -> &str {
        variables::DATABASE
    }

    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> EndpointCounts {
        self.counters.read()
    }

    /// Closes the port and every connection.
    pub async fn stop(self) {
        self.stop.cancel();
        // Only fails when the task broke, and then it has ended too.
        let _ended = self.task.await;
    }
}

impl Counters {
    fn read(&self) -> EndpointCounts {
        EndpointCounts {
            answered: self.answered.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            turned_away: self.turned_away.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }
}
