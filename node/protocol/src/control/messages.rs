//! Control messages and datagrams.

use std::fmt;

use prost::Message;

use super::BundleRef;
use crate::Secret;

/// Node to coordinator, on the control stream.
#[derive(Clone, PartialEq, Message)]
pub struct NodeMessage {
    /// What it says.
    #[prost(oneof = "NodeSays", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub says: Option<NodeSays>,
}

/// The kinds of [`NodeMessage`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum NodeSays {
    /// First message of the connection.
    #[prost(message, tag = "1")]
    Hello(Hello),
    /// Answers [`Assign`].
    #[prost(message, tag = "2")]
    Assigned(Assigned),
    /// Answers [`Revoke`]: the engine is stopped.
    #[prost(message, tag = "3")]
    Revoked(Revoked),
    /// Please move everything away from me.
    #[prost(message, tag = "4")]
    Drain(Drain),
    /// I am leaving; nothing is left with me.
    #[prost(message, tag = "5")]
    Goodbye(Goodbye),
    /// What the machine measured after [`Hello`]: the round trip and the upload need the link. Replaces
    /// [`Hello::benchmark`].
    #[prost(message, tag = "6")]
    Benchmark(Benchmark),
    /// The host token was renewed. Without this the link ends when the token of [`Hello`] does.
    #[prost(message, tag = "7")]
    Renewed(Renewed),
}

/// Coordinator to node, on the control stream.
#[derive(Clone, PartialEq, Message)]
pub struct CoordinatorMessage {
    /// What it says.
    #[prost(oneof = "CoordinatorSays", tags = "1, 2, 3, 4, 5")]
    pub says: Option<CoordinatorSays>,
}

/// The kinds of [`CoordinatorMessage`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum CoordinatorSays {
    /// Answers [`Hello`].
    #[prost(message, tag = "1")]
    Welcome(Welcome),
    /// Serve this map group.
    #[prost(message, tag = "2")]
    Assign(Assign),
    /// Stop serving this map group.
    #[prost(message, tag = "3")]
    Revoke(Revoke),
    /// News about the realm, for people to read.
    #[prost(message, tag = "4")]
    Notice(Notice),
    /// The connection is about to be closed for this reason.
    #[prost(message, tag = "5")]
    Farewell(Farewell),
}

/// Who a node is and what it still holds.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Hello {
    /// [`PROTOCOL_VERSION`](super::PROTOCOL_VERSION).
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// The host token (PASETO) from registration.
    #[prost(string, tag = "2")]
    pub token: String,
    /// The program's version, for the operator.
    #[prost(string, tag = "3")]
    pub version: String,
    /// Leases whose engines still run, after a reconnect.
    #[prost(message, repeated, tag = "4")]
    pub leases: Vec<HeldLease>,
    /// What the machine measured of itself.
    #[prost(message, optional, tag = "5")]
    pub benchmark: Option<Benchmark>,
    /// Seconds since the node started.
    #[prost(uint64, tag = "6")]
    pub uptime_seconds: u64,
    /// The engines it can run: `embedded`, `rathena`.
    #[prost(string, repeated, tag = "7")]
    pub engines: Vec<String>,
    /// Most players it carries; 0: as many as come.
    #[prost(uint32, tag = "8")]
    pub max_players: u32,
    /// Most groups it carries; 0: what the coordinator thinks right.
    #[prost(uint32, tag = "9")]
    pub max_groups: u32,
    /// The machine, as bundles name it: `linux-x86_64`, `windows-x86_64`.
    #[prost(string, tag = "10")]
    pub abi: String,
}

impl fmt::Debug for Hello {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Hello")
            .field("protocol", &self.protocol)
            .field("token", &Secret::new(()))
            .field("version", &self.version)
            .field("leases", &self.leases)
            .field("benchmark", &self.benchmark)
            .field("uptime_seconds", &self.uptime_seconds)
            .field("engines", &self.engines)
            .finish()
    }
}

/// A lease a node still holds.
#[derive(Clone, PartialEq, Message)]
pub struct HeldLease {
    /// The map group.
    #[prost(string, tag = "1")]
    pub group: String,
    /// Its epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
}

