//! What an engine needs that comes from elsewhere: an unpacked bundle and a database to speak with.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bifrost_protocol::Secret;
use bifrost_protocol::control::BundleRef;
use bifrost_protocol::ids::GroupName;

/// Where unpacked bundles come from.
#[async_trait]
pub(crate) trait BundleSource: fmt::Debug + Send + Sync {
    /// The folder of a bundle, fetched and checked. It holds `map-server` (on Windows `map-server.exe`), `conf`, `db`, `npc`
    /// and, where the binary needs them, libraries in `lib` (on Windows beside the binary). Nobody writes to it while
    /// engines use it.
    ///
    /// # Errors
    /// Why there is none, for people.
    async fn obtain(&self, bundle: Option<&BundleRef>) -> Result<PathBuf, String>;
}

/// Where engines find their database.
#[async_trait]
pub(crate) trait SqlSource: fmt::Debug + Send + Sync {
    /// An endpoint for one engine of this group, on loopback. It is open until it is dropped.
    ///
    /// # Errors
    /// Why there is none, for people.
    async fn open(&self, group: &GroupName) -> Result<SqlEndpoint, String>;
}

/// A MySQL server for one engine.
pub(crate) struct SqlEndpoint {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Whom it takes.
    pub(crate) user: String,
    /// Its password, for this engine only.
    pub(crate) password: Secret<String>,
    /// The only database it has.
    pub(crate) database: String,
    /// What keeps it open.
    #[expect(dead_code, reason = "it is held, never read")]
    pub(crate) held: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for SqlEndpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SqlEndpoint").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Both. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Bundles.
    pub(crate) bundles: Arc<dyn BundleSource>,
    /// Databases.
    pub(crate) sql: Arc<dyn SqlSource>,
}

/// An unpacked bundle that the owner of the machine has named.
#[derive(Clone, Debug)]
pub(crate) struct OwnFolder(pub(crate) PathBuf);

#[async_trait]
impl BundleSource for OwnFolder {
    async fn obtain(&self, _: Option<&BundleRef>) -> Result<PathBuf, String> {
        // Links into it are made from elsewhere.
        tokio::fs::canonicalize(&self.0).await.map_err(|error| format!("{}: {error}", self.0.display()))
    }
}
