//! Stopping in order.
//!
//! 0. The gateways: their lines stand still from here on, so that their clients hear nothing of the stop. What they hold is kept
//!    for the next start.
//! 1. The relay: no new clients; those who are there are closed, so that nobody walks on while being saved.
//! 2. The fleet: takes the engines' last states, saves every player to the char-server, writes the journal, closes the link.
//! 3. The nodes: told that the coordinator is away; they keep their engines for `link.reconnect_ms`.
//! 4. The embedded realm: its login- and char-server.
//! 5. The API, which has shown all of that until here.
//! 6. The upkeep of the bundles, when what it was signing is written.
//! 7. The store, when nobody writes any more.
//!
//! Each part bounds its own stop; [`GRACE`] bounds them all. A second signal ends the process at once: what was
//! acknowledged is in the store by then.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::bundles::UpkeepHandle;
use crate::failure::Failure;
use crate::fleet::RunningFleet;
use crate::http::HttpHandle;
use crate::nodes::{Gateways, NodesHandle};
use crate::realm::RealmHandle;
use crate::relay::RelayHandle;
use crate::store::Store;

/// The longest a stop may take. Container runtimes kill after 10 to 30 s; a thousand players are saved in under 5.
const GRACE: Duration = Duration::from_secs(30);
/// What a shell sees of a process that a signal ended.
const KILLED: i32 = 130;

/// All parts. One that has ended by itself is taken out.
#[derive(Debug)]
pub struct Running {
    gateways: Arc<Gateways>,
    relay: Option<RelayHandle>,
    fleet: Option<RunningFleet>,
    nodes: Option<NodesHandle>,
    realm: Option<RealmHandle>,
    http: Option<HttpHandle>,
    bundles: UpkeepHandle,
    store: Store,
    _upkeep: Vec<AbortOnDropHandle<()>>,
    /// Given back when everything has stopped.
    _lock: File,
}

impl Running {
    /// All parts of a coordinator, running.
    #[expect(clippy::too_many_arguments, reason = "each part once, named and in the order of the start")]
    pub(crate) fn new(
        gateways: Arc<Gateways>,
        relay: RelayHandle,
        fleet: RunningFleet,
        nodes: NodesHandle,
        realm: Option<RealmHandle>,
        http: HttpHandle,
        bundles: UpkeepHandle,
        store: Store,
        upkeep: Vec<AbortOnDropHandle<()>>,
        lock: File,
    ) -> Self {
        Self {
            gateways,
            relay: Some(relay),
            fleet: Some(fleet),
            nodes: Some(nodes),
            realm,
            http: Some(http),
            bundles,
            store,
            _upkeep: upkeep,
            _lock: lock,
        }
    }

    /// Waits for `stop` or for a part that ends by itself, then stops everything in order.
    ///
    /// # Errors
    /// Which part ended, or that stopping took too long.
    pub(crate) async fn until(mut self, stop: &CancellationToken) -> Result<(), Failure> {
        let ended = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            part = self.first_end() => Some(part),
        };
        if let Some(part) = ended {
            tracing::error!(part, "a part of the coordinator ended; stopping");
        }
        tokio::time::timeout(GRACE, self.shutdown()).await.map_err(|_| Failure::Stuck)?;
        tracing::info!("coordinator has stopped");
        ended.map_or(Ok(()), |part| Err(Failure::Ended(part)))
    }

    /// The name of the first part that ends.
    async fn first_end(&mut self) -> &'static str {
        let (Some(relay), Some(fleet), Some(nodes), Some(http)) =
            (&mut self.relay, &mut self.fleet, &mut self.nodes, &mut self.http)
        else {
            return "everything";
        };
        tokio::select! {
            () = fleet.ended() => self.fleet = None,
            () = relay.ended() => self.relay = None,
            () = nodes.ended() => self.nodes = None,
            () = http.ended() => self.http = None,
        }
        match (&self.fleet, &self.relay, &self.nodes) {
            (None, _, _) => "the fleet",
            (_, None, _) => "the relay",
            (_, _, None) => "the link for nodes",
            (Some(_), Some(_), Some(_)) => "the api",
        }
    }

    async fn shutdown(self) {
        self.gateways.freeze();
        if let Some(relay) = self.relay {
            relay.shutdown().await;
        }
        if let Some(fleet) = self.fleet {
            fleet.shutdown().await;
        }
        self.gateways.shutdown().await;
        if let Some(nodes) = self.nodes {
            nodes.shutdown().await;
        }
        if let Some(realm) = self.realm {
            realm.shutdown().await;
        }
        if let Some(http) = self.http {
            http.shutdown().await;
        }
        self.bundles.shutdown().await;
        self.store.close().await;
    }
}

/// Cancels `stop` at the first SIGINT or SIGTERM, ends the process at the second.
pub(crate) async fn on_signals(stop: CancellationToken) {
    signal().await;
    tracing::info!("asked to stop");
    stop.cancel();
    signal().await;
    tracing::warn!("asked to stop again; ending at once");
    std::process::exit(KILLED);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::error!("signals cannot be received; the process has to be killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
