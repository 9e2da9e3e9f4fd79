//! The engine's side of a client's connection: a game stream, the opening of one, or none.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bifrost_protocol::control::{GameOpen, StreamCode};
use bifrost_protocol::ids::{HostId, SessionId};
use quinn::{RecvStream, SendStream};

use super::reason::LostReason;
use super::rules::Refused;
use crate::nodes::NodeHandle;

/// How long a node may take to grant a game stream and take its header.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);

/// Who takes a client's packets.
#[derive(Debug)]
pub(super) enum Engine {
    /// Nobody yet: what the client sends waits.
    Awaited,
    /// A game stream is being opened: what the client sends waits.
    Opening(Opening),
    /// An engine.
    Attached(Stream),
    /// Nobody: what the client sends is answered here or dropped.
    Held,
}

/// A game stream that is being opened.
pub(super) struct Opening {
    session: SessionId,
    host: HostId,
    stock: bool,
    streams: Pin<Box<Streams>>,
}

/// Both halves of a game stream, if they come.
type Streams = dyn Future<Output = Option<(SendStream, RecvStream)>> + Send;

/// A session's game stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) session: SessionId,
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    /// Whether it is a stock map-server's, which speaks of other servers on its own.
    pub(super) stock: bool,
    host: HostId,
}

impl Engine {
    /// Starts to open a game stream.
    pub(super) fn open(node: NodeHandle, open: Box<GameOpen>) -> Self {
        let (session, host, stock) = (SessionId(open.session), node.host.clone(), !open.enter.is_empty());
        let streams = async move { tokio::time::timeout(OPEN_TIMEOUT, node.open_game(&open)).await.ok()?.ok() };
        Self::Opening(Opening { session, host, stock, streams: Box::pin(streams) })
    }

    /// Goes on opening. `None` while there is nothing new.
    ///
    /// # Errors
    /// The session whose stream cannot be opened.
    pub(super) fn poll_open(&mut self, context: &mut Context<'_>) -> Option<Result<(), SessionId>> {
        let Self::Opening(opening) = self else { return None };
        let Poll::Ready(streams) = opening.streams.as_mut().poll(context) else { return None };
        let (session, stock) = (opening.session, opening.stock);
        let Some((send, recv)) = streams else { return Some(Err(session)) };
        *self = Self::Attached(Stream { session, send, recv, stock, host: opening.host.clone() });
        Some(Ok(()))
    }

    /// Tells the engine that the client is gone. It may still have something to say.
    pub(super) fn finish(&mut self) {
        if let Self::Attached(stream) = self {
            // Fails only when the stream is over already.
            let _over = stream.send.finish();
        }
    }

    /// Leaves the engine although the client is still there.
    pub(super) fn detach(self, code: StreamCode) {
        if let Self::Attached(mut stream) = self {
            let code = quinn::VarInt::from_u32(code.into());
            // Fails only when the stream is over already.
            let _over = (stream.send.reset(code), stream.recv.stop(code));
        }
    }
}

impl Stream {
    /// Records that the host sent what no map-server sends.
    pub(super) fn misbehaved(&self, refused: &Refused) -> LostReason {
        tracing::warn!(host = %self.host, session = %self.session, %refused, "host misbehaved on a game stream");
        LostReason::Misbehaved
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Opening").field("session", &self.session).field("host", &self.host).finish_non_exhaustive()
    }
}
