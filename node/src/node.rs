//! A node as its owner sees it: started with a configuration, watched, drained, stopped.

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span};

use crate::agent::{Agent, Order, Stop};
use crate::config::NodeConfig;
use crate::engine::Sources;
use crate::within::Way;

/// A node. The type only groups its start; what runs is held by the [`NodeHandle`].
#[derive(Clone, Copy, Debug)]
pub struct Node;

/// What a node is doing.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum NodeState {
    /// No link to the coordinator; it is being tried.
    Offline,
    /// Asks the coordinator for credentials.
    Registering,
    /// Measures the machine.
    Benchmarking,
    /// Connected, and carries nothing.
    Connected {
        /// Why the coordinator would give it nothing now; empty when it may host.
        not_eligible: Vec<String>,
    },
    /// Carries map groups.
    Hosting {
        /// How many.
        groups: usize,
        /// Players on all of them.
        players: u32,
    },
    /// Gives everything away.
    Draining,
    /// It has ended and does nothing any more.
    Stopped {
        /// Stable, for programs.
        code: StopCode,
        /// For people.
        why: String,
    },
}

/// Why a node has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCode {
    /// Its owner asked for it.
    Asked,
    /// The coordinator did not take everything away in time.
    DrainTimeout,
    /// There are no credentials, and somebody has to do something about it.
    NotRegistered,
    /// The operator has revoked the host.
    Revoked,
    /// Another node runs with the same identity.
    Replaced,
    /// A fault of the program.
    Failed,
}

/// A running node. Dropping it stops the node at once, without a goodbye.
#[derive(Debug)]
pub struct NodeHandle {
    state: watch::Receiver<NodeState>,
    way: watch::Receiver<Way>,
    orders: mpsc::Sender<Order>,
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Node {
    /// Starts a node within the current tokio runtime. Cancelling `stop` is [`NodeHandle::shutdown`].
    #[must_use]
    pub fn spawn(config: NodeConfig, stop: CancellationToken) -> NodeHandle {
        Self::spawn_with(config, None, stop)
    }

    /// The same, with bundles and databases from elsewhere, if they are given.
    pub(crate) fn spawn_with(config: NodeConfig, sources: Option<Sources>, stop: CancellationToken) -> NodeHandle {
        let (sender, state) = watch::channel(NodeState::Offline);
        let (ways, way) = watch::channel(Way::default());
        let (orders, received) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(run(config, sources, (sender, ways), received, stop.clone()));
        NodeHandle { state, way, orders, stop, task }
    }
}

impl NodeHandle {
    /// What the node is doing, now and whenever it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<NodeState> {
        self.state.clone()
    }

    /// How the coordinator was reached last.
    #[must_use]
    pub fn way(&self) -> Way {
        *self.way.borrow()
    }

    /// Asks the coordinator to take everything away, and stops when it has, or when that takes too long.
    pub fn drain(&self, reason: &str) {
        // A full queue holds the same order already.
        let _asked = self.orders.try_send(Order::Drain { reason: reason.to_owned() });
    }

    /// Stops now: engines say their last words, then the connection is closed. Returns when all of it is done.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        self.ended().await;
    }

    /// Waits until the node has stopped, for whatever reason. Cancel safe.
    pub async fn ended(&mut self) -> (StopCode, String) {
        if let Some(Err(error)) = self.task.join_next().await {
            return (StopCode::Failed, error.to_string());
        }
        match &*self.state.borrow() {
            NodeState::Stopped { code, why } => (*code, why.clone()),
            NodeState::Offline
            | NodeState::Registering
            | NodeState::Benchmarking
            | NodeState::Connected { .. }
            | NodeState::Hosting { .. }
            | NodeState::Draining => (StopCode::Failed, "ended without saying why".into()),
        }
    }
}

async fn run(
    config: NodeConfig,
    sources: Option<Sources>,
    (state, way): (watch::Sender<NodeState>, watch::Sender<Way>),
    orders: mpsc::Receiver<Order>,
    stop: CancellationToken,
) {
    let span = info_span!("node", node.name = config.name, node.id = tracing::field::Empty);
    let Stop { code, why } = match Agent::new(config, sources, (state.clone(), way), orders, stop) {
        Ok(agent) => agent.run().instrument(span).await,
        Err(error) => Stop { code: StopCode::NotRegistered, why: error.to_string() },
    };
    match code {
        StopCode::Asked => info!(why, "node stopped"),
        StopCode::DrainTimeout
        | StopCode::NotRegistered
        | StopCode::Revoked
        | StopCode::Replaced
        | StopCode::Failed => error!(?code, why, "node stopped"),
    }
    state.send_replace(NodeState::Stopped { code, why });
}
