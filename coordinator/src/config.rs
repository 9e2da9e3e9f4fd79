//! What the operator sets: one TOML file, environment overrides, validated before anything is bound.

mod bounds;
mod check;
mod database;
mod describe;
mod engine;
mod load;
mod problem;
mod realm;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;

use bifrost_protocol::ids::{MapName, MapPoint};
use serde::Deserialize;

pub use bounds::{Bounds, Mode};
pub use database::Database;
pub(crate) use describe::nearest;
pub use engine::{Build, Engine, EngineKind, PACKETVERS};
pub use load::OVERRIDE_PREFIX;
pub use problem::{ConfigError, Place, Problem};

/// Every key with its default and what it means, as TOML.
pub const DEFAULT_FILE: &str = include_str!("config/default.toml");

/// The whole configuration. Every field has a default: an empty file runs the embedded realm on loopback.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder for database, CA and secrets; created when missing.
    pub data_dir: DataDir,
    /// HTTPS API.
    pub http: Http,
    /// QUIC endpoint for nodes.
    pub link: Link,
    /// Public TCP port for game clients.
    pub relay: Relay,
    /// The rAthena realm behind the fleet.
    pub realm: Realm,
    /// Where hosts, leases and sessions are kept.
    pub store: Store,
    /// The realm's database, for the SQL of stock map-servers.
    pub database: Database,
    /// What a machine needs to host.
    pub eligibility: Eligibility,
    /// What a host may give its players.
    pub bounds: Bounds,
    /// What runs the maps.
    pub engine: Engine,
    /// Where maps come from.
    pub maps: Maps,
    /// Units of placement. Empty: the built-in maps' groups.
    pub groups: Vec<Group>,
}

/// The data folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct DataDir(pub PathBuf);

impl Default for DataDir {
    fn default() -> Self {
        Self(PathBuf::from("bifrost-data"))
    }
}

/// HTTPS API.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// TCP address.
    pub listen: SocketAddr,
    /// Names and addresses the self-signed certificate is valid for.
    pub names: Vec<String>,
    /// The operator's own certificate chain, PEM; needs `key`.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: local(7443), names: vec!["localhost".into(), "127.0.0.1".into()], certificate: None, key: None }
    }
}

/// QUIC endpoint for nodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// UDP address.
    pub listen: SocketAddr,
    /// `host:port` that nodes are told to connect to. Empty: the address it is bound to.
    pub public: String,
    /// Milliseconds between beats of a node.
    pub beat_ms: u32,
    /// Milliseconds a lease lasts without an answered beat.
    pub lease_ms: u32,
    /// Milliseconds nodes keep their engines while the coordinator is away.
    pub reconnect_ms: u32,
    /// Minutes a host certificate and token are valid.
    pub certificate_minutes: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            listen: local(7444),
            public: String::new(),
            beat_ms: 250,
            lease_ms: 3_000,
            reconnect_ms: 30_000,
            certificate_minutes: 360,
        }
    }
}

/// Public TCP port for game clients.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relay {
    /// TCP address.
    pub listen: SocketAddr,
    /// IPv4 address and port that clients and the char-server are told. None: the address it is bound to.
    pub public: Option<SocketAddr>,
    /// Most connections at once.
    pub max_connections: usize,
    /// Most connections at once from one address.
    pub max_per_address: usize,
    /// Milliseconds a new connection has to send its first packet.
    pub enter_ms: u64,
    /// Milliseconds without a byte from the client until it is closed.
    pub idle_ms: u64,
    /// Milliseconds a session waits in limbo for an engine.
    pub limbo_ms: u64,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            listen: local(5121),
            public: None,
            max_connections: 4_096,
            max_per_address: 256,
            enter_ms: 10_000,
            idle_ms: 120_000,
            limbo_ms: 120_000,
        }
    }
}