/// What a machine measured of itself. The coordinator confirms what it can.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct Benchmark {
    /// Logical cores.
    #[prost(uint32, tag = "1")]
    pub cores: u32,
    /// Memory in MiB.
    #[prost(uint64, tag = "2")]
    pub memory_mib: u64,
    /// Work done in a fixed time on one core; 1,000 is a 2020 desktop core.
    #[prost(uint32, tag = "3")]
    pub cpu_score: u32,
    /// Median round trip to the coordinator, in microseconds.
    #[prost(uint32, tag = "4")]
    pub round_trip_us: u32,
    /// Upload to the coordinator, in kbit/s.
    #[prost(uint64, tag = "5")]
    pub upload_kbps: u64,
    /// Difference between the 90th percentile and the median round trip, in microseconds.
    #[prost(uint32, tag = "6")]
    pub jitter_us: u32,
}

/// An engine is one thread; more cores than this only help the player's own game.
const MAX_USEFUL_CORES: u32 = 8;

impl Benchmark {
    /// What hosts are ranked by: one core's score for each core that helps.
    #[must_use]
    pub fn performance(&self) -> u64 {
        u64::from(self.cpu_score).saturating_mul(u64::from(self.cores.min(MAX_USEFUL_CORES)))
    }
}

/// The coordinator takes a node in.
#[derive(Clone, PartialEq, Message)]
pub struct Welcome {
    /// The host id of the certificate.
    #[prost(string, tag = "1")]
    pub host: String,
    /// Milliseconds between beats.
    #[prost(uint32, tag = "2")]
    pub beat_ms: u32,
    /// How long a lease lasts without an answered beat, in milliseconds.
    #[prost(uint32, tag = "3")]
    pub lease_ms: u32,
    /// Leases of [`Hello`] that go on under the same epoch. The engines of all others stop.
    #[prost(message, repeated, tag = "4")]
    pub resumed: Vec<HeldLease>,
    /// How long a node keeps its engines and sessions while it cannot reach the coordinator, in milliseconds.
    #[prost(uint32, tag = "5")]
    pub reconnect_ms: u32,
    /// Why this machine may not host now, if so; empty when it may.
    #[prost(string, repeated, tag = "6")]
    pub not_eligible: Vec<String>,
}

/// Serve a map group under a new epoch.
#[derive(Clone, PartialEq, Message)]
pub struct Assign {
    /// The map group.
    #[prost(string, tag = "1")]
    pub group: String,
    /// The lease's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Its maps, with all an embedded engine needs.
    #[prost(message, repeated, tag = "3")]
    pub maps: Vec<MapData>,
    /// Warps that start on these maps.
    #[prost(message, repeated, tag = "4")]
    pub warps: Vec<WarpData>,
    /// The engine that serves it: empty or `embedded`, or `rathena`. For the latter the maps have names only.
    #[prost(string, tag = "5")]
    pub engine: String,
    /// What a `rathena` engine is made of.
    #[prost(message, optional, tag = "6")]
    pub bundle: Option<BundleRef>,
    /// Start the engine, but serve nothing: the group is leased to somebody else. `epoch` is only a ticket then. An
    /// assignment without this flag makes the standby the group's engine.
    #[prost(bool, tag = "7")]
    pub standby: bool,
    /// Whether the engine's SQL is relayed: database streams may be opened for it.
    #[prost(bool, tag = "8")]
    pub database: bool,
}

/// A map's cells.
#[derive(Clone, PartialEq, Message)]
pub struct MapData {
    /// Name without extension.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Columns.
    #[prost(uint32, tag = "2")]
    pub width: u32,
    /// Rows.
    #[prost(uint32, tag = "3")]
    pub height: u32,
    /// `width * height` gat types, index `x + y * width`, zlib (as in rAthena's `map_cache.dat`).
    #[prost(bytes = "vec", tag = "4")]
    pub cells: Vec<u8>,
}

/// A warp: stepping within the half spans of its centre takes a player to the destination.
#[derive(Clone, PartialEq, Message)]
pub struct WarpData {
    /// The map it stands on.
    #[prost(string, tag = "1")]
    pub map: String,
    /// Centre.
    #[prost(uint32, tag = "2")]
    pub x: u32,
    /// Centre.
    #[prost(uint32, tag = "3")]
    pub y: u32,
    /// Half span.
    #[prost(uint32, tag = "4")]
    pub span_x: u32,
    /// Half span.
    #[prost(uint32, tag = "5")]
    pub span_y: u32,
    /// Destination.
    #[prost(string, tag = "6")]
    pub to_map: String,
    /// Destination.
    #[prost(uint32, tag = "7")]
    pub to_x: u32,
    /// Destination.
    #[prost(uint32, tag = "8")]
    pub to_y: u32,
    /// The name its script gave it.
    #[prost(string, tag = "9")]
    pub name: String,
}

