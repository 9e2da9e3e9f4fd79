//! What the fleet can do with a connected game client.

use bifrost_protocol::control::GameOpen;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::nodes::NodeHandle;

/// A game client's connection. Cheap to clone. When the last clone is dropped the client is closed, unless it was redirected.
#[derive(Clone, Debug)]
pub struct ClientHandle {
    orders: mpsc::Sender<ToClient>,
    overrun: CancellationToken,
}

/// What the fleet orders a client's connection to do, in order.
#[derive(Debug)]
pub enum ToClient {
    /// Open a game stream to this node and pump whole packets both ways.
    Attach {
        /// The node.
        node: NodeHandle,
        /// The stream's header.
        open: Box<GameOpen>,
    },
    /// Write these whole packets.
    Send(Bytes),
    /// Take nothing more from the engine and give it nothing more; keep the client, answer its pings.
    Hold,
    /// Hold, write these packets (0x0ac7) on a packet boundary, and wait for the client to leave.
    Redirect(Bytes),
    /// Write these packets, if any, and close.
    Close(Option<Bytes>),
}

impl ClientHandle {
    /// How many orders may wait for a client that does not read before it is closed.
    pub const ORDER_QUEUE: usize = 32;

    /// A handle and the queue its connection reads.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<ToClient>) {
        let (orders, queue) = mpsc::channel(Self::ORDER_QUEUE);
        (Self { orders, overrun: CancellationToken::new() }, queue)
    }

    /// Gives an order. `false` when the connection is gone or does not take orders any more: its `Closed` event follows.
    pub fn tell(&self, order: ToClient) -> bool {
        let taken = self.orders.try_send(order).is_ok();
        if !taken {
            self.overrun.cancel();
        }
        taken
    }

    /// Cancelled when an order found no room: the connection cannot go on without it.
    pub(super) fn overrun(&self) -> CancellationToken {
        self.overrun.clone()
    }
}
