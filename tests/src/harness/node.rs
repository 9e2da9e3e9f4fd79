//! A node of a deployment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::gateway::plug;
use super::{Process, Program};

/// How a node proves that it may register, as environment.
pub(super) const PASSWORD: &str = "BIFROST_NODE__PROOF__PASSWORD";
const INVITATION: &str = "BIFROST_NODE__PROOF__INVITATION";

/// A node's process, and how to start it again.
#[derive(Debug)]
pub struct Node {
    /// The process.
    pub process: Process,
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
}

/// Where a node runs, and for whom.
pub(super) struct Seat<'a> {
    /// Its folder of logs and state.
    pub(super) folder: &'a Path,
    /// What it is called.
    pub(super) name: &'a str,
    /// The coordinator's HTTPS API.
    pub(super) coordinator: &'a str,
    /// The coordinator's CA.
    pub(super) ca: &'a Path,
    /// Further settings.
    pub(super) environment: Vec<(String, String)>,
}

impl Node {
    /// Starts a player's node, registering with a game account.
    pub(super) fn player(mut seat: Seat<'_>, account: (&str, &str)) -> Result<Self> {
        let arguments = ["--username".to_owned(), account.0.to_owned()];
        seat.environment.push((PASSWORD.to_owned(), account.1.to_owned()));
        Self::start(seat, &arguments)
    }

    /// Starts a fallback node, registering with an invitation.
    pub(super) fn fallback(mut seat: Seat<'_>, invitation: &str) -> Result<Self> {
        // An operator's machine, not a household's line.
        let arguments = ["--max-players".to_owned(), "10000".to_owned()];
        seat.environment.push((INVITATION.to_owned(), invitation.to_owned()));
        Self::start(seat, &arguments)
    }

    fn start(seat: Seat<'_>, further: &[String]) -> Result<Self> {
        let mut arguments = arguments(&seat);
        arguments.extend_from_slice(further);
        let Seat { folder, name, environment, .. } = seat;
        let process = Process::start(name, &Program::Node.path()?, &arguments, environment.clone(), folder)?;
        Ok(Self { process, name: name.to_owned(), arguments, environment, folder: folder.to_owned() })
    }

    /// Starts the process again with what it left in its folder.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start_again(&mut self) -> Result<()> {
        let program = Program::Node.path()?;
        self.process = Process::start(&self.name, &program, &self.arguments, self.environment.clone(), &self.folder)?;
        Ok(())
    }

    /// From its next start on it reaches the coordinator's link by this address.
    ///
    /// # Errors
    /// It has not registered yet.
    pub fn plug(&self, cable: SocketAddr) -> Result<()> {
        plug(&self.state_dir().join("credentials.json"), cable)
    }

    /// The name it registers with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id the coordinator gave it, once it has registered.
    #[must_use]
    pub fn host_id(&self) -> Option<String> {
        let text = std::fs::read(self.state_dir().join("credentials.json")).ok()?;
        let held: serde_json::Value = serde_json::from_slice(&text).ok()?;
        held["credentials"]["host_id"].as_str().map(str::to_owned)
    }

    /// Its folder of key and credentials.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.folder.join(format!("{}.state", self.name))
    }
}

/// What a node is told of where it runs and for whom.
pub(super) fn arguments(seat: &Seat<'_>) -> Vec<String> {
    let state = seat.folder.join(format!("{}.state", seat.name));
    let pairs = [
        ("--coordinator", seat.coordinator.to_owned()),
        ("--ca-file", seat.ca.display().to_string()),
        ("--state-dir", state.display().to_string()),
        ("--name", seat.name.to_owned()),
    ];
    pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}
