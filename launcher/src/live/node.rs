//! The embedded node: its configuration, its life, and proving an account with it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bifrost_node::config::{EngineConfig, Limits, NodeConfig, Proof, Trust};
use bifrost_node::{Node, NodeState, StopCode};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::realm_api::RealmApi;
use crate::app::Inbox;
use crate::controller::refusal;
use crate::event::{Account, Event};
use crate::files;
use crate::realm::Realm;
use crate::view::{Problem, ProblemCode, Trouble};

/// How long proving an account may take: the coordinator checks a password within a second or two.
const PROVE_LIMIT: Duration = Duration::from_secs(20);
/// Map groups a player's PC takes on at most.
const MAX_GROUPS: usize = 64;
/// How much stock map-servers give way here: the kernel gives a game nine times their share where both want all of a core.
const ENGINE_NICE: u8 = 10;
/// The node's credentials, and its key.
const CREDENTIALS: &str = "credentials.json";
const KEY: &str = "host.key";
/// Whose key it is.
const OWNER: &str = "owner";

/// The node's part of the state folder.
pub(super) fn folder(state: &Path) -> PathBuf {
    state.join("node")
}

/// A node for this realm and account.
pub(super) fn config(realm: &Realm, account: &Account, folder: &Path, players: u32) -> NodeConfig {
    let name = match account.name() {
        "" => "launcher".to_owned(),
        name => name.chars().take(NodeConfig::MAX_NAME / 4).collect(),
    };
    NodeConfig {
        coordinator: realm.description.coordinator.trim_end_matches('/').to_owned(),
        trust: Trust::Ca(realm.description.ca.clone()),
        state_dir: folder.to_owned(),
        proof: Some(match account {
            Account::Game { username, password } => {
                Proof::Account { username: username.clone(), password: password.clone() }
            }
            Account::Invitation(code) => Proof::Invitation(code.clone()),
        }),
        name,
        limits: Limits { groups: MAX_GROUPS, players },
        engine: EngineConfig { nice: ENGINE_NICE, ..EngineConfig::default() },
    }
}

/// A running node, told about by events. Dropping it ends the node in order: engines say their last words.
#[derive(Debug)]
pub(super) struct NodeTask {
    drain: mpsc::Sender<()>,
    stop: CancellationToken,
}

impl NodeTask {
    pub(super) fn start(config: NodeConfig, inbox: Inbox, tasks: &TaskTracker, stop: &CancellationToken) -> Self {
        let stop = stop.child_token();
        let (drain, drains) = mpsc::channel(1);
        tasks.spawn(follow(config, inbox, drains, stop.clone()));
        Self { drain, stop }
    }

    /// Asks the coordinator to take everything away.
    pub(super) fn drain(&self) {
        // A full queue holds the same order already.
        let _asked = self.drain.try_send(());
    }
}

impl Drop for NodeTask {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn follow(config: NodeConfig, inbox: Inbox, mut drains: mpsc::Receiver<()>, stop: CancellationToken) {
    let mut node = Node::spawn(config, stop);
    let mut state = node.state();
    loop {
        tokio::select! {
            biased;
            (code, why) = node.ended() => {
                inbox.tell(Event::NodeEnded { code, why }).await;
                return;
            }
            Some(()) = drains.recv() => node.drain("the player switched hosting off"),
            Ok(()) = state.changed() => {
                let state = state.borrow_and_update().clone();
                inbox.tell(Event::Way(node.way())).await;
                inbox.tell(Event::Node(state)).await;
            }
        }
    }
}

/// Proves an account by registering this PC with it.
pub(super) async fn prove(realm: &Realm, account: &Account, folder: &Path, api: &RealmApi) -> Result<(), Problem> {
    api.status().await.map_err(|problem| {
        let code = match problem.trouble {
            Trouble::Certificate => ProblemCode::CertificateChanged,
            Trouble::Me | Trouble::Network | Trouble::Realm => ProblemCode::Unreachable,
        };
        Problem::new(code, problem.detail)
    })?;
    claim(folder, &owner(realm, account)).map_err(|error| Problem::new(ProblemCode::DiskFull, error.to_string()))?;
    let stop = CancellationToken::new();
    let mut node = Node::spawn(config(realm, account, folder, 1), stop);
    let mut state = node.state();
    let registered = |state: &NodeState| match state {
        NodeState::Offline | NodeState::Registering | NodeState::Stopped { .. } => false,
        NodeState::Benchmarking | NodeState::Connected { .. } | NodeState::Hosting { .. } | NodeState::Draining => true,
    };
    let outcome = tokio::select! {
        biased;
        Ok(_) = state.wait_for(registered) => Ok(()),
        (code, why) = node.ended() => Err(refused(code, why)),
        () = tokio::time::sleep(PROVE_LIMIT) => Err(Problem::new(
            // The one reason for which the coordinator answers, and does not say no.
            ProblemCode::AccountInGame,
            format!("no answer within {} s", PROVE_LIMIT.as_secs()),
        )),
    };
    node.shutdown().await;
    outcome
}

fn refused(code: StopCode, why: String) -> Problem {
    match code {
        StopCode::NotRegistered => Problem::new(refusal(&why), why),
        StopCode::Revoked => Problem::new(ProblemCode::Revoked, why),
        StopCode::Asked | StopCode::DrainTimeout | StopCode::Replaced | StopCode::Failed => {
            Problem::new(ProblemCode::Internal, why)
        }
    }
}

/// Ends what the last sign-in has brought. The key stays: with it this PC is the same host to the realm when the same
/// account comes back, and an account has only so many hosts.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    files::remove(&folder.join(CREDENTIALS))
}

/// Prepares the folder for an account: another one gets a key of its own.
fn claim(folder: &Path, owner: &str) -> io::Result<()> {
    forget(folder)?;
    let file = folder.join(OWNER);
    if std::fs::read_to_string(&file).is_ok_and(|found| found == owner) {
        return Ok(());
    }
    files::remove(&folder.join(KEY))?;
    files::write_private(&file, owner.as_bytes())
}

/// Stands for a realm and an account, without naming them.
fn owner(realm: &Realm, account: &Account) -> String {
    let text = format!("{}\0{}", realm.description.coordinator, account.name());
    hex::encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()))
}

/// This PC's credentials, as the node keeps them.
pub(super) fn credentials(folder: &Path) -> Option<bifrost_protocol::api::Credentials> {
    #[derive(serde::Deserialize)]
    struct Held {
        credentials: bifrost_protocol::api::Credentials,
    }
    let text = std::fs::read(folder.join(CREDENTIALS)).ok()?;
    serde_json::from_slice::<Held>(&text).ok().map(|held| held.credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_account_keeps_its_key_and_another_one_gets_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name| std::fs::write(folder.path().join(name), name).expect("written");
        let has = |name| folder.path().join(name).exists();
        claim(folder.path(), "mimi").expect("claimed");
        write(KEY);
        write(CREDENTIALS);
        claim(folder.path(), "mimi").expect("claimed");
        assert!(has(KEY) && !has(CREDENTIALS));
        write(CREDENTIALS);
        forget(folder.path()).expect("forgotten");
        assert!(has(KEY) && !has(CREDENTIALS));
        claim(folder.path(), "poring").expect("claimed");
        assert!(!has(KEY));
    }
}
