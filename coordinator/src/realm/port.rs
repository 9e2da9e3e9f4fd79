//! A public TCP port: who may connect, how packets are read from a client, how long it may take.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifrost_protocol::DecodeError;
use bifrost_protocol::frame::LengthTable;
use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Most connections to one port.
const MAX_CONNECTIONS: usize = 4_096;

/// Most connections to one port from one address. Players behind one router share it.
const MAX_PER_ADDRESS: usize = 512;

/// How long the port rests when the system has no more sockets for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a peer may leave what it is sent unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a connection is closed.
#[derive(Debug, Error)]
pub(super) enum LineError {
    /// No whole packet came in time.
    #[error("no whole packet within {0:?}")]
    Silent(Duration),
    /// What came is no packet of this port.
    #[error(transparent)]
    Garbage(#[from] DecodeError),
    /// The packet does not belong here, or asks for what is off.
    #[error("packet 0x{0:04x} is not expected here")]
    Unexpected(u16),
    /// The peer does not read.
    #[error("the peer does not read")]
    Unread,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] std::io::Error),
}

impl LineError {
    /// For metrics.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Silent(_) => "silent",
            Self::Garbage(_) => "garbage",
            Self::Unexpected(_) => "unexpected",
            Self::Unread => "unread",
            Self::Broken(_) => "broken",
        }
    }
}

/// Accepts connections until cancelled, and runs `serve` for each.
pub(super) async fn accept<F, S>(
    port: &'static str,
    listener: TcpListener,
    tracker: TaskTracker,
    token: CancellationToken,
    serve: S,
) where
    F: Future<Output = Result<(), LineError>> + Send + 'static,
    S: Fn(TcpStream, SocketAddr) -> F,
{
    let admission = Arc::new(Admission::default());
    loop {
        let accepted = tokio::select! {
            biased;
            () = token.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(port, %error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = Admission::admit(&admission, peer.ip()) else {
            metrics::counter!("bifrost_realm_refused_total", "port" => port).increment(1);
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(port, %error, "cannot set TCP_NODELAY");
        }
        let connection = serve(stream, peer);
        tracker.spawn(async move {
            let _place = place;
            if let Err(error) = connection.await {
                metrics::counter!("bifrost_realm_closed_total", "port" => port, "why" => error.code()).increment(1);
                tracing::debug!(port, %peer, %error, "connection closed");
            }
        });
    }
}

/// How many connections there are, overall and by address.
#[derive(Debug, Default)]
struct Admission {
    connections: Mutex<HashMap<IpAddr, usize>>,
}

struct Place(Arc<Admission>, IpAddr);

impl Admission {
    fn admit(this: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut connections = this.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = connections.values().sum();
        if all >= MAX_CONNECTIONS {
            return None;
        }
        let count = connections.entry(address).or_insert(0);
        if *count >= MAX_PER_ADDRESS {
            return None;
        }
        *count += 1;
        Some(Place(Arc::clone(this), address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.0.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = connections.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                connections.remove(&self.1);
            }
        }
    }
}

/// The reading half of a connection, cut into packets.
#[derive(Debug)]
pub(super) struct Line<R> {
    reader: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Line<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new() }
    }

    /// What stands outside of packets.
    #[cfg(test)]
    pub(super) const fn reader(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The next whole packet; none at the end of the stream. Cancel-safe, but cancelling starts the wait over.
    ///
    /// The buffer never holds more than one packet of the table's limit and what came with it in one read.
    pub(super) async fn next(&mut self, table: &LengthTable, wait: Duration) -> Result<Option<Bytes>, LineError> {
        let read = async {
            loop {
                if let Some(packet) = table.next(&mut self.buffer)? {
                    return Ok(Some(packet));
                }
                if self.reader.read_buf(&mut self.buffer).await? == 0 {
                    return Ok(None);
                }
            }
        };
        tokio::time::timeout(wait, read).await.unwrap_or(Err(LineError::Silent(wait)))
    }
}

/// Writes whole packets.
pub(super) async fn send(writer: &mut (impl AsyncWrite + Unpin), packets: &[u8]) -> Result<(), LineError> {
    match tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(packets)).await {
        Ok(written) => written.map_err(LineError::Broken),
        Err(_) => Err(LineError::Unread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_places() {
        let admission = Arc::new(Admission::default());
        let (greedy, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let places: Vec<_> =
            (0..MAX_PER_ADDRESS).map(|_| Admission::admit(&admission, greedy).expect("room")).collect();
        assert!(Admission::admit(&admission, greedy).is_none());
        assert!(Admission::admit(&admission, other).is_some());
        drop(places);
        assert!(admission.connections.lock().expect("lock").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_trickles_bytes_is_cut_off_in_time() {
        let (mut client, server) = tokio::io::duplex(64);
        let trickle = async {
            for byte in [0x65, 0, 1] {
                client.write_all(&[byte]).await.expect("writes");
                tokio::time::sleep(Duration::from_secs(4)).await;
            }
        };
        let mut line = Line::new(server);
        let table = bifrost_protocol::client::client_to_char();
        let (result, ()) = tokio::join!(line.next(table, Duration::from_secs(10)), trickle);
        assert!(matches!(result, Err(LineError::Silent(_))), "{result:?}");
    }
}
