//! The engine that is written here: one task a map group owns a [`World`] and gives it events, time and outlets.

mod runner;
mod sync_log;

use bifrost_protocol::control::{Assign, EngineOrder, EngineSays, GameOpen};
use bifrost_protocol::ids::SessionId;
use bifrost_world::{World, WorldConfig};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::tunnel::outbox::Outbox;

pub(crate) use runner::{Runner, RunnerConfig};

/// The name by which assignments and Hello speak of it; an empty one means it too.
pub(crate) const NAME: &str = "embedded";

/// What streams tell an engine. Its inbox is bounded; whoever fills it waits.
#[derive(Debug)]
pub(crate) enum ToEngine {
    /// A player arrives on a game stream.
    Attach {
        /// Who.
        open: Box<GameOpen>,
        /// Where its packets go.
        outbox: Outbox,
    },
    /// A client sent a whole packet.
    Packet {
        /// Its session.
        session: SessionId,
        /// The packet.
        packet: Bytes,
    },
    /// A client is gone.
    Left {
        /// Its session.
        session: SessionId,
    },
    /// There is a new sync stream.
    SyncOpened {
        /// Where state goes from now on.
        says: mpsc::Sender<EngineSays>,
    },
    /// The coordinator spoke on the sync stream.
    Order(EngineOrder),
}

/// Makes the world of an assignment. Inflates and checks every map: not for async threads.
pub(crate) fn build(assign: Assign) -> Result<Box<World>, String> {
    let Assign { maps, warps, .. } = assign;
    World::new(&WorldConfig { maps, warps }, rand::random()).map(Box::new).map_err(|error| error.to_string())
}
