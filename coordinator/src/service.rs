//! The running coordinator: what is started, in which order, and what it hands to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::net::{SocketAddr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::ids::MapName;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::bounds::facts::Economy;
use crate::bundles::{self, Bundles};
use crate::config::{self, Config};
use crate::database::{self, FleetAdmission, FleetStanding};
use crate::failure::Failure;
use crate::fleet::{self, FleetEvent, FleetParts, RunningFleet, event_queue};
use crate::http::{self, AccountDatabase, AccountProof, Deps, HttpHandle, LoginServer};
use crate::identity::{Identity, create_data_dir, secret_file, write_private};
use crate::maps::Catalog;
use crate::nodes::{Gateways, Layouts, Nodes, NodesError, NodesHandle, Servers, Services};
use crate::rathena::{KnownBuild, Note, economy};
use crate::realm::{Realm, RealmHandle};
use crate::relay::{Relay, RelayHandle};
use crate::shutdown::{self, Running};
use crate::store::Store;
use crate::telemetry;

/// In the data folder: every bound address, written when everything is up.
pub(crate) const ADDRESSES_FILE: &str = "addresses.json";
/// In the data folder: what the operator shows the API.
pub(crate) const ADMIN_TOKEN_FILE: &str = "admin.token";
/// In the data folder: held by the coordinator that works with it.
const LOCK_FILE: &str = "lock";
/// In the data folder: the database, unless the operator configures another.
const DATABASE_FILE: &str = "bifrost.db";

/// Where everything listens.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Addresses {
    /// The embedded realm's login-server.
    pub login: Option<SocketAddr>,
    /// The embedded realm's char-server.
    #[serde(rename = "char")]
    pub char_server: Option<SocketAddr>,
    /// The relay: the map-server that clients see.
    pub relay: SocketAddr,
    /// The HTTPS API.
    pub https: SocketAddr,
    /// The QUIC endpoint for nodes.
    pub link: SocketAddr,
}

