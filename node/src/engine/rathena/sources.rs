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

use crate::config::EngineConfig;

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

    /// Whether it can give any.
    fn available(&self) -> bool {
        true
    }
}

/// Where engines find their database.
#[async_trait]
pub(crate) trait SqlSource: fmt::Debug + Send + Sync {
    /// An endpoint for one engine of this group, on loopback. It is open until it is dropped.
    ///
    /// # Errors
    /// Why there is none, for people.
    async fn open(&self, group: &GroupName) -> Result<SqlEndpoint, String>;

    /// Whether it can give any.
    fn available(&self) -> bool {
        true
    }
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

impl Sources {
    /// What a node has by its configuration.
    pub(crate) fn of(config: &EngineConfig) -> Self {
        let bundles: Arc<dyn BundleSource> = match &config.folder {
            Some(folder) => Arc::new(OwnFolder(folder.clone())),
            None => Arc::new(Nowhere),
        };
        Self { bundles, sql: Arc::new(Nowhere) }
    }

    /// Whether engines can be run.
    pub(crate) fn available(&self) -> bool {
        self.bundles.available() && self.sql.available()
    }
}

/// A source that has nothing.
#[derive(Clone, Copy, Debug)]
struct Nowhere;

#[async_trait]
impl BundleSource for Nowhere {
    async fn obtain(&self, _: Option<&BundleRef>) -> Result<PathBuf, String> {
        Err("this node has no bundles".into())
    }

    fn available(&self) -> bool {
        false
    }
}

#[async_trait]
impl SqlSource for Nowhere {
    async fn open(&self, _: &GroupName) -> Result<SqlEndpoint, String> {
        Err("this node has no database for engines".into())
    }

    fn available(&self) -> bool {
        false
    }
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
