//! What the coordinator says of itself over HTTPS.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::eventually;

/// `GET /v1/status`, as far as it is used here.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Whether the char-server has taken the fleet in.
    pub char_server: bool,
    /// Players in game.
    pub players: usize,
    /// Players held without an engine.
    pub limbo: usize,
    /// Connected hosts.
    pub hosts: Vec<Host>,
    /// Map groups.
    pub groups: Vec<Group>,
    /// The latest changes of hosts, oldest first.
    pub failovers: Vec<Failover>,
}

/// A connected host.
#[derive(Clone, Debug, Deserialize)]
pub struct Host {
    /// Host id.
    pub host: String,
    /// `player` or `fallback`.
    pub kind: String,
    /// Whether it may carry groups.
    pub eligible: bool,
    /// Whether it is being emptied.
    pub draining: bool,
    /// Rules it broke since it connected.
    pub violations: u64,
}

/// A map group.
#[derive(Clone, Debug, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `critical` or `eligible`.
    pub class: String,
    /// Its maps.
    pub maps: Vec<String>,
    /// Who carries it.
    pub host: Option<String>,
    /// `vacant`, `awaited`, `starting`, `live`, `emptying`.
    pub state: String,
    /// The lease's epoch.
    pub epoch: u64,
    /// Players on it.
    pub players: usize,
    /// Engines that stand by for it.
    pub standbys: Vec<Standby>,
    /// Why an engine of it could not start or go on, last.
    pub problem: Option<String>,
}

/// An engine that stands by.
#[derive(Clone, Debug, Deserialize)]
pub struct Standby {
    /// Where.
    pub host: String,
    /// Whether it could take the group at once.
    pub ready: bool,
}

/// One change of hosts, in its six steps.
#[derive(Clone, Debug, Deserialize)]
pub struct Failover {
    /// `host_lost`, `drain`, ...
    pub cause: String,
    /// The host that was lost.
    pub host: String,
    /// The groups it carried.
    pub groups: Vec<String>,
    /// Players it carried over.
    pub players: usize,
    /// Whether every player is accounted for.
    pub done: bool,
    /// The steps. `detect` is the silence before suspicion, all others count from there.
    pub steps: Vec<Step>,
    /// From detection to each player's redirect, in milliseconds.
    pub redirect_ms: Vec<f64>,
    /// From detection to each player in play again, in milliseconds.
    pub back_ms: Vec<f64>,
    /// Players that did not come back, and why.
    pub missing: Vec<String>,
}

/// A step of a failover.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Step {
    /// detect, transition, notify, redirect, sync, verify.
    pub name: String,
    /// Milliseconds; none while it is under way.
    pub ms: Option<f64>,
}

impl Status {
    /// The group that has a map.
    #[must_use]
    pub fn group_of(&self, map: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.maps.iter().any(|found| found == map))
    }

    /// The id of the host that carries a map and is ready for players.
    #[must_use]
    pub fn host_of(&self, map: &str) -> Option<&str> {
        self.group_of(map).filter(|group| group.is_live())?.host.as_deref()
    }

    /// Whether a host is connected.
    #[must_use]
    pub fn is_connected(&self, host: &str) -> bool {
        self.hosts.iter().any(|found| found.host == host)
    }
}

impl Group {
    /// Whether its engine is ready for players.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.state == "live"
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
