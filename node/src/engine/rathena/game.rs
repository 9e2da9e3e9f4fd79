//! One player's game stream on a stock map-server: a TCP connection to the engine, whole packets both ways.
//!
//! The engine cuts clients off whose packets do not arrive in one piece (`clif_parse`), and those who send more than it reads
//! in a turn (its buffer has 2 KiB, `do_sockets`). So every packet is one write, and what has piled up goes out at a pace.

use std::future::Future;
use std::time::Duration;

use bifrost_protocol::DecodeError;
use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{Enter, Loaded};
use bifrost_protocol::client::{client_to_server, server_to_client};
use bifrost_protocol::control::{GameOpen, StreamCode};
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::SessionId;
use bytes::BytesMut;
use quinn::{ReadError, RecvStream, SendStream, VarInt};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::debug;

use super::door::{Door, Visit};

/// How long an engine may take that is being started or promoted.
pub(crate) const ENGINE_PATIENCE: Duration = Duration::from_secs(2);
/// How long the engine may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an engine may take to save a player and let go.
const LET_GO_TIMEOUT: Duration = Duration::from_secs(3);
/// What may be written at once: half of what the engine reads at once.
const BURST_BYTES: usize = 1_024;
/// Between packets beyond that. Each one wakes the engine, and it takes three a turn.
const PACE: Duration = Duration::from_millis(2);
/// After so long the engine has read what was written.
const BURST_OVER: Duration = Duration::from_millis(50);

/// Why a player does not get in, or is cut off.
#[derive(Debug, Error)]
pub(crate) enum PlayError {
    /// The header has no packet to enter with.
    #[error("the header does not say how to enter")]
    NoEntrance,
    /// No engine is ready.
    #[error("the engine is not ready")]
    NotReady,
    /// The engine does not accept.
    #[error("the engine does not accept: {0}")]
    Connect(std::io::Error),
    /// Somebody's bytes cannot be cut into packets.
    #[error(transparent)]
    Garbage(#[from] DecodeError),
}

/// How one of the two directions ended.
#[derive(Debug)]
enum End {
    /// The client is gone.
    Left,
    /// The client goes elsewhere: the engine is told so, and lets go.
    Detached,
    /// The connection to the coordinator is gone.
    Cut,
    /// The engine has closed.
    Engine,
    /// Bytes that make no sense.
    Garbage(DecodeError),
}

/// Serves a stream until one of its sides ends. `rest` came behind the header.
pub(crate) async fn play(
    send: &mut SendStream,
    recv: &mut RecvStream,
    open: &GameOpen,
    rest: BytesMut,
    door: &Door,
) -> Result<(), PlayError> {
    if client_to_server().measure(&open.enter) != Ok(Some(open.enter.len())) || packet_id(&open.enter) != Ok(Enter::ID)
    {
        return Err(PlayError::NoEntrance);
    }
    let address = door.address(ENGINE_PATIENCE).await.ok_or(PlayError::NotReady)?;
    let connect = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
    let late = || std::io::Error::from(std::io::ErrorKind::TimedOut);
    let mut engine = connect.await.map_err(|_| late()).flatten().map_err(PlayError::Connect)?;
    engine.set_nodelay(true).map_err(PlayError::Connect)?;
    engine.write_all(&open.enter).await.map_err(PlayError::Connect)?;
    let visit = door.visit(SessionId(open.session));
    let (mut from_engine, to_engine) = engine.into_split();
    let end = {
        let up = up(recv, rest, to_engine, &visit, door.hold());
        let down = down(&mut from_engine, send, door.hold());
        tokio::pin!(up, down);
        tokio::select! {
            biased;
            end = &mut down => end,
            (end, to_engine) = &mut up => match end {
                // Closing our half would make the engine let go before it is told where to.
                End::Detached => let_go(down, to_engine).await,
                End::Left | End::Cut | End::Engine | End::Garbage(_) => end,
            },
        }
    };
    match end {
        End::Garbage(error) => Err(error.into()),
        End::Engine => {
            // Only fails when the coordinator has let go before.
            let _finished = send.finish();
            Ok(())
        }
        End::Left | End::Detached | End::Cut => {
            debug!(?end, "player leaves");
            Ok(())
        }
    }
}

/// Waits, within bounds, until the engine closes; what it says meanwhile is nobody's business.
async fn let_go(down: impl Future<Output = End>, to_engine: OwnedWriteHalf) -> End {
    let closed = tokio::time::timeout(LET_GO_TIMEOUT, down).await;
    drop(to_engine);
    match closed {
        Ok(_) => End::Detached,
        Err(_) => {
            debug!("the engine does not let go of a player who goes elsewhere");
            End::Detached
        }
    }
}

/// Client to engine. Gives the engine's half back, so that it is closed when the caller sees fit.
async fn up(
    recv: &mut RecvStream,
    mut buffer: BytesMut,
    mut engine: OwnedWriteHalf,
    visit: &Visit,
    mut hold: watch::Receiver<bool>,
) -> (End, OwnedWriteHalf) {
    let (mut burst, mut since) = (0, Instant::now());
    loop {
        match client_to_server().next(&mut buffer) {
            Ok(Some(packet)) => {
                let_through(&mut hold).await;
                if since.elapsed() >= BURST_OVER {
                    burst = 0;
                }
                if burst + packet.len() > BURST_BYTES {
                    tokio::time::sleep(PACE).await;
                }
                burst += packet.len();
                since = Instant::now();
                if packet_id(&packet) == Ok(Loaded::ID) {
                    visit.entered();
                }
                if engine.write_all(&packet).await.is_err() {
                    return (End::Engine, engine);
                }
            }
            Ok(None) => match recv.read_buf(&mut buffer).await {
                Ok(0) => return (End::Left, engine),
                Ok(_) => {}
                Err(error) => return (end_of(&error), engine),
            },
            Err(error) => return (End::Garbage(error), engine),
        }
    }
}

/// Engine to client, in as few writes as it can be had. A client that does not read holds its engine's socket back; the
/// engine gives up on it at 1 MiB (`WFIFO_MAX`).
async fn down(engine: &mut OwnedReadHalf, send: &mut SendStream, mut hold: watch::Receiver<bool>) -> End {
    let mut buffer = BytesMut::new();
    loop {
        match engine.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return End::Engine,
            Ok(_) => {}
        }
        let whole = match server_to_client().whole(&buffer) {
            Ok(whole) => whole,
            Err(error) => return End::Garbage(error),
        };
        let_through(&mut hold).await;
        // Once the stream is reset or stopped nobody listens; reading on lets the engine finish.
        if whole > 0 && send.write_chunk(buffer.split_to(whole).freeze()).await.is_err() {
            return drain(engine, buffer).await;
        }
    }
}

/// Reads to the end without keeping anything.
async fn drain(engine: &mut OwnedReadHalf, mut buffer: BytesMut) -> End {
    loop {
        buffer.clear();
        if let Ok(0) | Err(_) = engine.read_buf(&mut buffer).await {
            return End::Engine;
        }
    }
}

/// Waits while players are held.
async fn let_through(hold: &mut watch::Receiver<bool>) {
    // Its sender lives as long as the engines; without it everything is being torn down.
    drop(hold.wait_for(|held| !held).await);
}

/// A reset is the coordinator's word about the client; anything else is the connection's end.
fn end_of(error: &std::io::Error) -> End {
    let detached = VarInt::from_u32(StreamCode::Detached.into());
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>()) {
        Some(ReadError::Reset(code)) if *code == detached => End::Detached,
        Some(ReadError::Reset(_)) => End::Left,
        Some(_) | None => End::Cut,
    }
}
