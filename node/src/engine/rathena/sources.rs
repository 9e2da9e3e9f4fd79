//! What an engine needs that comes from elsewhere: an unpacked bundle and a database to speak with.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bifrost_protocol::Secret;
use bifrost_protocol::control::BundleRef;
use bifrost_protocol::ids::GroupName;
use tokio_util::sync::CancellationToken;

use crate::agent::Identity;
use crate::bundle::{Bundles, Hold};
use crate::config::NodeConfig;
use crate::tunnel::database::{LocalEndpoint, Streams};

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

    /// Whether it gives a folder without being told of a bundle.
    fn needs_no_bundle(&self) -> bool {
        false
    }
}

/// Where engines find their database.
#[async_trait]
pub(crate) trait SqlSource: fmt::Debug + Send + Sync {
    /// An endpoint for one engine of this group, on loopback. It is open until it is dropped. With `streams` it relays to the
    /// coordinator what it does not answer itself.
    ///
    /// # Errors
    /// Why there is none, for people.
    async fn open(&self, group: &GroupName, streams: Option<Arc<dyn Streams>>) -> Result<SqlEndpoint, String>;

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
    /// Whether what it is told gets anywhere.
    pub(crate) relayed: bool,
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
    /// What a node has by its configuration: its owner's folder or the coordinator's bundles, and databases of its own.
    pub(crate) fn of(config: &NodeConfig, identity: &Identity) -> Self {
        let bundles: Arc<dyn BundleSource> = match &config.engine.folder {
            Some(folder) => Arc::new(OwnFolder(folder.clone())),
            None => match Bundles::open(config, identity) {
                Ok(bundles) => Arc::new(Fetched { bundles, held: Mutex::default() }),
                Err(error) => {
                    tracing::warn!(%error, "bundles cannot be kept here: no stock map-servers on this node");
                    Arc::new(Nowhere)
                }
            },
        };
        Self { bundles, sql: Arc::new(LocalDatabases) }
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

/// Bundles of the coordinator.
#[derive(Debug)]
struct Fetched {
    bundles: Bundles,
    /// The last ones, so that none is removed while an engine runs from it.
    held: Mutex<VecDeque<Hold>>,
}

#[async_trait]
impl BundleSource for Fetched {
    async fn obtain(&self, bundle: Option<&BundleRef>) -> Result<PathBuf, String> {
        let bundle = bundle.ok_or("the coordinator names no bundle: its operator has to add one")?;
        let hold = self.bundles.hold(bundle);
        let folder = self.bundles.obtain(bundle).await.map_err(|error| error.to_string())?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() == MAX_HELD {
            held.pop_front();
        }
        held.push_back(hold);
        Ok(folder)
    }
}

/// Bundles that are kept for engines that may still run from them: more versions than anybody runs at once.
const MAX_HELD: usize = 16;

/// A database of its own for each engine, which ends with it.
#[derive(Clone, Copy, Debug)]
struct LocalDatabases;

#[async_trait]
impl SqlSource for LocalDatabases {
    async fn open(&self, group: &GroupName, streams: Option<Arc<dyn Streams>>) -> Result<SqlEndpoint, String> {
        let failed = |error| format!("no port for the database of {group}: {error}");
        let relayed = streams.is_some();
        let endpoint = match streams {
            Some(streams) => LocalEndpoint::relayed(streams, CancellationToken::new()).await,
            None => LocalEndpoint::start(CancellationToken::new()).await,
        };
        let endpoint = endpoint.map_err(failed)?;
        Ok(SqlEndpoint {
            address: endpoint.address(),
            user: endpoint.user().to_owned(),
            password: endpoint.password().clone(),
            database: endpoint.database().to_owned(),
            relayed,
            held: Box::new(endpoint),
        })
    }
}

#[async_trait]
impl SqlSource for Nowhere {
    async fn open(&self, _: &GroupName, _: Option<Arc<dyn Streams>>) -> Result<SqlEndpoint, String> {
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

    fn needs_no_bundle(&self) -> bool {
        true
    }
}
