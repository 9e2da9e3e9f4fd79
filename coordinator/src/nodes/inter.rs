//! Inter streams: the char-server link of one stock map-server, both ways.
//!
//! Saves are rebuilt here, off the fleet's task: a difference costs some 100 microseconds. What the fleet gets is whole
//! packets in the canonical layout; what it orders is brought into the engine's.

use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;

use bifrost_protocol::DecodeError;
use bifrost_protocol::control::{
    EngineRefused, InterDown, InterOpen, InterOrder, InterSays, InterUp, MAX_HEADER, MAX_INTER, SaveBundle, WholeSave,
    delimited,
};
use bifrost_protocol::ids::{CharacterId, Epoch, GroupName};
use prost::Message;
use quinn::SendStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::link::{End, HEADER_TIMEOUT, Link};
use super::messages::Messages;
use super::refusal::Refusal;
use super::saves::Rebuilder;
use crate::fleet::{InterEvent, NodeEvent};
use crate::identity::Scope;

/// Packets that may wait for an engine: inventory, cart and the rest of all players of a large host that arrive at once.
/// The fleet drops the stream of one that does not keep up.
const ORDER_QUEUE: usize = 8_192;
/// How long the last packets for an engine may take after it has ended its side.
const LAST_PACKETS: Duration = Duration::from_secs(2);

/// Serves one inter stream.
pub(super) async fn serve(link: &Link, mut send: SendStream, mut messages: Messages) -> Result<(), End> {
    let open = match timeout(HEADER_TIMEOUT, messages.next::<InterOpen>(MAX_HEADER)).await {
        Ok(Ok(Some(open))) => open,
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(refusal)) => return Err(End::Refused(refusal)),
        Err(_) => return link.refuse(send, messages, Refusal::SlowHeader),
    };
    if let Err(refusal) = link.authorise_stream(&open.token, Scope::Inter) {
        return link.refuse(send, messages, refusal);
    }
    let build = open.build.clone().unwrap_or_default();
    let (group, epoch) = (GroupName(open.group), Epoch(open.epoch));
    let layout = match link.layouts.of(&build) {
        Ok(layout) => layout,
        Err(reason) => {
            tracing::warn!(%group, reason, "engine refused");
            metrics::counter!("bifrost_engine_refused_total").increment(1);
            let refused = InterDown { says: Some(InterOrder::Refused(EngineRefused { reason })) };
            // A node that does not read it learns by the stream's end.
            let _unread = send.write_all(&delimited(&refused)).await;
            let _ended = send.finish();
            return Ok(());
        }
    };
    let (orders, queue) = mpsc::channel(ORDER_QUEUE);
    let stream = orders.downgrade();
    let opened =
        NodeEvent::InterOpened { group: group.clone(), epoch, instance: open.instance, orders: orders.clone() };
    if !link.outlet.tell(opened).await {
        return Ok(());
    }
    let mut reader = Reader { link, group: group.clone(), instance: open.instance, layout, orders: orders.downgrade() };
    drop(orders);
    let layout = reader.layout.clone();
    let mut packets = pin!(write(&mut send, queue, &layout));
    let ended = tokio::select! {
        biased;
        ended = reader.read(&mut messages) => Some(ended),
        // The fleet has dropped the stream, or the engine does not listen.
        () = &mut packets => None,
    };
    if let Some(Err(refusal)) = ended {
        if refusal != Refusal::Truncated {
            return Err(End::Refused(refusal));
        }
        refusal.count();
    }
    link.outlet.tell(NodeEvent::InterClosed { group, orders: stream }).await;
    if ended.is_some() {
        let _unsent = timeout(LAST_PACKETS, packets).await;
    }
    Ok(())
}

/// The engine's side of a stream.
struct Reader<'a> {
    link: &'a Link,
    group: GroupName,
    instance: u64,
    layout: super::layouts::Layout,
    orders: mpsc::WeakSender<InterOrder>,
}

impl Reader<'_> {
    /// Passes on what the engine says until it ends its side.
    async fn read(&mut self, messages: &mut Messages) -> Result<(), Refusal> {
        let mut saves = Rebuilder::default();
        while let Some(message) = messages.next::<InterUp>(MAX_INTER).await? {
            // A kind that a newer node knows is passed over.
            let Some(says) = message.says else { continue };
            let allowance = &self.link.inter_allowance;
            if !allowance.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) {
                return Err(Refusal::Chatty);
            }
            let event = match says {
                InterSays::Packet(packet) => readable(self.layout.canonical(&packet.into()).map(InterEvent::Packet)),
                InterSays::Entered(who) => InterEvent::Entered(who),
                InterSays::Save(save) => {
                    metrics::histogram!("bifrost_save_bytes").record(wire_bytes(&save));
                    let character = CharacterId(save.character);
                    match saves.rebuild(&save) {
                        Ok(packets) => {
                            let all = self.layout.canonical_all(&packets);
                            readable(all.map(|packets| InterEvent::Save { character, packets }))
                        }
                        Err(error) => {
                            tracing::warn!(group = %self.group, character = save.character, %error, "save discarded");
                            metrics::counter!("bifrost_saves_torn_total").increment(1);
                            self.ask_for_whole(save.character);
                            continue;
                        }
                    }
                }
            };
            let last = matches!(event, InterEvent::Unreadable(_));
            let (group, instance) = (self.group.clone(), self.instance);
            if !self.link.outlet.tell(NodeEvent::Inter { group, instance, event }).await || last {
                break;
            }
        }
        Ok(())
    }

    fn ask_for_whole(&self, character: u32) {
        if let Some(orders) = self.orders.upgrade() {
            // A queue that is full ends the stream soon, and a new one starts with whole saves anyway.
            let _full = orders.try_send(InterOrder::Whole(WholeSave { character }));
        }
    }
}

/// What of an engine's bytes cannot be read is the fleet's to judge: its node may be as surprised.
fn readable(event: Result<InterEvent, DecodeError>) -> InterEvent {
    event.unwrap_or_else(|error| {
        Refusal::Garbage.count();
        InterEvent::Unreadable(error.to_string())
    })
}

/// What a save took on the wire: its message with the length before it.
fn wire_bytes(save: &SaveBundle) -> f64 {
    let len = save.encoded_len();
    u32::try_from(len + prost::length_delimiter_len(len)).map_or(f64::INFINITY, f64::from)
}

/// Writes packets until the fleet drops its end or the node does not take them.
async fn write(send: &mut SendStream, mut orders: mpsc::Receiver<InterOrder>, layout: &super::layouts::Layout) {
    while let Some(order) = orders.recv().await {
        let order = match order {
            InterOrder::Packet(packet) => match layout.for_engine(&packet.into()) {
                Ok(packet) => InterOrder::Packet(packet.into()),
                Err(error) => {
                    // Ours, or the char-server's: the engine does without.
                    tracing::error!(%error, "packet cannot be brought into the engine's layout");
                    continue;
                }
            },
            other @ (InterOrder::Whole(_) | InterOrder::Refused(_)) => other,
        };
        if send.write_all(&delimited(&InterDown { says: Some(order) })).await.is_err() {
            return;
        }
    }
}