/// The realm behind the fleet.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "realm::RealmTable")]
pub enum Realm {
    /// Login and char server built in, for development, tests and LAN play.
    Embedded(EmbeddedRealm),
    /// A stock rAthena.
    Rathena(RathenaRealm),
}

impl Default for Realm {
    fn default() -> Self {
        Self::Embedded(EmbeddedRealm::default())
    }
}

/// The built-in login and char server.
#[derive(Clone, Debug)]
pub struct EmbeddedRealm {
    /// TCP address of the login-server.
    pub login_listen: SocketAddr,
    /// TCP address of the char-server.
    pub char_listen: SocketAddr,
    /// The realm's name in the client's server list.
    pub name: String,
    /// Where new characters start; none: the first map's start point.
    pub start: Option<MapPoint>,
    /// The version clients have to state at login (`<version>` in their clientinfo.xml); 0 takes any.
    pub client_version: u32,
}

/// What clients of PACKETVER 20211103 state unless their clientinfo.xml was changed.
const CLIENT_VERSION: u32 = 55;

impl Default for EmbeddedRealm {
    fn default() -> Self {
        Self {
            login_listen: local(6900),
            char_listen: local(6121),
            name: "Bifrost".into(),
            start: None,
            client_version: CLIENT_VERSION,
        }
    }
}

/// A stock rAthena realm.
#[derive(Clone)]
pub struct RathenaRealm {
    /// `host:port` of the char-server; `char` in the file.
    pub char_server: String,
    /// `host:port` of the login-server, used to prove game accounts.
    pub login: String,
    /// `userid` of the char-server's `char_athena.conf`.
    pub user: String,
    /// `passwd` of the char-server's `char_athena.conf`.
    pub password: String,
    /// `mysql://user:password@host/database` with the `login` table; then accounts are proved there, without a login.
    pub database: Option<String>,
    /// PACKETVER of the char-server; none: the engines' (see [`Config::char_build`]).
    pub packetver: Option<u32>,
    /// Whether the char-server is a renewal build; none: as the engines are.
    pub renewal: Option<bool>,
}

impl std::fmt::Debug for RathenaRealm {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RathenaRealm")
            .field("char", &self.char_server)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// Where the coordinator keeps its own state.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite:PATH` or `mysql://...`; empty: SQLite in the data folder.
    pub url: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.url.split_once("://").map_or(self.url.as_str(), |(scheme, _)| scheme))
    }
}

/// What a machine needs to host. Measured, not claimed, where the coordinator can.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eligibility {
    /// Logical cores.
    pub cores: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Most milliseconds of round trip.
    pub latency_ms: u32,
    /// Most milliseconds between the median and the 90th percentile of the round trip: what "stable" means.
    pub jitter_ms: u32,
    /// Upload in Mbit/s.
    pub upload_mbps: u32,
    /// Minutes the node has been up.
    pub uptime_minutes: u32,
}

impl Default for Eligibility {
    fn default() -> Self {
        Self { cores: 4, memory_mib: 7_600, latency_ms: 100, jitter_ms: 30, upload_mbps: 10, uptime_minutes: 30 }
    }
}

/// Where maps come from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Maps {
    /// rAthena `map_cache.dat` files, the first that has a map wins. Empty: the built-in maps.
    pub cache: Vec<PathBuf>,
    /// rAthena `map_index.txt`.
    pub index: Option<PathBuf>,
    /// Folders searched for warp scripts (`*.txt`).
    pub warps: Vec<PathBuf>,
}

/// A unit of placement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Who may carry it.
    pub class: GroupClass,
    /// Its maps.
    pub maps: Vec<MapName>,
    /// What runs them; none: `engine.kind` (see [`Config::engine_of`]).
    #[serde(default)]
    pub engine: Option<EngineKind>,
}

/// Who may carry a map group.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupClass {
    /// Never leaves the operator: login areas, cities, `PvP`, guild castles.
    Critical,
    /// Player hosts may carry it.
    Eligible,
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port)
}
