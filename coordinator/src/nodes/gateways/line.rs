//! One line: a server of the realm at its near end, a gateway's streams at the other.

use std::future::poll_fn;
use std::sync::Arc;

use bifrost_line::{Carrier, Tap, Wake};
use bifrost_protocol::control::{LineAnswer, LineKind, StreamCode, delimited};
use bifrost_protocol::ids::HostId;
use bytes::{Bytes, BytesMut};
use quinn::{RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, Join, join};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::places::Reading;
use super::{Gateways, Trouble};

/// A server's end.
pub(super) type Near = Box<dyn Socket>;

/// What a server is spoken with through.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// A stream that is to carry a line.
#[derive(Debug)]
pub(super) struct Joining {
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    /// What has been read behind the header.
    pub(super) rest: BytesMut,
    /// How much of the line the gateway has received.
    pub(super) received: u64,
}

impl Joining {
    /// Tells the gateway why there is no such line.
    pub(super) async fn refuse(mut self, trouble: Trouble) {
        trouble.count();
        let answer = LineAnswer { problem: trouble.label().into(), received: 0 };
        // A gateway that is gone does not need to know.
        let _gone = self.send.write_all(&delimited(&answer)).await;
        let _over = (self.send.finish(), self.recv.stop(quinn::VarInt::from_u32(StreamCode::Refused.into())));
        let _unread = tokio::time::timeout(super::STOP_GRACE, self.send.stopped()).await;
    }
}

/// Watches for servers that the client is sent to.
struct Watch<'a> {
    gateways: &'a Gateways,
    host: &'a HostId,
    reading: Reading,
}

impl Tap for Watch<'_> {
    fn heard_near(&mut self, bytes: &[u8]) {
        self.reading.read(bytes, |kind, server| self.gateways.name(self.host, kind, server));
    }

    fn heard_far(&mut self, bytes: Bytes, inbox: &mut BytesMut) {
        inbox.extend_from_slice(&bytes);
    }
}

type Line<'a> = Carrier<Near, Join<RecvStream, SendStream>, Watch<'a>>;

/// Carries a line to its end, or until its gateway has been away for too long.
pub(super) async fn carry(
    gateways: &Arc<Gateways>,
    host: &HostId,
    kind: LineKind,
    near: Near,
    first: Joining,
    mut streams: mpsc::Receiver<Joining>,
    stop: &CancellationToken,
) {
    let mut line = Carrier::new(near, Watch { gateways, host, reading: Reading::of(kind) });
    let mut lost = None;
    let mut joining = Some(first);
    loop {
        if let Some(stream) = joining.take() {
            match attach(&mut line, stream) {
                Ok(()) => lost = None,
                Err(error) => {
                    tracing::info!(%error, "line of a gateway given up");
                    return Trouble::Misbehaved.count();
                }
            }
        }
        let expires = lost.map_or_else(Instant::now, |lost| lost + gateways.window);
        let wake = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(stream) = streams.recv() => {
                joining = Some(stream);
                continue;
            }
            () = tokio::time::sleep_until(expires), if lost.is_some() => return Trouble::Expired.count(),
            wake = poll_fn(|context| line.poll(context)) => wake,
        };
        match wake {
            Wake::Over => return,
            Wake::StreamLost => lost = Some(Instant::now()),
            Wake::Misbehaved(error) => {
                tracing::info!(%error, "line of a gateway given up");
                return Trouble::Misbehaved.count();
            }
        }
    }
    if gateways.frozen.is_cancelled() {
        // The server's end stays open until the server is stopped, so that it does not take the client for gone.
        line.detach();
        gateways.stopped.cancelled().await;
    }
}

fn attach(line: &mut Line<'_>, stream: Joining) -> Result<(), bifrost_line::LineError> {
    let Joining { send, recv, rest, received } = stream;
    let answer = LineAnswer { problem: String::new(), received: line.received() };
    line.attach(join(recv, send), &delimited(&answer), rest, received)
}
