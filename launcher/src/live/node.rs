//! The embedded node: its configuration, its life, and proving an account with it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bifrost_node::config::{Limits, NodeConfig, Proof, Trust};
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
/// Files of the node that belong to the account that is signed in.
const OF_ACCOUNT: [&str; 3] = ["credentials.json", "host.key", "pinned-ca.json"];

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
    forget(folder).map_err(|error| Problem::new(ProblemCode::DiskFull, error.to_string()))?;
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

/// Removes what belongs to the account. The benchmark is the machine's, and stays.
pub(super) fn forget(folder: &Path) -> io::Result<()> {
    OF_ACCOUNT.iter().try_for_each(|name| files::remove(&folder.join(name)))
}

/// This PC's credentials, as the node keeps them.
pub(super) fn credentials(folder: &Path) -> Option<bifrost_protocol::api::Credentials> {
    #[derive(serde::Deserialize)]
    struct Held {
        credentials: bifrost_protocol::api::Credentials,
    }
    let text = std::fs::read(folder.join("credentials.json")).ok()?;
    serde_json::from_slice::<Held>(&text).ok().map(|held| held.credentials)
}
