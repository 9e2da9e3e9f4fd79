//! Everything from nothing to a welcomed connection: credentials, the machine's benchmark, dialling.

use std::sync::Arc;

use bifrost_protocol::control::{Benchmark, Hello, PROTOCOL_VERSION};
use thiserror::Error;
use tokio::sync::watch;

use super::identity::{Identity, IdentityError};
use super::link::{Dial, LinkError, Welcomed};
use super::state::{Age, Held, unix_now};
use crate::bench;
use crate::engine::Directory;
use crate::node::NodeState;

/// One try to get connected.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) identity: Identity,
    pub(crate) directory: Directory,
    pub(crate) state: watch::Sender<NodeState>,
    /// Everything of it but token and benchmark.
    pub(crate) hello: Hello,
    /// The machine's own numbers, if they are known already.
    pub(crate) machine: Option<Benchmark>,
    /// The whole benchmark of an earlier start, if it still counts.
    pub(crate) kept: Option<Benchmark>,
    /// How many game streams may be open at once.
    pub(crate) max_streams: u32,
    /// Whether the credentials at hand were refused.
    pub(crate) replace: bool,
}

/// A connection, and what was learnt on the way.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) welcomed: Welcomed,
    pub(crate) machine: Benchmark,
    /// The credentials it was made with.
    pub(crate) held: Arc<Held>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum AttemptError {
    /// No credentials.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No link.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Attempt {
    /// Registers or renews if it has to, measures the machine if nobody has, and dials.
    pub(crate) async fn run(self) -> Result<Box<Connected>, AttemptError> {
        let registered = self.identity.held().is_some_and(|held| held.age(unix_now()) != Age::Expired);
        if !registered || self.replace {
            self.state.send_replace(NodeState::Registering);
        }
        let held = if self.replace { self.identity.replace().await? } else { self.identity.obtain().await? };
        let machine = match self.machine.or(self.kept) {
            Some(machine) => machine,
            None => {
                self.state.send_replace(NodeState::Benchmarking);
                bench::machine().await
            }
        };
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            token: held.credentials.token.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            benchmark: self.kept,
            abi: bifrost_protocol::layout::Abi::here().map(|abi| abi.name().to_owned()).unwrap_or_default(),
            ..self.hello
        };
        let dial =
            Dial { identity: &self.identity, held: &held, directory: &self.directory, max_streams: self.max_streams };
        let welcomed = dial.connect(hello).await?;
        Ok(Box::new(Connected { welcomed, machine, held }))
    }
}
