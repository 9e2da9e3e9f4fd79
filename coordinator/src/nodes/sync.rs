//! Sync streams: what embedded engines report, and the fleet's answers.

use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;

use bifrost_protocol::control::{EngineDown, EngineOrder, EngineUp, MAX_HEADER, MAX_MESSAGE_UP, SyncOpen, delimited};
use bifrost_protocol::ids::{Epoch, GroupName};
use quinn::SendStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::link::{End, HEADER_TIMEOUT, Link};
use super::messages::Messages;
use super::refusal::Refusal;
use crate::fleet::NodeEvent;
use crate::identity::Scope;

/// Orders that may wait for an engine. The fleet drops the stream of one that does not keep up.
const ORDER_QUEUE: usize = 256;
/// How long the fleet's last answers may take after the engine has ended its side.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves one sync stream.
pub(super) async fn serve(link: &Link, mut send: SendStream, mut messages: Messages) -> Result<(), End> {
    let open = match timeout(HEADER_TIMEOUT, messages.next::<SyncOpen>(MAX_HEADER)).await {
        Ok(Ok(Some(open))) => open,
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(refusal)) => return Err(End::Refused(refusal)),
        Err(_) => return link.refuse(send, messages, Refusal::SlowHeader),
    };
    if let Err(refusal) = link.authorise_stream(&open.token, Scope::Sync) {
        return link.refuse(send, messages, refusal);
    }
    let (group, epoch) = (GroupName(open.group), Epoch(open.epoch));
    let (orders, queue) = mpsc::channel(ORDER_QUEUE);
    let stream = orders.downgrade();
    if !link.outlet.tell(NodeEvent::SyncOpened { group: group.clone(), epoch, orders }).await {
        return Ok(());
    }
    let mut answers = pin!(write(&mut send, queue));
    let ended = tokio::select! {
        biased;
        ended = read(link, &mut messages, &group, epoch) => Some(ended),
        // The fleet has dropped the stream, or the engine does not listen.
        () = &mut answers => None,
    };
    if let Some(Err(refusal)) = ended {
        if refusal != Refusal::Truncated {
            return Err(End::Refused(refusal));
        }
        refusal.count();
    }
    link.outlet.tell(NodeEvent::SyncClosed { group, orders: stream }).await;
    if ended.is_some() {
        let _unsent = timeout(LAST_ANSWERS, answers).await;
    }
    Ok(())
}

/// Passes on what the engine says until it ends its side.
async fn read(link: &Link, messages: &mut Messages, group: &GroupName, epoch: Epoch) -> Result<(), Refusal> {
    while let Some(message) = messages.next::<EngineUp>(MAX_MESSAGE_UP).await? {
        // A kind that a newer engine knows is passed over.
        let Some(says) = message.says else { continue };
        let allowed = link.sync_allowance.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        if !allowed {
            return Err(Refusal::Chatty);
        }
        if !link.outlet.tell(NodeEvent::Engine { group: group.clone(), epoch, says }).await {
            break;
        }
    }
    Ok(())
}

/// Writes orders until the fleet drops its end or the engine does not take them.
async fn write(send: &mut SendStream, mut orders: mpsc::Receiver<EngineOrder>) {
    while let Some(order) = orders.recv().await {
        if send.write_all(&delimited(&EngineDown { says: Some(order) })).await.is_err() {
            return;
        }
    }
}