/// Runs the coordinator until it is told to stop or a part of it ends.
///
/// # Errors
/// What could not be started, or which part ended.
pub async fn run(config: Config, metrics: PrometheusHandle) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let _signals = AbortOnDropHandle::new(tokio::spawn(shutdown::on_signals(stop.clone())));
    match start(&config, metrics, &stop).await {
        Ok(running) => running.until(&stop).await,
        // Stopped while it waited for the database.
        Err(Failure::Store(_)) if stop.is_cancelled() => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// The recipe. Every step needs only those before it; clients and nodes are let in before the fleet runs, and wait in its
/// queue until it does.
async fn start(config: &Config, metrics: PrometheusHandle, stop: &CancellationToken) -> Result<Running, Failure> {
    let data_dir = config.data_dir.0.as_path();
    let lock = lock(data_dir)?;
    let upkeep = AbortOnDropHandle::new(tokio::spawn(telemetry::upkeep(metrics.clone(), stop.clone())));
    let store = Store::open_waiting(&store_url(config), stop.clone()).await?;
    let identity = Arc::new(Identity::open(data_dir, &names(config), certificate_lifetime(config))?);
    tracing::info!(ca_sha256 = identity.ca_fingerprint(), "certificate authority");
    let catalog = catalog(config)?;
    let economy = read_bounds(config, &catalog).await?;
    let bundles = Bundles::open_or_empty(data_dir).await;
    let bundle_upkeep = bundles.keep(&CancellationToken::new());

    let realm = match &config.realm {
        config::Realm::Embedded(realm) => Some(embedded(realm, &store, &catalog).await?),
        config::Realm::Rathena(_) => None,
    };
    let (events, queue) = event_queue();
    let relay = relay(&config.relay, events.clone())?;
    let admission = Arc::new(FleetAdmission::default());
    let standing = FleetStanding(events.clone());
    let database = database::open(&config.database, &store, Arc::clone(&admission), standing)?;
    let gateways = gateways(config, &realm, &relay)?;
    let nodes = nodes(config, &identity, &store, events, Arc::clone(&database), Arc::clone(&gateways))?;
    let fleet =
        fleet(config, &identity, &realm, &relay, (catalog, economy), &store, bundles.subscribe(), queue).await?;
    admission.set(fleet.handle.clone());
    let link = if config.link.public.is_empty() { nodes.local_addr().to_string() } else { config.link.public.clone() };
    let deps = Deps {
        identity: Arc::clone(&identity),
        store: store.clone(),
        proof: proof(config, &realm)?,
        fleet: fleet.handle.clone(),
        gateways: Some(Arc::clone(&gateways)),
        bundles,
        database: Some(Arc::clone(&database)),
        policy: config.bounds.policy(),
        link,
        endpoint: nodes.local_addr(),
        admin_token: secret_file(&data_dir.join(ADMIN_TOKEN_FILE))?,
        metrics,
    };
    let http = https(&config.http, deps)?;
    let reload = AbortOnDropHandle::new(tokio::spawn(database::reload_on_hangup(database)));
    let upkeep = vec![upkeep, reload];

    let addresses = Addresses {
        login: realm.as_ref().map(RealmHandle::login_addr),
        char_server: realm.as_ref().map(RealmHandle::char_addr),
        relay: relay.local_addr(),
        https: http.local_addr(),
        link: nodes.local_addr(),
    };
    write_addresses(&data_dir.join(ADDRESSES_FILE), &addresses)?;
    tracing::info!(relay = %addresses.relay, https = %addresses.https, link = %addresses.link, "coordinator is up");
    Ok(Running::new(gateways, relay, fleet, nodes, realm, http, bundle_upkeep, store, upkeep, lock))
}

/// The store's address.
pub(crate) fn store_url(config: &Config) -> String {
    match config.store.url.as_str() {
        "" => format!("sqlite:{}", config.data_dir.0.join(DATABASE_FILE).display()),
        url => url.to_owned(),
    }
}

/// Maps, warps and groups, and whether new characters can stand where they start.
pub(crate) fn catalog(config: &Config) -> Result<Catalog, Failure> {
    let catalog = Catalog::load(&config.maps, &config.groups, config.engine.kind)
        .map_err(|error| Failure::Maps(error.to_string()))?;
    if let config::Realm::Embedded(config::EmbeddedRealm { start: Some(start), .. }) = &config.realm
        && !catalog.walkable(start)
    {
        return Err(Failure::Maps(format!("realm.start: nobody can stand on {} {} {}", start.map, start.x, start.y)));
    }
    Ok(catalog)
}

/// What the realm's maps give, by its own files; none when the operator names no folder.
async fn read_bounds(config: &Config, catalog: &Catalog) -> Result<Option<Economy>, Failure> {
    let Some(root) = config.bounds.rathena.clone() else { return Ok(None) };
    let groups = judged(catalog);
    let build = config.engine_build();
    // Megabytes of YAML and scripts.
    let read = tokio::task::spawn_blocking(move || read_economy(&root, build, &groups));
    let (economy, notes) = read.await.map_err(|_| Failure::Ended("reading bounds.rathena"))??;
    notes.iter().for_each(|note| tracing::debug!(%note, "bounds.rathena"));
    let (items, groups) = (economy.items.len(), economy.groups.len());
    tracing::info!(items, groups, notes = notes.len(), "what the maps of hosts can give is known");
    Ok(Some(economy))
}

/// The groups whose engines are judged, with their maps.
pub(crate) fn judged(catalog: &Catalog) -> BTreeMap<String, BTreeSet<MapName>> {
    let stock = catalog
        .groups()
        .iter()
        .filter(|(_, info)| info.engine == config::EngineKind::Rathena && info.class == config::GroupClass::Eligible);
    stock.map(|(name, info)| (name.0.clone(), info.maps.iter().cloned().collect())).collect()
}

/// Reads the files that `bounds.rathena` names.
pub(crate) fn read_economy(
    root: &Path,
    build: config::Build,
    groups: &BTreeMap<String, BTreeSet<MapName>>,
) -> Result<(Economy, Vec<Note>), Failure> {
    let mut notes = Vec::new();
    let known = KnownBuild { packetver: Some(build.packetver), renewal: Some(build.renewal) };
    let economy = economy::read(root, known, groups, &mut notes)
        .map_err(|error| Failure::Maps(format!("bounds.rathena: {error}")))?;
    Ok((economy, notes))
}

/// How long a host's certificate and token are valid.
pub(crate) fn certificate_lifetime(config: &Config) -> Duration {
    Duration::from_mins(u64::from(config.link.certificate_minutes))
}

/// What the server certificate is valid for: the configured names, and the addresses it listens at.
fn names(config: &Config) -> Vec<String> {
    let listening =
        [config.http.listen, config.link.listen].into_iter().filter(|address| !address.ip().is_unspecified());
    let mut names = config.http.names.clone();
    names.extend(listening.map(|address| address.ip().to_string()));
    names.sort();
    names.dedup();
    names
}

/// Takes the data folder for this process, and forgets where a former one listened.
fn lock(data_dir: &Path) -> Result<File, Failure> {
    create_data_dir(data_dir)?;
    let path = data_dir.join(LOCK_FILE);
    let file = File::create(&path).map_err(Failure::file(&path))?;
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Failure::InUse(data_dir.to_owned()),
        TryLockError::Error(source) => Failure::File { path, source },
    })?;
    let addresses = data_dir.join(ADDRESSES_FILE);
    match std::fs::remove_file(&addresses) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::file(&addresses)(error)),
        Ok(()) | Err(_) => Ok(file),
    }
}

