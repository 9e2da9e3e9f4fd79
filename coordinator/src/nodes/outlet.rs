//! Where a link's events leave for the fleet.

use quinn::Connection;
use tokio::sync::mpsc;

use crate::fleet::{FleetEvent, LinkId, NodeEvent};

/// Tells the fleet what comes from one link, and nothing from the moment that link is closed.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    pub(super) link: LinkId,
    pub(super) connection: Connection,
    pub(super) events: mpsc::Sender<FleetEvent>,
}

impl Outlet {
    /// Tells the fleet; waits while its queue is full, which the node feels as flow control. `false` when the link is closed.
    pub(super) async fn tell(&self, event: NodeEvent) -> bool {
        let permit = tokio::select! {
            biased;
            _reason = self.connection.closed() => return false,
            permit = self.events.reserve() => permit,
        };
        match permit {
            // Bytes that had arrived can still be read from a closed connection: they count for nothing.
            Ok(permit) if self.connection.close_reason().is_none() => {
                permit.send(FleetEvent::Node(self.link, event));
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Tells the fleet that the link is over: the one event that a closed link still has.
    pub(super) async fn tell_closed(&self, reason: String) {
        // Fails only when the fleet has ended.
        let _ended = self.events.send(FleetEvent::Node(self.link, NodeEvent::Closed { reason })).await;
    }
}
