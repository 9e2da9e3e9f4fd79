//! Database streams to the coordinator, for one engine.

use async_trait::async_trait;
use bifrost_protocol::control::{DatabaseOpen, StreamKind, delimited};
use quinn::Connection;
use tokio::sync::watch;

use super::{Stream, Streams};
use crate::agent::Identity;
use crate::engine::Assigned;

/// What streams are opened with.
#[derive(Debug)]
pub(crate) struct CoordinatorStreams {
    /// For the host token, which may be renewed meanwhile.
    pub(crate) identity: Identity,
    /// What the engine is assigned for, as of now.
    pub(crate) assigned: watch::Receiver<Assigned>,
    /// The connection to the coordinator, when there is one that knows of this assignment.
    pub(crate) links: watch::Receiver<Option<Connection>>,
}

#[async_trait]
impl Streams for CoordinatorStreams {
    async fn open(&self) -> Result<Stream, String> {
        let mut links = self.links.clone();
        let connection = links.wait_for(Option::is_some).await.map_err(|error| error.to_string())?.clone();
        let connection = connection.ok_or("the coordinator is away")?;
        let (mut send, recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
        let token = self.identity.held().map(|held| held.credentials.token.clone()).unwrap_or_default();
        let (group, epoch) = self.assigned.borrow().lease.clone();
        let header = DatabaseOpen { token, group: group.0, epoch: epoch.0 };
        let header = [&[StreamKind::Database as u8], &delimited(&header)[..]].concat();
        send.write_all(&header).await.map_err(|error| error.to_string())?;
        Ok((Box::new(recv), Box::new(send)))
    }
}