async fn embedded(config: &config::EmbeddedRealm, store: &Store, catalog: &Catalog) -> Result<RealmHandle, Failure> {
    let start = config.start.clone().unwrap_or_else(|| catalog.start());
    Realm::spawn(config.clone(), store.clone(), start, CancellationToken::new())
        .await
        .map_err(|error| Failure::Realm(format!("{error:#}")))
}

fn relay(config: &config::Relay, events: mpsc::Sender<FleetEvent>) -> Result<RelayHandle, Failure> {
    Relay::spawn(config, events, &CancellationToken::new()).map_err(|source| Failure::Bind {
        setting: "relay.listen",
        address: config.listen,
        source,
    })
}

/// Where players' gateways lead their clients.
fn gateways(config: &Config, realm: &Option<RealmHandle>, relay: &RelayHandle) -> Result<Arc<Gateways>, Failure> {
    let (login, char_server) = match (&config.realm, realm) {
        (config::Realm::Rathena(realm), _) => (realm.login.clone(), realm.char_server.clone()),
        (config::Realm::Embedded(_), Some(realm)) => {
            (Servers::local(realm.login_addr()), Servers::local(realm.char_addr()))
        }
        (config::Realm::Embedded(_), None) => unreachable!("the embedded realm was started before"),
    };
    let relay_address = public(config.relay.public.unwrap_or_else(|| relay.local_addr()))?;
    let servers = Servers { login, char_server, relay: relay_address, entrance: relay.entrance() };
    Ok(Gateways::new(servers, Duration::from_millis(config.link.reconnect_ms.into())))
}

fn nodes(
    config: &Config,
    identity: &Arc<Identity>,
    store: &Store,
    events: mpsc::Sender<FleetEvent>,
    database: Arc<database::relay::Relay>,
    gateways: Arc<Gateways>,
) -> Result<NodesHandle, Failure> {
    let identity = Arc::clone(identity);
    let engine = config.engine_build();
    let layouts = Layouts { packetver: engine.packetver, renewal: engine.renewal };
    let token = CancellationToken::new();
    let services = Services { layouts, database: Some(database), gateways: Some(gateways) };
    let nodes = Nodes::spawn(&config.link, identity, store.clone(), events, services, &token);
    nodes.map_err(|error| match error {
        NodesError::Bind { address, source } => Failure::Bind { setting: "link.listen", address, source },
        NodesError::Identity(error) => error.into(),
        NodesError::Cipher(_) => Failure::Identity(crate::identity::IdentityError::Tls(error.to_string())),
    })
}

