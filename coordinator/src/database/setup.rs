//! From the configuration to a running relay.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bifrost_protocol::Secret;
use reqwest::Url;
use tokio::sync::mpsc;

use super::backend::Backend;
use super::embedded::Embedded;
use super::policy::{DEFAULT_POLICY, Policy};
use super::relay::{Admission, Relay, Violations, Whose};
use super::upstream::{Databases, Tls, Upstream, UpstreamConfig};
use crate::config;
use crate::failure::Failure;
use crate::fleet::{FleetEvent, FleetHandle, LinkId, NodeEvent};
use crate::store::Store;

/// The port of MySQL and MariaDB.
const PORT: u16 = 3306;
/// The longest policy file, in bytes.
const MAX_POLICY: u64 = 1024 * 1024;

/// The fleet's word on who may use a group's rows. Until it is known, nobody may.
#[derive(Debug, Default)]
pub struct FleetAdmission(OnceLock<FleetHandle>);

impl FleetAdmission {
    /// From now on this fleet is asked.
    pub fn set(&self, fleet: FleetHandle) {
        // Set once, when the fleet starts.
        let _before = self.0.set(fleet);
    }
}

#[async_trait]
impl Admission for FleetAdmission {
    async fn admits(&self, whose: &Whose) -> bool {
        match self.0.get() {
            Some(fleet) => fleet.may_write(whose.link, whose.group.clone(), whose.epoch).await,
            None => false,
        }
    }
}

/// Tells the fleet of hosts that break the rules: too many times, and they carry nothing any more.
#[derive(Debug)]
pub struct FleetStanding(pub mpsc::Sender<FleetEvent>);

#[async_trait]
impl Violations for FleetStanding {
    async fn violation(&self, link: LinkId, rule: &'static str) {
        // Fails when the fleet has ended.
        let _ended = self.0.send(FleetEvent::Node(link, NodeEvent::Violation { rule })).await;
    }
}

/// Reads the policy again at every SIGHUP.
pub async fn reload_on_hangup(relay: Arc<Relay>) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            let relay = Arc::clone(&relay);
            // A file is read; what is wrong with it has been logged.
            let _read = tokio::task::spawn_blocking(move || relay.reload()).await;
        }
    }
    #[cfg(not(unix))]
    drop(relay);
}

/// The relay: to the database that is configured, or to the coordinator's own store.
///
/// # Errors
/// The address makes no sense, or the policy cannot be read.
pub fn open(
    config: &config::Database,
    store: &Store,
    admission: Arc<FleetAdmission>,
    standing: FleetStanding,
) -> Result<Arc<Relay>, Failure> {
    let policy = match &config.policy {
        Some(path) => read_policy(path)?,
        None => {
            Policy::read(DEFAULT_POLICY).map_err(|error| Failure::Usage(format!("the policy that ships: {error}")))?
        }
    };
    let relay = Relay::new(policy, backend(config, store)?, config.limits, admission, Some(Arc::new(standing)));
    Ok(Arc::new(relay.with_source(config.policy.clone())))
}

fn backend(config: &config::Database, store: &Store) -> Result<Backend, Failure> {
    if config.url.is_empty() {
        tracing::info!("SQL of map-servers is answered from the coordinator's own store");
        return Ok(Backend::Store(Embedded::new(store.clone())));
    }
    let primary = named("database.url", &config.url, config)?;
    let replica = match config.replica.as_str() {
        "" => None,
        url => Some(named("database.replica", url, config)?),
    };
    Ok(Backend::Database(Box::new(Databases::new(primary, replica))))
}

/// Reads a policy file.
///
/// # Errors
/// It cannot be read, or is no policy: then everything that is wrong, with file, line and column.
pub fn read_policy(path: &Path) -> Result<Policy, Failure> {
    let text = read_bounded(path)?;
    Policy::read(&text).map_err(|error| {
        let problems = error.problems.iter().map(|problem| format!("{}:{problem}", path.display()));
        Failure::Usage(problems.collect::<Vec<_>>().join("\n"))
    })
}

fn read_bounded(path: &Path) -> Result<String, Failure> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(Failure::file(path))?;
    file.take(MAX_POLICY + 1).read_to_string(&mut text).map_err(Failure::file(path))?;
    Ok(text)
}

fn named(key: &str, url: &str, config: &config::Database) -> Result<Upstream, Failure> {
    let upstream = upstream(url, config)
        .ok_or_else(|| Failure::Usage(format!("{key}: expected `mysql://USER:PASSWORD@HOST/DATABASE`")))?;
    tracing::info!(key, database = upstream.database, address = upstream.address, "SQL of map-servers is relayed");
    Ok(Upstream::new(upstream))
}

fn upstream(url: &str, config: &config::Database) -> Option<UpstreamConfig> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "mysql" | "mariadb"))?;
    let database = decode(url.path().strip_prefix('/')?)?;
    let host = url.host_str().filter(|host| !host.is_empty())?;
    Some(UpstreamConfig {
        address: format!("{host}:{}", url.port().unwrap_or(PORT)),
        user: decode(url.username())?,
        password: Secret::new(decode(url.password().unwrap_or_default())?),
        database: Some(database).filter(|name| !name.is_empty())?,
        connections: config.connections,
        tls: config.tls_ca.clone().map_or(Tls::Off, Tls::Verified),
        statement_timeout: Duration::from_millis(config.statement_ms.into()),
    })
}

/// Text with `%HH` in it.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(after.get(..2)?, 16).ok()?);
        rest = after.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_who_and_which_database() {
        let url = |url: &str| upstream(url, &config::Database::default());
        let full = url("mysql://bif%40rost:p%2Fw@db.example:3307/ragnarok").expect("an address");
        assert_eq!(
            (full.address.as_str(), full.user.as_str(), full.database.as_str()),
            ("db.example:3307", "bif@rost", "ragnarok")
        );
        assert_eq!(full.password.expose(), "p/w");
        assert_eq!(url("mariadb://u@[::1]/r").expect("an address").address, "[::1]:3306");
        for wrong in ["", "mysql://host", "mysql://u@host/", "postgres://u@host/r", "mysql://u:%zz@host/r", "nonsense"]
        {
            assert!(url(wrong).is_none(), "{wrong}");
        }
    }
}
