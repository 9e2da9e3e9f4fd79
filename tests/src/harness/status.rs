//! What the coordinator says of itself over HTTPS.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::eventually;

/// `GET /v1/status`: hosts, groups, players, the last failovers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Hosts known to the fleet.
    pub hosts: Vec<Host>,
    /// Map groups.
    pub groups: Vec<Group>,
    /// Sessions.
    pub players: Vec<PlayerStatus>,
    /// The latest failovers, oldest first.
    pub failovers: Vec<Failover>,
}

/// A host.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Host {
    /// Host id.
    pub id: String,
    /// The name it registered with.
    pub name: String,
    /// `player` or `fallback`.
    pub kind: String,
    /// Whether it has a living connection.
    pub connected: bool,
}

/// A map group.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `critical` or `eligible`.
    pub class: String,
    /// Its maps.
    pub maps: Vec<String>,
    /// Who carries it.
    pub host: Option<String>,
    /// The lease's epoch.
    pub epoch: u64,
    /// Whether its engine is ready for players.
    pub ready: bool,
    /// Sessions on it.
    pub players: u32,
}

/// A session.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PlayerStatus {
    /// Account id.
    pub account: u32,
    /// Character name.
    pub name: String,
    /// The map it is on.
    pub map: String,
    /// What it is doing: `playing`, ...
    pub state: String,
}

/// One failover, in its six steps.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Failover {
    /// The host that was lost.
    pub host: String,
    /// The groups it carried.
    pub groups: Vec<String>,
    /// The steps with their durations.
    pub steps: Vec<Step>,
    /// From detection to the redirect sent, each session, in milliseconds.
    pub redirect_ms: Vec<f64>,
}

/// A step of a failover.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// detect, transition, notify, redirect, sync, verify.
    pub name: String,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

impl Status {
    /// The group that has a map.
    #[must_use]
    pub fn group_of(&self, map: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.maps.iter().any(|found| found == map))
    }

    /// The name of a host.
    #[must_use]
    pub fn host_name(&self, id: &str) -> Option<&str> {
        self.hosts.iter().find(|host| host.id == id).map(|host| host.name.as_str())
    }

    /// The name of the host that carries a map, if somebody does.
    #[must_use]
    pub fn host_of(&self, map: &str) -> Option<&str> {
        self.host_name(self.group_of(map)?.host.as_deref()?)
    }
}

/// Asks the coordinator over HTTPS, trusting its own CA only.
#[derive(Clone, Debug)]
pub struct StatusClient {
    base: String,
    client: reqwest::Client,
}

impl StatusClient {
    /// A client of the coordinator at `base` (`https://HOST:PORT`) that trusts the CA in `ca`.
    ///
    /// # Errors
    /// The CA cannot be read.
    pub fn new(base: String, ca: &Path) -> Result<Self> {
        // Every process does this once; a second time changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = std::fs::read(ca).with_context(|| format!("reading {}", ca.display()))?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem)?])
            .timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self { base, client })
    }

    /// The coordinator's URL.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The HTTP client, for requests of other kinds.
    #[must_use]
    pub fn http(&self) -> &reqwest::Client {
        &self.client
    }

    /// The whole status.
    ///
    /// # Errors
    /// The coordinator does not answer, or with something else.
    pub async fn get(&self) -> Result<Status> {
        let answer = self.client.get(format!("{}/v1/status", self.base)).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }

    /// Text of any path.
    ///
    /// # Errors
    /// The coordinator does not answer, or with an error.
    pub async fn text(&self, path: &str) -> Result<String> {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// Waits until the status is as wanted. An unanswered request counts as not yet.
    ///
    /// # Errors
    /// It does not become so within `limit`; the error has the last status.
    pub async fn until(&self, what: &str, limit: Duration, wanted: impl Fn(&Status) -> bool) -> Result<Status> {
        let mut last = None;
        let found = eventually(what, limit, async || {
            last = self.get().await.ok();
            Ok(last.clone().filter(|status| wanted(status)))
        })
        .await;
        found.with_context(|| format!("the coordinator's last status: {last:#?}"))
    }
}