/// A node's answer to [`Assign`].
#[derive(Clone, PartialEq, Message)]
pub struct Assigned {
    /// The map group.
    #[prost(string, tag = "1")]
    pub group: String,
    /// The lease's epoch.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Why it cannot be served; empty when the engine is ready for players.
    #[prost(string, tag = "3")]
    pub problem: String,
    /// Whether this is about a standby.
    #[prost(bool, tag = "4")]
    pub standby: bool,
}

/// Stop serving a map group.
#[derive(Clone, PartialEq, Message)]
pub struct Revoke {
    /// The map group.
    #[prost(string, tag = "1")]
    pub group: String,
    /// The epoch that ends.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
    /// Why, for people to read.
    #[prost(string, tag = "3")]
    pub reason: String,
}

/// The engine of a map group is stopped.
#[derive(Clone, PartialEq, Message)]
pub struct Revoked {
    /// The map group.
    #[prost(string, tag = "1")]
    pub group: String,
    /// The epoch that ended.
    #[prost(uint64, tag = "2")]
    pub epoch: u64,
}

/// A node asks to be emptied.
#[derive(Clone, PartialEq, Message)]
pub struct Drain {
    /// Why, for people to read.
    #[prost(string, tag = "1")]
    pub reason: String,
}

/// A node leaves on its own.
#[derive(Clone, PartialEq, Message)]
pub struct Goodbye {
    /// Why, for people to read.
    #[prost(string, tag = "1")]
    pub reason: String,
}

/// A node's new host token.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct Renewed {
    /// The token (PASETO).
    #[prost(string, tag = "1")]
    pub token: String,
}

impl fmt::Debug for Renewed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Renewed").field("token", &Secret::new(())).finish()
    }
}

/// The coordinator ends the connection. The last message of the control stream.
#[derive(Clone, PartialEq, Message)]
pub struct Farewell {
    /// Stable code. `revoked`: never come back. `refused`: not with this certificate, token or version, or not with this
    /// behaviour. `replaced`: another connection of the host took over. `busy`, `shutdown`: come back a little later.
    #[prost(string, tag = "1")]
    pub code: String,
    /// Why, for people to read.
    #[prost(string, tag = "2")]
    pub reason: String,
}

/// News for people.
#[derive(Clone, PartialEq, Message)]
pub struct Notice {
    /// The map group it is about; empty for the whole realm.
    #[prost(string, tag = "1")]
    pub group: String,
    /// Text.
    #[prost(string, tag = "2")]
    pub text: String,
}

/// Sign of life, as a datagram, every [`Welcome::beat_ms`].
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct Beat {
    /// Grows by one each.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// CPU of the whole machine, in thousandths.
    #[prost(uint32, tag = "2")]
    pub cpu_permille: u32,
    /// Memory the machine has free, in MiB.
    #[prost(uint64, tag = "3")]
    pub memory_free_mib: u64,
    /// Players on this node's engines.
    #[prost(uint32, tag = "4")]
    pub players: u32,
    /// Longest engine turn since the last beat, in microseconds.
    #[prost(uint32, tag = "5")]
    pub turn_us: u32,
    /// Errors of engines and streams since the node started.
    #[prost(uint64, tag = "6")]
    pub errors: u64,
    /// Smoothed round trip as the node's transport sees it, in microseconds.
    #[prost(uint32, tag = "7")]
    pub round_trip_us: u32,
}

/// Answers a [`Beat`] and thereby renews every lease of the node.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct BeatAck {
    /// Of the beat.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
}

/// First message of a probe stream.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct ProbeOpen {
    /// Bytes that follow, at most [`MAX_PROBE`](super::MAX_PROBE). With 0 the stream measures a round trip.
    #[prost(uint64, tag = "1")]
    pub bytes: u64,
}

/// What the coordinator received of a probe.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct ProbeReport {
    /// Bytes received.
    #[prost(uint64, tag = "1")]
    pub bytes: u64,
    /// From the first to the last of them, in microseconds.
    #[prost(uint64, tag = "2")]
    pub micros: u64,
}
