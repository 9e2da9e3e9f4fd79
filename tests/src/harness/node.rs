//! A node of a deployment.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Process, Program};

/// How a node proves that it may register, as environment.
const PASSWORD: &str = "BIFROST_NODE__PROOF__PASSWORD";
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

impl Node {
    /// Starts a player's node, registering with a game account.
    pub(super) fn player(
        folder: &Path,
        name: &str,
        coordinator: &str,
        ca: &Path,
        account: (&str, &str),
    ) -> Result<Self> {
        let mut arguments = arguments(folder, name, coordinator, ca);
        arguments.extend(["--username".to_owned(), account.0.to_owned()]);
        Self::start(folder, name, arguments, vec![(PASSWORD.to_owned(), account.1.to_owned())])
    }

    /// Starts a fallback node, registering with an invitation.
    pub(super) fn fallback(folder: &Path, name: &str, coordinator: &str, ca: &Path, invitation: &str) -> Result<Self> {
        let mut arguments = arguments(folder, name, coordinator, ca);
        // An operator's machine, not a household's line.
        arguments.extend(["--max-players".to_owned(), "10000".to_owned()]);
        Self::start(folder, name, arguments, vec![(INVITATION.to_owned(), invitation.to_owned())])
    }

    fn start(folder: &Path, name: &str, arguments: Vec<String>, environment: Vec<(String, String)>) -> Result<Self> {
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

fn arguments(folder: &Path, name: &str, coordinator: &str, ca: &Path) -> Vec<String> {
    let state = folder.join(format!("{name}.state"));
    let pairs = [
        ("--coordinator", coordinator.to_owned()),
        ("--ca-file", ca.display().to_string()),
        ("--state-dir", state.display().to_string()),
        ("--name", name.to_owned()),
    ];
    pairs.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}
