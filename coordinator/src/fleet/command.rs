//! What goes into the core and what comes out: plain values, no handles.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::client::Enter;
use bifrost_protocol::control::{Beat, CoordinatorSays, EngineOrder, EngineSays, GameOpen, Hello, NodeSays};
use bifrost_protocol::ids::{CharacterId, Epoch, GroupName, HostId, MapName, MapPoint};
use bifrost_protocol::inter::MapToChar;
use bytes::Bytes;

use super::{ConnectionId, HostKind, InterEvent, LinkId};
use crate::bounds::Finding;
use crate::bounds::standing::HostStanding;
use crate::store::SessionRow;

/// Something that happened.
#[derive(Debug)]
pub enum Input {
    /// A client sent 0x0436; where it connects from, and whether a gateway carries it.
    Arrived(ConnectionId, Enter, Ipv4Addr, bool),
    /// A client's game stream ended while the client is still there.
    EngineLost(ConnectionId),
    /// As that, because the host sent what no map-server sends.
    EngineMisbehaved(ConnectionId),
    /// A client is gone.
    ClientClosed(ConnectionId),
    /// A node is in.
    NodeConnected(LinkId, HostId, HostKind, Box<Hello>),
    /// A node's heartbeat, with the round trip the transport measured.
    Beat(LinkId, Beat, Duration),
    /// The coordinator measured a node's upload, in kbit/s.
    Upload(LinkId, u64),
    /// A node's control message.
    NodeSays(LinkId, NodeSays),
    /// A node opened a group's sync stream.
    SyncOpened(LinkId, GroupName, Epoch),
    /// From a sync stream.
    Engine(LinkId, GroupName, Epoch, EngineSays),
    /// A node broke a rule that is watched elsewhere.
    Violation(LinkId, &'static str),
    /// A node's connection is gone.
    NodeClosed(LinkId),
    /// The char-server has taken the fleet in.
    CharUp,
    /// A node opened the inter stream of a stock map-server: group, epoch or ticket, instance.
    InterOpened(LinkId, GroupName, Epoch, u64),
    /// From an inter stream.
    Inter(LinkId, GroupName, u64, InterEvent),
    /// The machines for which there are bundles, by ABI.
    Bundles(BTreeSet<String>),
    /// From the char-server: one whole packet.
    Char(Bytes),
    /// The char-server's link is gone.
    CharDown,
    /// Everything of a group up to this sequence is in the store.
    Journaled(LinkId, GroupName, Epoch, u64),
    /// The operator revoked a host.
    Revoke(HostId),
    /// The operator lifts a host's quarantine.
    Pardon(HostId),
    /// The coordinator stops: save everybody.
    Shutdown,
    /// Time passed.
    Tick,
}

/// Something to be done.
#[derive(Debug)]
pub enum Command {
    /// Connect a client to a node's engine.
    Attach(ConnectionId, LinkId, Box<GameOpen>),
    /// Write whole packets to a client.
    Send(ConnectionId, Bytes),
    /// Keep a client without engine.
    Hold(ConnectionId),
    /// Send a client elsewhere (0x0ac7).
    Redirect(ConnectionId, Bytes),
    /// Write packets, if any, and close a client.
    CloseClient(ConnectionId, Option<Bytes>),
    /// Tell a node.
    Tell(LinkId, CoordinatorSays),
    /// Tell a node to serve a group, or to have an engine stand by for it; the shell adds the maps.
    Assign(LinkId, GroupName, Epoch, Duty),
    /// Tell a group's engine.
    Order(LinkId, GroupName, EngineOrder),
    /// Close a group's sync stream.
    CloseSync(LinkId, GroupName),
    /// Give a group's stock map-server a packet.
    Inter(LinkId, GroupName, Bytes),
    /// Close a group's inter stream.
    CloseInter(LinkId, GroupName),
    /// Cut a node's connection.
    CloseNode(LinkId, &'static str, String),
    /// Send a packet to the char-server.
    Char(MapToChar),
    /// Send a packet to the char-server as it is.
    Forward(Bytes),
    /// Write to the store.
    Store(StoreWrite),
    /// Something the operator wants counted: a violation or refusal, by rule.
    Count(&'static str),
    /// A gain that nothing explains, for the operator to see.
    Found(Box<Finding>),
    /// An engine takes players so long after it was asked for.
    EngineStarted(Duration),
}

/// Something to be kept.
#[derive(Clone, Debug)]
pub enum StoreWrite {
    /// A session begins.
    Begin(Box<SessionRow>),
    /// New state of sessions; acknowledge the sync when it is durable.
    Journal {
        /// Whose sync.
        link: LinkId,
        /// Which group's.
        group: GroupName,
        /// Under which epoch.
        epoch: Epoch,
        /// With which sequence.
        sequence: u64,
        /// Encoded `Kept`s.
        updates: Vec<(CharacterId, Vec<u8>)>,
    },
    /// A session ended: the char-server has its final state.
    End(CharacterId),
    /// A lease changed.
    Lease(GroupName, Option<HostId>, Epoch),
    /// What is remembered of a host changed.
    Standing(HostStanding),
}

/// What the core needs to know from the start.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// Where clients reach the relay, as the char-server is told.
    pub public: SocketAddrV4,
    /// Between beats.
    pub beat: Duration,
    /// A lease without answered beat.
    pub lease: Duration,
    /// How long nodes keep engines while the coordinator is away.
    pub reconnect: Duration,
    /// Longest limbo.
    pub limbo: Duration,
    /// What a machine needs to host.
    pub eligibility: crate::config::Eligibility,
    /// The first session id; larger than any of a former life.
    pub first_session: u64,
    /// Stock map-servers that stand by for each group of theirs that has players.
    pub standbys: usize,
    /// What the login ids that hosts see are derived from. Never leaves the coordinator.
    pub pseudonym_key: Secret<[u8; 32]>,
}

/// What a host is to do for a group.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duty {
    /// Serve it under the lease's epoch.
    Serve,
    /// Have an engine ready; the epoch is a ticket.
    StandBy,
}

/// The maps of one group, as the core needs them.
#[derive(Clone, Debug)]
pub struct GroupFacts {
    /// Who may carry it.
    pub class: crate::config::GroupClass,
    /// What serves it.
    pub engine: crate::config::EngineKind,
    /// Its maps.
    pub maps: Vec<MapName>,
    /// Where warps lead that leave the group.
    pub exits: BTreeSet<MapPoint>,
}
