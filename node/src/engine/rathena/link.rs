//! The engine's char-server link, carried to the coordinator: one inter stream for each login of the engine.
//!
//! Stream and link live and die together, so a stream always begins with 0x2af8 and 0x2afa, and nothing has to be told again
//! in the middle of one. When the connection to the coordinator is lost, the engine's link is closed: the engine then keeps
//! the last saves of those who leave, comes back after a second, and is kept waiting at the door until there is a coordinator
//! again (`chrif_on_disconnect`, `chrif_reconnect`).

mod pump;

use std::sync::Arc;

use bifrost_protocol::control::{EngineBuild, InterOpen, StreamKind, delimited};
use quinn::{Connection, RecvStream, SendStream};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::door::Hinge;
use super::port::{Caller, Port};
use super::run::{Assigned, Ready};
use crate::agent::Identity;
use crate::engine::directory::Gauges;
use pump::{End, Pump};

pub(super) use pump::LinkSays;

/// What the link of one run of an engine works with.
#[derive(Debug)]
pub(super) struct Link {
    /// Where the engine logs in.
    pub(super) port: Port,
    /// For the host token, which may be renewed meanwhile.
    pub(super) identity: Identity,
    /// What the engine is assigned for, as of now.
    pub(super) assigned: watch::Receiver<Assigned>,
    /// The number of this run.
    pub(super) instance: u64,
    /// What the binary was compiled for.
    pub(super) build: EngineBuild,
    /// The connection to the coordinator, when there is one that knows of this assignment.
    pub(super) links: watch::Receiver<Option<Connection>>,
    /// The maps it was given.
    pub(super) maps: Vec<String>,
    /// Whether the engine takes players: not without this link.
    pub(super) ready: Ready,
    /// Where the game loop's turns are counted.
    pub(super) gauges: Arc<Gauges>,
    /// What happens, for the owner of the run.
    pub(super) says: mpsc::Sender<LinkSays>,
    /// The engine's process has ended: nothing more is to come.
    pub(super) over: CancellationToken,
}

impl Link {
    /// Carries the link until the run is over, and what the engine has said last has arrived.
    pub(super) async fn run(mut self, hinge: &mut Hinge) {
        while let Some((caller, connection)) = self.next().await {
            let group = self.assigned.borrow().lease.0.clone();
            match self.serve(caller, &connection, hinge).await {
                Ok(End::Engine) => debug!(%group, "the engine's link has ended"),
                Ok(End::GivenUp) => debug!(%group, "the engine is given up"),
                Ok(End::Coordinator(why)) => info!(%group, why, "the inter stream has ended"),
                Err(error) => warn!(%group, error, "no inter stream"),
            }
            hinge.open.send_replace(None);
            self.ready.set(false);
        }
    }

    /// The engine and a coordinator, as soon as both are there; `None` when the run is over.
    async fn next(&mut self) -> Option<(Caller, Connection)> {
        let mut waiting: Option<Caller> = None;
        loop {
            let mut links = self.links.clone();
            let is_waiting = waiting.is_some();
            let gone = async {
                match &mut waiting {
                    // It says nothing before it has an answer, so whatever can be read is its end.
                    Some(caller) => drop(caller.stream.read_u8().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.over.cancelled() => return None,
                caller = self.port.next() => {
                    waiting = Some(caller);
                    let _told_before = self.says.try_send(LinkSays::Called);
                }
                () = gone => waiting = None,
                link = links.wait_for(Option::is_some), if is_waiting => {
                    let connection = link.ok()?.clone();
                    if let (Some(caller), Some(connection)) = (waiting.take(), connection) {
                        return Some((caller, connection));
                    }
                }
            }
        }
    }

    async fn serve(&self, caller: Caller, connection: &Connection, hinge: &mut Hinge) -> Result<End, String> {
        let (send, orders) = self.open(connection).await?;
        let gauges = Arc::clone(&self.gauges);
        Ok(Pump::new(caller, send, orders, self.maps.clone(), self.says.clone(), gauges).run(hinge).await)
    }

    async fn open(&self, connection: &Connection) -> Result<(SendStream, RecvStream), String> {
        let (mut send, recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
        let token = self.identity.held().map(|held| held.credentials.token.clone()).unwrap_or_default();
        let (group, epoch) = self.assigned.borrow().lease.clone();
        let header = InterOpen {
            token,
            group: group.0,
            epoch: epoch.0,
            instance: self.instance,
            build: Some(self.build.clone()),
        };
        let header = [&[StreamKind::Inter as u8], &delimited(&header)[..]].concat();
        send.write_all(&header).await.map_err(|error| error.to_string())?;
        Ok((send, recv))
    }
}