#[expect(clippy::too_many_arguments, reason = "the last step of the recipe needs all that came before")]
async fn fleet(
    config: &Config,
    identity: &Identity,
    realm: &Option<RealmHandle>,
    relay: &RelayHandle,
    (catalog, economy): (Catalog, Option<Economy>),
    store: &Store,
    bundles: watch::Receiver<Arc<bundles::Index>>,
    events: mpsc::Receiver<FleetEvent>,
) -> Result<RunningFleet, Failure> {
    let (char_server, user, password) = match (&config.realm, realm) {
        (config::Realm::Rathena(realm), _) => {
            (realm.char_server.clone(), realm.user.clone(), Secret::new(realm.password.clone()))
        }
        (config::Realm::Embedded(_), Some(realm)) => {
            let (user, password) = realm.inter_credentials();
            (realm.char_addr().to_string(), user, password)
        }
        (config::Realm::Embedded(_), None) => unreachable!("the embedded realm was started just before"),
    };
    let parts = FleetParts {
        config,
        public: public(config.relay.public.unwrap_or_else(|| relay.local_addr()))?,
        char_server,
        user,
        password: password.into_inner(),
        bundles,
        pseudonym_key: identity.pseudonym_key(),
        catalog: Arc::new(catalog),
        store: store.clone(),
        economy,
        audit_seed: rand::random(),
        events,
    };
    Ok(fleet::spawn(parts, CancellationToken::new()).await?)
}

fn public(address: SocketAddr) -> Result<SocketAddrV4, Failure> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(address) => Err(Failure::Usage(format!("relay.public: {address} is no IPv4 address"))),
    }
}

fn proof(config: &Config, realm: &Option<RealmHandle>) -> Result<AccountProof, Failure> {
    match (&config.realm, realm) {
        (config::Realm::Rathena(config::RathenaRealm { database: Some(url), .. }), _) => AccountDatabase::new(url)
            .map(AccountProof::Database)
            .map_err(|_| Failure::Usage("realm.database: this is no URL of a MySQL database".to_owned())),
        (config::Realm::Rathena(realm), _) => Ok(AccountProof::Login(LoginServer { address: realm.login.clone() })),
        (config::Realm::Embedded(_), Some(realm)) => Ok(AccountProof::Embedded(realm.accounts())),
        (config::Realm::Embedded(_), None) => unreachable!("the embedded realm was started before"),
    }
}

fn https(config: &config::Http, deps: Deps) -> Result<HttpHandle, Failure> {
    let operators = config.certificate.as_deref().zip(config.key.as_deref());
    let tls = deps.identity.https_config(operators)?;
    http::spawn(config.listen, tls, deps, &CancellationToken::new()).map_err(|source| Failure::Bind {
        setting: "http.listen",
        address: config.listen,
        source,
    })
}

fn write_addresses(path: &Path, addresses: &Addresses) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(addresses).map_err(|error| Failure::file(path)(error.into()))?;
    write_private(path, &text).map_err(Failure::file(path))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_data_folder_serves_one_coordinator_at_a_time() {
        let dir = TempDir::new().expect("folder");
        let data_dir = dir.path().join("data");
        let first = lock(&data_dir).expect("free");
        let refused = lock(&data_dir).expect_err("taken").to_string();
        assert_eq!(refused, format!("data_dir: {} is used by another coordinator", data_dir.display()));
        drop(first);
        lock(&data_dir).expect("free again");
    }

    #[test]
    fn nobody_is_led_to_where_a_former_coordinator_listened() {
        let dir = TempDir::new().expect("folder");
        let stale = dir.path().join(ADDRESSES_FILE);
        std::fs::write(&stale, "{}").expect("written");
        let _lock = lock(dir.path()).expect("free");
        assert!(!stale.exists());
    }

    #[test]
    fn the_certificate_is_valid_for_every_address_it_is_shown_at() {
        let mut config = Config::default();
        config.http.names = vec!["bifrost.example".into()];
        config.http.listen = "192.0.2.7:443".parse().expect("address");
        config.link.listen = "0.0.0.0:443".parse().expect("address");
        assert_eq!(names(&config), ["192.0.2.7", "bifrost.example"]);
    }

    #[test]
    fn new_characters_start_where_one_can_stand() {
        let mut config = Config::default();
        let start = catalog(&config).expect("built-in maps").start();
        let outside = bifrost_protocol::ids::MapPoint { x: u16::MAX, ..start.clone() };
        for (start, fine) in [(start, true), (outside, false)] {
            let realm = config::EmbeddedRealm { start: Some(start), ..config::EmbeddedRealm::default() };
            config.realm = config::Realm::Embedded(realm);
            assert_eq!(catalog(&config).is_ok(), fine);
        }
    }
}
