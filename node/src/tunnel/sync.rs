//! A group's sync stream: opened again and again, as long as its engine runs, on whatever connection there is.

use std::time::Duration;

use bifrost_protocol::control::{EngineDown, EngineSays, EngineUp, MAX_MESSAGE, StreamKind, SyncOpen, delimited};
use bifrost_protocol::ids::{Epoch, GroupName};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::messages::MessageReader;
use crate::agent::Identity;
use crate::backoff::Backoff;
use crate::engine::ToEngine;

/// How many messages may wait for a slow line. When they do not fit, the stream is dropped and starts over with a full
/// sync: what changed meanwhile is in there once.
const SYNC_QUEUE: usize = 256;
/// Waits between attempts on a living connection: the coordinator may be busy taking the lease in.
const REOPEN: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
/// How long the end of a stopped engine's state may take to arrive.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the coordinator's last acknowledgements are waited for, once it has everything.
const READ_ON: Duration = Duration::from_millis(500);

/// What a sync stream is opened with.
#[derive(Debug)]
pub(crate) struct SyncStream {
    /// For the host token, which may be renewed meanwhile.
    pub(crate) identity: Identity,
    /// The group.
    pub(crate) group: GroupName,
    /// The epoch of its lease.
    pub(crate) epoch: Epoch,
    /// The engine.
    pub(crate) engine: mpsc::Sender<ToEngine>,
    /// The connection, when there is one that this lease goes on with.
    pub(crate) links: watch::Receiver<Option<Connection>>,
}

impl SyncStream {
    /// Carries the engine's state until the engine ends. The last of it is on its way then, if there is a way.
    pub(crate) async fn run(mut self) {
        let mut backoff = REOPEN;
        loop {
            let Some(connection) = self.next_link().await else { return };
            let Some(said) = self.attach().await else { return };
            match self.serve(&connection, said).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    debug!(group = %self.group, epoch = self.epoch.0, error, "sync stream ended");
                    self.wait(&connection, backoff.after_failure(rand::random())).await;
                }
            }
        }
    }

    /// A connection to open the stream on; `None` when the engine ended before there was one.
    async fn next_link(&mut self) -> Option<Connection> {
        tokio::select! {
            biased;
            () = self.engine.closed() => None,
            link = self.links.wait_for(Option::is_some) => link.ok()?.clone(),
        }
    }

    /// Asks the engine to speak; it begins with a full sync. `None` when it has ended.
    async fn attach(&self) -> Option<mpsc::Receiver<EngineSays>> {
        let (says, said) = mpsc::channel(SYNC_QUEUE);
        self.engine.send(ToEngine::SyncOpened { says }).await.ok()?;
        Some(said)
    }

    async fn serve(&self, connection: &Connection, said: mpsc::Receiver<EngineSays>) -> Result<(), String> {
        let (mut send, recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
        let token = self.identity.held().map(|held| held.credentials.token.clone()).unwrap_or_default();
        let header = SyncOpen { token, group: self.group.0.clone(), epoch: self.epoch.0 };
        let header = [&[StreamKind::Sync as u8], &delimited(&header)[..]].concat();
        send.write_all(&header).await.map_err(|error| error.to_string())?;
        let mut orders = std::pin::pin!(self.read(recv));
        tokio::select! {
            biased;
            written = write(&mut send, said) => written?,
            problem = &mut orders => return Err(problem),
        }
        // Acknowledgements may still come; the coordinator ends its side when it has said all.
        drop(tokio::time::timeout(READ_ON, orders).await);
        Ok(())
    }

    /// Orders for the engine. Returns why there are no more.
    async fn read(&self, recv: RecvStream) -> String {
        let mut orders = MessageReader::<_, EngineDown>::new(recv, MAX_MESSAGE);
        loop {
            match orders.next().await {
                Ok(Some(EngineDown { says: Some(order) })) => {
                    if self.engine.send(ToEngine::Order(order)).await.is_err() {
                        debug!(group = %self.group, "order for an engine that has ended");
                    }
                }
                Ok(Some(EngineDown { says: None })) => debug!("unknown order passed over"),
                Ok(None) => return "the coordinator closed it".into(),
                Err(error) => {
                    warn!(group = %self.group, %error, "sync stream broke");
                    return error.to_string();
                }
            }
        }
    }

    /// Until it is worth another try: later, or on another connection.
    async fn wait(&mut self, connection: &Connection, wait: Duration) {
        let alive = connection.close_reason().is_none();
        tokio::select! {
            biased;
            () = self.engine.closed() => {}
            _ = self.links.changed() => {}
            () = tokio::time::sleep(wait), if alive => {}
        }
    }
}

/// Writes until the engine stops speaking, then waits until the coordinator has all of it.
async fn write(send: &mut SendStream, mut said: mpsc::Receiver<EngineSays>) -> Result<(), String> {
    while let Some(says) = said.recv().await {
        let message = delimited(&EngineUp { says: Some(says) });
        send.write_chunk(message).await.map_err(|error| error.to_string())?;
    }
    send.finish().map_err(|error| error.to_string())?;
    match tokio::time::timeout(FLUSH_TIMEOUT, send.stopped()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its end was not confirmed in time".into()),
    }
}
