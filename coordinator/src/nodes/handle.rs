//! What the fleet and the relay can do with a connected node.

use bifrost_protocol::control::{Beat, CoordinatorSays, GameOpen, StreamKind, delimited};
use bifrost_protocol::ids::HostId;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use crate::fleet::LinkId;

/// A connected node. Cheap to clone; does not keep the connection alive.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    /// Who it is.
    pub host: HostId,
    /// Which of its connections this is.
    pub link: LinkId,
    /// The machine, as bundles name it.
    pub abi: String,
    control: mpsc::Sender<CoordinatorSays>,
    beats: watch::Receiver<Beat>,
    connection: quinn::Connection,
}

impl NodeHandle {
    /// How many control messages may wait for a slow node before it is disconnected.
    pub const CONTROL_QUEUE: usize = 2_048;

    pub(crate) fn new(
        host: HostId,
        link: LinkId,
        abi: String,
        control: mpsc::Sender<CoordinatorSays>,
        beats: watch::Receiver<Beat>,
        connection: quinn::Connection,
    ) -> Self {
        Self { host, link, abi, control, beats, connection }
    }

    /// The latest heartbeat, if one has come since the last time this was asked. Only the latest counts, so beats wait in no
    /// queue that somebody else could fill.
    pub fn beat(&mut self) -> Option<Beat> {
        let new = self.beats.has_changed().unwrap_or(false);
        new.then(|| *self.beats.borrow_and_update())
    }

    /// Sends a control message. A node that does not read its control stream is disconnected: it could not be told to stop.
    /// A `Farewell` is the last message: the connection is closed behind it.
    pub fn tell(&self, says: CoordinatorSays) {
        match self.control.try_send(says) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.close("refused", "control stream is not being read"),
            // The link is over: its `Closed` event is on the way.
            Err(TrySendError::Closed(_)) => {}
        }
    }

    /// Opens a game stream and sends its header.
    ///
    /// # Errors
    /// The connection is gone or has reached its stream limit for good.
    pub async fn open_game(
        &self,
        open: &GameOpen,
    ) -> Result<(quinn::SendStream, quinn::RecvStream), quinn::WriteError> {
        let (mut send, recv) = self.connection.open_bi().await.map_err(quinn::WriteError::ConnectionLost)?;
        // One write, so that the header travels as one packet.
        send.write_all(&[&[StreamKind::Game as u8], delimited(open).as_ref()].concat()).await?;
        Ok((send, recv))
    }

    /// Cuts the connection at once: nothing of it is accepted from now on.
    pub fn close(&self, code: &str, reason: &str) {
        tracing::info!(host = %self.host, code, reason, "closing node connection");
        self.connection.close(quinn::VarInt::from_u32(1), format!("{code}: {reason}").as_bytes());
    }

    /// The transport's own estimate of the round trip.
    #[must_use]
    pub fn round_trip(&self) -> std::time::Duration {
        self.connection.rtt()
    }
}
