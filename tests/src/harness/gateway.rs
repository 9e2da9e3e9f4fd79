//! A player's gateway, and the cable it is plugged in with.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::node::{PASSWORD, Seat, arguments};
use super::{Process, Program, eventually};

/// How long a gateway may take to listen, or to connect: a debug build on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Where a gateway listens: what it prints.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct GatewayAddresses {
    /// In place of the login-server.
    pub login: SocketAddr,
    /// In place of the char-server.
    #[serde(rename = "char")]
    pub char_server: SocketAddr,
    /// In place of the relay.
    pub map: SocketAddr,
}

/// What a gateway says of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct GatewayStatus {
    /// Whether the coordinator is reached now.
    pub connected: bool,
    /// How: `quic` or `tls`.
    pub transport: String,
    /// Round trip to it, in microseconds.
    pub round_trip_us: u32,
    /// Game connections.
    pub clients: usize,
    /// How often its connection was made again.
    pub reconnects: u32,
}

/// A gateway's process.
#[derive(Debug)]
pub struct Gateway {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub addresses: GatewayAddresses,
    status_file: PathBuf,
    credentials: PathBuf,
}

impl Gateway {
    /// Starts a gateway that registers with a game account, and waits until it is connected. With `cable`, it reaches the
    /// coordinator's link by that address.
    pub(super) async fn start(mut seat: Seat<'_>, account: (&str, &str), cable: Option<SocketAddr>) -> Result<Self> {
        seat.environment.push((PASSWORD.to_owned(), account.1.to_owned()));
        let gateway = Self::spawn(&seat, account.0).await?;
        gateway.until("connected", |status| status.connected).await?;
        let Some(cable) = cable else { return Ok(gateway) };
        drop(gateway);
        plug(&credentials(&seat), cable)?;
        let gateway = Self::spawn(&seat, account.0).await?;
        gateway.until("connected by cable", |status| status.connected).await?;
        Ok(gateway)
    }

    async fn spawn(seat: &Seat<'_>, username: &str) -> Result<Self> {
        let status_file = seat.folder.join(format!("{}.status", seat.name));
        let _ = std::fs::remove_file(&status_file);
        let mut all = vec!["play".to_owned()];
        all.extend(arguments(seat));
        all.extend(["--username".to_owned(), username.to_owned()]);
        all.extend(["--status-file".to_owned(), status_file.display().to_string()]);
        // What a former start has printed there is not true any more.
        let _ = std::fs::remove_file(seat.folder.join(format!("{}.log", seat.name)));
        let environment = seat.environment.clone();
        let mut process = Process::start(seat.name, &Program::Node.path()?, &all, environment, seat.folder)?;
        let addresses = eventually("the gateway's addresses", LIMIT, async || {
            if !process.is_running() {
                bail!("the gateway has ended:\n{}", process.log_end());
            }
            Ok(process.log_text().lines().find_map(|line| serde_json::from_str(line).ok()))
        });
        let addresses = addresses.await?;
        Ok(Self { process, addresses, status_file, credentials: credentials(seat) })
    }

    /// The id the coordinator gave it.
    #[must_use]
    pub fn host_id(&self) -> Option<String> {
        let held: serde_json::Value = serde_json::from_slice(&std::fs::read(&self.credentials).ok()?).ok()?;
        held["credentials"]["host_id"].as_str().map(str::to_owned)
    }

    /// What it says of itself now.
    #[must_use]
    pub fn status(&self) -> Option<GatewayStatus> {
        serde_json::from_slice(&std::fs::read(&self.status_file).ok()?).ok()
    }

    /// Waits until it says so.
    ///
    /// # Errors
    /// It takes too long.
    pub async fn until(&self, what: &str, wanted: impl Fn(&GatewayStatus) -> bool) -> Result<GatewayStatus> {
        eventually(what, LIMIT, async || Ok(self.status().filter(&wanted)))
            .await
            .with_context(|| format!("the gateway's log ends with:\n{}", self.process.log_end()))
    }
}

fn credentials(seat: &Seat<'_>) -> PathBuf {
    seat.folder.join(format!("{}.state/credentials.json", seat.name))
}

/// Makes the coordinator's link reachable by another address.
pub(super) fn plug(credentials: &Path, cable: SocketAddr) -> Result<()> {
    let text = std::fs::read(credentials).context("there are no credentials yet")?;
    let mut held: serde_json::Value = serde_json::from_slice(&text)?;
    held["credentials"]["link"] = cable.to_string().into();
    Ok(std::fs::write(credentials, serde_json::to_vec(&held)?)?)
}
