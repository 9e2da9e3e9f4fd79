//! What the shells tell the fleet. One bounded queue, one owner.

use std::net::Ipv4Addr;

use bifrost_protocol::client::Enter;
use bifrost_protocol::control::{EngineOrder, EngineSays, Hello, InterOrder, NodeSays, SessionRef};
use bifrost_protocol::ids::{CharacterId, Epoch, GroupName, HostId, SessionId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::nodes::NodeHandle;
use crate::relay::ClientHandle;

/// One TCP connection of a game client.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnectionId(pub u64);

/// One QUIC connection of a node. A host that reconnects has a new one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(pub u64);

/// Whose machine a host is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostKind {
    /// A player's PC. Never trusted, never gets a critical map.
    Player,
    /// The operator's own machine.
    Fallback,
}

/// Something the fleet has to know.
#[derive(Debug)]
pub enum FleetEvent {
    /// From a game client's connection.
    Client(ConnectionId, ClientEvent),
    /// From a node's connection.
    Node(LinkId, NodeEvent),
}

/// From a game client's connection.
#[derive(Debug)]
pub enum ClientEvent {
    /// It sent 0x0436.
    Arrived {
        /// The packet.
        enter: Enter,
        /// Where the client connects from.
        address: Ipv4Addr,
        /// Whether a gateway carries it: then the client is still there after the coordinator was away.
        held: bool,
        /// How to answer.
        client: ClientHandle,
    },
    /// The game stream to the engine ended or could not be opened; the client is still there and held.
    EngineLost {
        /// The session it served.
        session: SessionId,
        /// The host sent what no map-server sends.
        misbehaved: bool,
    },
    /// The client is gone, or was closed by the relay.
    Closed,
}

/// From a node's connection.
#[derive(Debug)]
pub enum NodeEvent {
    /// Certificate and token are good and belong together; the host is not revoked.
    Connected {
        /// Who it is.
        host: HostId,
        /// Whose machine.
        kind: HostKind,
        /// What it said.
        hello: Box<Hello>,
        /// How to answer.
        node: NodeHandle,
    },
    /// The coordinator received a burst and measured the node's upload. What the node says of it does not count.
    Uploaded {
        /// In kbit/s.
        kbps: u64,
    },
    /// A control message other than Hello.
    Says(NodeSays),
    /// The node opened the sync stream of a group.
    SyncOpened {
        /// The group.
        group: GroupName,
        /// The epoch it claims; the fleet decides whether it is the living one.
        epoch: Epoch,
        /// How to answer on it. Dropping it closes the stream.
        orders: mpsc::Sender<EngineOrder>,
    },
    /// From a sync stream.
    Engine {
        /// The stream's group.
        group: GroupName,
        /// The stream's epoch.
        epoch: Epoch,
        /// What the engine says.
        says: EngineSays,
    },
    /// A sync stream ended.
    SyncClosed {
        /// The group.
        group: GroupName,
        /// Which stream: the queue that came with [`SyncOpened`](Self::SyncOpened).
        orders: mpsc::WeakSender<EngineOrder>,
    },
    /// A stock map-server speaks: the node opened its inter stream.
    InterOpened {
        /// The group.
        group: GroupName,
        /// The epoch or ticket of its assignment; the fleet decides whether it is a living one.
        epoch: Epoch,
        /// Which run of the engine.
        instance: u64,
        /// How to answer on it. Dropping it closes the stream.
        orders: mpsc::Sender<InterOrder>,
    },
    /// From an inter stream.
    Inter {
        /// The stream's group.
        group: GroupName,
        /// The stream's engine.
        instance: u64,
        /// What came.
        event: InterEvent,
    },
    /// An inter stream ended.
    InterClosed {
        /// The group.
        group: GroupName,
        /// Which stream: the queue that came with [`InterOpened`](Self::InterOpened).
        orders: mpsc::WeakSender<InterOrder>,
    },
    /// The host did something that only a broken or hostile one does, on a stream that the fleet does not see.
    Violation {
        /// Which rule it broke.
        rule: &'static str,
    },
    /// The connection is gone.
    Closed {
        /// Why.
        reason: String,
    },
}

/// What a stock map-server sends its char-server, in the canonical layout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InterEvent {
    /// One whole packet that is no part of a save.
    Packet(Bytes),
    /// All packets of one save of one character, one behind the other.
    Save {
        /// The character.
        character: CharacterId,
        /// The packets.
        packets: Bytes,
    },
    /// The client of a session has loaded the map.
    Entered(SessionRef),
    /// A packet that the engine's stated build does not have, and what is wrong with it. Nothing comes after it.
    Unreadable(String),
}
