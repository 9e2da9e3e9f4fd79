//! One player's game stream: whole client packets in, whole server packets out.
//!
//! The coordinator's side ends when the client is gone; ours when the engine has let the session go. When the connection
//! dies under the stream, neither has happened: the engine keeps the session until the coordinator is back and decides.

use std::io;
use std::time::Duration;

use bifrost_protocol::DecodeError;
use bifrost_protocol::client::client_to_server;
use bifrost_protocol::control::{GameOpen, StreamCode, StreamKind};
use bifrost_protocol::ids::{Epoch, GroupName, SessionId};
use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, WriteError};
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::code;
use super::messages::{MessageError, read_header};
use super::outbox::{self, OUTBOX_BYTES, Packets};
use crate::engine::rathena::{ENGINE_PATIENCE, PlayError, play};
use crate::engine::{Directory, Serving, ToEngine};

/// Why a game stream was not served to its end.
#[derive(Debug, Error)]
pub(crate) enum GameError {
    /// No header that makes sense.
    #[error(transparent)]
    Header(#[from] MessageError),
    /// The group is not served here under this epoch.
    #[error("group {0} is not leased to this host under {1:?}")]
    NotLeased(GroupName, Epoch),
    /// The machine carries as many players as its owner allows.
    #[error("this host carries as many players as it may")]
    TooMany,
    /// The client's bytes cannot be cut into packets.
    #[error(transparent)]
    Garbage(#[from] DecodeError),
    /// The engine stopped while the session was on its way in.
    #[error("the engine has stopped")]
    Stopped,
    /// A stock map-server does not take the player, or has cut it off.
    #[error(transparent)]
    Play(#[from] PlayError),
}

/// How the client's side of a stream ended.
enum End {
    /// The client is gone.
    Left,
    /// The connection to the coordinator is gone; the client may be back.
    Cut,
}

/// Serves a stream that the coordinator opened, until one of its sides ends.
pub(crate) async fn serve(mut send: SendStream, mut recv: RecvStream, directory: Directory) {
    if let Err(error) = attach(&mut send, &mut recv, &directory).await {
        let refused = match &error {
            GameError::Garbage(_) | GameError::Play(PlayError::Garbage(_)) => StreamCode::Misbehaved,
            GameError::Stopped | GameError::Play(_) => StreamCode::Dropped,
            GameError::Header(_) | GameError::NotLeased(..) | GameError::TooMany => StreamCode::Refused,
        };
        warn!(%error, "game stream refused");
        directory.count_error();
        let _over = (send.reset(code(refused)), recv.stop(code(refused)));
    }
}

#[tracing::instrument(skip_all, fields(session, group))]
async fn attach(send: &mut SendStream, recv: &mut RecvStream, directory: &Directory) -> Result<(), GameError> {
    let (open, rest) = read_header::<_, GameOpen>(recv, StreamKind::Game).await?;
    let (session, group, epoch) = (SessionId(open.session), GroupName(open.group.clone()), Epoch(open.epoch));
    tracing::Span::current().record("session", session.0).record("group", &group.0);
    // A standby that is being promoted may hear of its lease a moment after its first player does.
    let patience = if open.enter.is_empty() { Duration::ZERO } else { ENGINE_PATIENCE };
    let serving = directory.await_engine(&group, epoch, patience).await.ok_or(GameError::NotLeased(group, epoch))?;
    if !directory.has_room() {
        return Err(GameError::TooMany);
    }
    let engine = match serving {
        Serving::Embedded(inbox) => inbox,
        Serving::Stock(door) => return Ok(play(send, recv, &open, rest, &door).await?),
    };
    let (outbox, packets) = outbox::channel(OUTBOX_BYTES);
    let arrival = ToEngine::Attach { open: Box::new(open), outbox };
    engine.send(arrival).await.map_err(|_| GameError::Stopped)?;
    pump(session, send, recv, rest, packets, &engine).await
}

/// Both directions at once: neither waits for the other.
async fn pump(
    session: SessionId,
    send: &mut SendStream,
    recv: &mut RecvStream,
    rest: BytesMut,
    packets: Packets,
    engine: &mpsc::Sender<ToEngine>,
) -> Result<(), GameError> {
    let down = write(send, packets);
    let up = read(session, recv, rest, engine);
    tokio::pin!(down, up);
    let end = tokio::select! {
        biased;
        written = &mut down => match written {
            // The engine has let go; what the client still says is of no interest.
            Ok(()) => return Ok(()),
            Err(WriteError::Stopped(_)) => Ok(End::Left),
            Err(WriteError::ConnectionLost(_) | WriteError::ClosedStream | WriteError::ZeroRttRejected) => Ok(End::Cut),
        },
        end = &mut up => end,
    };
    match end {
        Ok(End::Cut) => {
            debug!("connection lost, session is kept");
            Ok(())
        }
        Ok(End::Left) => leave(session, engine, down).await,
        Err(error) => {
            let gone = engine.send(ToEngine::Left { session }).await;
            debug!(engine_stopped = gone.is_err(), "session ends");
            Err(error)
        }
    }
}

/// Tells the engine that the client is gone and waits until it has let the session go, or stopped.
async fn leave(
    session: SessionId,
    engine: &mpsc::Sender<ToEngine>,
    down: impl Future<Output = Result<(), WriteError>>,
) -> Result<(), GameError> {
    engine.send(ToEngine::Left { session }).await.map_err(|_| GameError::Stopped)?;
    if let Err(error) = down.await {
        debug!(%error, "nobody reads the end of the session");
    }
    Ok(())
}

/// Whole packets to the engine. A full inbox holds the stream back: a client that floods waits for its own packets.
async fn read(
    session: SessionId,
    recv: &mut RecvStream,
    mut buffer: BytesMut,
    engine: &mpsc::Sender<ToEngine>,
) -> Result<End, GameError> {
    loop {
        while let Some(packet) = client_to_server().next(&mut buffer)? {
            engine.send(ToEngine::Packet { session, packet: own(packet) }).await.map_err(|_| GameError::Stopped)?;
        }
        match recv.read_buf(&mut buffer).await {
            Ok(0) => return Ok(End::Left),
            Ok(_) => {}
            Err(error) => return Ok(end_of(&error)),
        }
    }
}

/// A packet that does not keep the whole read buffer alive.
fn own(packet: Bytes) -> Bytes {
    Bytes::copy_from_slice(&packet)
}

/// A reset is the coordinator's word that the client is gone; anything else is the connection's end.
fn end_of(error: &io::Error) -> End {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ReadError>()) {
        Some(ReadError::Reset(_)) => End::Left,
        Some(_) | None => End::Cut,
    }
}

/// What the engine sends, in as few writes as it can be had; ends the stream when the engine lets go.
async fn write(send: &mut SendStream, mut packets: Packets) -> Result<(), WriteError> {
    while let Some(bytes) = packets.next().await {
        send.write_chunk(bytes).await?;
    }
    // Only fails when the stream is reset or finished, which nobody else does.
    let _finished = send.finish();
    Ok(())
}
