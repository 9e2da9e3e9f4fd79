//! The loopback port and its connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bifrost_protocol::mysql::{Framing, ServerError, code, make_room};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::credentials::nonce;
use super::relay::Relay;
use super::session::{Flow, Session};
use super::{Shared, Streams};

/// The most connections at once. A map-server has three.
const MAX_CONNECTIONS: usize = 16;
/// How long a client may take to be let in.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may leave an answer unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the port rests when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What is read at once, and kept while a connection is idle.
const READ_BYTES: usize = 4 * 1024;

/// Accepts connections until cancelled; then closes all of them.
pub(super) async fn run(
    listener: TcpListener,
    shared: Shared,
    streams: Option<Arc<dyn Streams>>,
    stop: CancellationToken,
) {
    let (tracker, places) = (TaskTracker::new(), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut connection = 0_u32;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept connections to the database");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        connection = connection.wrapping_add(1);
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            shared.counters.turned_away.fetch_add(1, Ordering::Relaxed);
            turn_away(&stream);
            continue;
        };
        let (shared, stop) = (shared.clone(), stop.child_token());
        let relay = streams.clone().map(|streams| Relay::new(streams, Arc::clone(&shared.counters.lost)));
        tracker.spawn(async move {
            let _place = place;
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                ended = serve(stream, shared, relay.as_ref(), connection) => if let Err(error) = ended {
                    debug!(%error, connection, "database connection broke");
                },
            }
            if let Some(relay) = relay {
                relay.finish().await;
            }
        });
    }
    tracker.close();
    tracker.wait().await;
}

/// Says that there are too many, if that can be said without waiting.
fn turn_away(stream: &TcpStream) {
    let mut out = BytesMut::new();
    let error = ServerError::new(code::TOO_MANY_CONNECTIONS, "too many connections");
    Framing::new(0).put(&mut out, &error.encode());
    if let Err(error) = stream.try_write(&out) {
        debug!(%error, "a client was turned away without a word");
    }
}

async fn serve(mut stream: TcpStream, shared: Shared, relay: Option<&Relay>, connection: u32) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut out) = (BytesMut::with_capacity(READ_BYTES), BytesMut::new());
    let mut session = Session::open(shared, connection, nonce(), &mut out);
    let mut flow = Flow::Entering;
    let entered = tokio::time::Instant::now() + LOGIN_TIMEOUT;
    loop {
        if let Some(relay) = relay {
            session.told().into_iter().for_each(|commands| relay.tell(commands));
            if let Some((commands, answer)) = session.question() {
                // What came before is not held back by what has to be waited for.
                write(&mut stream, &mut out).await?;
                session.answered(relay.ask(commands, answer).await, &mut out);
                flow = session.take(&mut input, &mut out);
                continue;
            }
        }
        write(&mut stream, &mut out).await?;
        if flow == Flow::Over {
            return stream.shutdown().await;
        }
        make_room(&mut input, READ_BYTES);
        let read = stream.read_buf(&mut input);
        let read = match flow {
            Flow::Entering => tokio::time::timeout_at(entered, read).await.map_err(|_| io::ErrorKind::TimedOut)??,
            Flow::Open | Flow::Asking | Flow::Over => read.await?,
        };
        if read == 0 {
            return Ok(());
        }
        flow = session.take(&mut input, &mut out);
    }
}

async fn write(stream: &mut TcpStream, out: &mut BytesMut) -> io::Result<()> {
    tokio::time::timeout(WRITE_TIMEOUT, stream.write_all(out)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    out.clear();
    make_room(out, READ_BYTES);
    Ok(())
}
